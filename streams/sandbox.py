"""A cluster and its workers' partitions in memory: what a test driver has instead of Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streams.image import pack, unpack
from streams.journal import Entry
from streams.mixing import group_key, of_group
from streams.output import Output
from streams.partitioning import partitions_of
from streams.pipeline import Pipeline
from streams.progress import Progress
from streams.slices import Headers, Record, Records, Slice
from streams.task import PartitionTask

__all__ = ["Cluster", "Log", "OpenPartition"]


_IMAGES_KEPT = 4


class Log:
    """A topic with its partitions; offsets count from 0, without gaps.

    Attributes:
        records: of all partitions, in the order in which they were appended.
    """

    def __init__(self, name: str, partitions: int) -> None:
        self.name = name
        self.records: list[Record] = []
        self._partitions: list[list[Record]] = [[] for _ in range(partitions)]
        self._turn = 0

    def end(self, partition: int) -> int:
        """The offset that the partition's next record gets."""
        return len(self._partitions[partition])

    def route(self, keys: Sequence[bytes | None]) -> list[int]:
        """The partition for each key, as Kafka's own clients choose it; without one, in turns."""
        places: list[int] = partitions_of(keys, len(self._partitions), self._turn).tolist()
        self._turn += keys.count(None)
        return places

    def append(self, partition: int, records: Records) -> list[Record]:
        """Add records to a partition; they are returned as they stand there."""
        headers: Iterable[Headers] = records.headers or [()] * len(records)
        rows = zip(records.keys, records.values, records.timestamps, headers, strict=True)
        added = [
            Record(self.name, partition, offset, *row)
            for offset, row in enumerate(rows, self.end(partition))
        ]
        self._partitions[partition] += added
        self.records += added
        return added

    def read(self, partition: int, start: int, limit: int | None) -> Slice:
        """The records of a partition from offset `start` on: at most `limit`, or all there are."""
        stop = None if limit is None else start + limit
        found = self._partitions[partition][start:stop]
        headers = [record.headers for record in found]
        return Slice(
            self.name,
            partition,
            start,
            start + len(found),
            [record.offset for record in found],
            [record.key for record in found],
            [record.value for record in found],
            [record.timestamp for record in found],
            headers if any(headers) else None,
        )


class Cluster:
    """What outlives the workers: topics, committed offsets, images.

    Attributes:
        inputs: the topics that the pipeline reads, by name, that of its own deltas among them.
        predictions: the topic of that name.
        dead_letters: likewise.
        journal: of each partition.
        committed: for each partition the offsets of the pipeline's group, by topic.
        images: of each partition, the newest last.
    """

    def __init__(self, pipeline: Pipeline, partitions: int) -> None:
        self.pipeline = pipeline
        self.inputs = {name: Log(name, partitions) for name in pipeline.input_topics}
        if pipeline.deltas_topic is not None:
            self.inputs[pipeline.deltas_topic] = Log(pipeline.deltas_topic, 1)
        self.predictions = Log(pipeline.predictions_topic, partitions)
        self.dead_letters = Log(pipeline.dead_letters_topic, partitions)
        self.journal: list[list[Entry]] = [[] for _ in range(partitions)]
        self.committed: list[dict[str, int]] = [{} for _ in range(partitions)]
        self.images: list[list[bytes]] = [[] for _ in range(partitions)]

    def end(self, topic: str, number: int) -> int:
        """The offset behind what there is for a task in one of the inputs."""
        return self.inputs[topic].end(self.pipeline.partition_of(topic, number))

    def read(self, topic: str, number: int, start: int, limit: int | None) -> Slice:
        """What a task reads of one of the inputs; see `Log.read`."""
        place = self.pipeline.partition_of(topic, number)
        records = self.inputs[topic].read(place, start, limit)
        deltas = topic == self.pipeline.deltas_topic
        return of_group(records, self.pipeline.name) if deltas else records

    def publish(self, number: int, output: Output) -> None:
        """Append what a task has made."""
        self.predictions.append(number, output.predictions)
        self.dead_letters.append(number, output.dead_letters)
        if output.deltas:
            keys = [group_key(self.pipeline.name, number)] * len(output.deltas)
            deltas = Records(keys, output.deltas, [0] * len(output.deltas))
            self.inputs[self.pipeline.deltas_topic or ""].append(0, deltas)


class OpenPartition:
    """A partition at work, taken over from its former owner; see `streams.partition.Partition`.

    Attributes:
        task: of the partition.
        slices: how many were taken since the last commit.
    """

    def __init__(self, cluster: Cluster, number: int) -> None:
        self.task = PartitionTask(cluster.pipeline, number)
        self.slices = 0
        self._cluster = cluster
        self._number = number
        self._outputs: list[Output] = []
        self._progress = Progress(self.task, cluster.pipeline.name)
        images = cluster.images[number]
        starts = dict.fromkeys(cluster.inputs, 0)
        self._progress.resume(
            unpack(images[-1]) if images else None, cluster.committed[number], starts
        )
        self._recover()
        self._recorder = self._progress.recorder()
        self.commit(image=True)

    def _recover(self) -> None:
        """Compute again what was committed since the image, in the journal's order."""
        cluster, number = self._cluster, self._number
        recovery = self._progress.recovery(cluster.journal[number], {})
        for topic, position in self.task.positions.items():
            recovery.offer(cluster.read(topic, number, position, None))
        for records in recovery.ready():
            self.task.take(records)

    def has_left(self, topic: str) -> bool:
        """Whether there is something in a topic that it has not taken."""
        return self.task.positions[topic] < self._cluster.end(topic, self._number)

    def take(self, records: Slice) -> None:
        """Compute a slice, and keep what it makes for the next commit."""
        self.slices += 1
        self._outputs.append(self.task.take(records))
        self._recorder.note(records.topic, records.next)

    def commit(self, *, image: bool = False) -> None:
        """Publish what was computed with the offsets that were reached, and an image if asked."""
        cluster, number = self._cluster, self._number
        for output in self._outputs:
            cluster.publish(number, output)
        if image:
            cluster.images[number].append(pack(self.task.image()))
            del cluster.images[number][:-_IMAGES_KEPT]
        reached = self._progress.uncommitted(self.task.positions)
        if (entry := self._recorder.entry(reached)) is not None:
            cluster.journal[number].append(entry)
        self._progress.committed.update(reached)
        cluster.committed[number] = dict(self._progress.committed)
        self._outputs = []
        self.slices = 0
