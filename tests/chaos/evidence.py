"""What a round left behind on the broker, read by a plain consumer of committed records."""

from __future__ import annotations

from asyncio import run
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.checkpoint import Checkpoints
from streams.image import ImageError, pack
from streams.pipeline import Pipeline
from streams.slices import Record
from tests.messages import record_of

__all__ = ["Evidence", "checkpoints", "collect"]

_PATIENCE_S = 10.0


@dataclass(slots=True)
class Evidence:
    """All that a pipeline read and wrote, each by the number of the partition.

    Attributes:
        pipeline: whose.
        inputs: by topic, its records.
        journal: its records' values.
        committed: by topic, the offset that the group reads next.
        predictions: that are committed.
        dead_letters: likewise.
        images: the newest one, packed; none where there is none that can be used.
        deltas: of a pipeline that mixes, what its partitions told each other.
    """

    pipeline: Pipeline
    inputs: Mapping[str, Mapping[int, list[Record]]]
    journal: Mapping[int, list[bytes]]
    committed: Mapping[str, Mapping[int, int]]
    predictions: Mapping[int, list[Record]]
    dead_letters: Mapping[int, list[Record]]
    images: Mapping[int, bytes]
    deltas: Sequence[Record] = ()

    @property
    def partitions(self) -> Sequence[int]:
        """Their numbers."""
        return sorted(self.inputs[self.pipeline.events.name])


def collect(brokers: str, pipeline: Pipeline, partitions: int, store: str | None) -> Evidence:
    """Read everything; the workers have been stopped.

    Args:
        brokers: host:port.
        pipeline: whose topics.
        partitions: that each of them has.
        store: where the images are; None where they are in their topic.
    """

    outputs = (pipeline.predictions_topic, pipeline.dead_letters_topic, pipeline.journal_topic)
    written = _read(brokers, (*pipeline.input_topics, *outputs), partitions)
    predictions, dead_letters, journal = (written.get(topic, {}) for topic in outputs)
    deltas = _read(brokers, [pipeline.deltas_topic], 1) if pipeline.deltas_topic else {}
    return Evidence(
        pipeline,
        {topic: written[topic] for topic in pipeline.input_topics},
        {number: [one.value or b"" for one in own] for number, own in journal.items()},
        _committed(brokers, pipeline.name, pipeline.input_topics, partitions),
        predictions,
        dead_letters,
        {n: _image(checkpoints(brokers, pipeline, n, store)) for n in range(partitions)},
        deltas[pipeline.deltas_topic][0] if pipeline.deltas_topic else (),
    )


def _read(
    brokers: str, topics: Sequence[str], partitions: int
) -> Mapping[str, Mapping[int, list[Record]]]:
    """By topic and partition, all records; topics that do not exist are left out."""
    options = {
        "bootstrap.servers": brokers,
        "group.id": "verifier",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
    }
    consumer = Consumer(options)
    try:
        there = consumer.list_topics(timeout=_PATIENCE_S).topics
        places = [(topic, n) for topic in topics if topic in there for n in range(partitions)]
        found: dict[str, dict[int, list[Record]]] = defaultdict(dict)
        for topic, number in places:
            found[topic][number] = []
        consumer.assign([TopicPartition(*place, 0) for place in places])
        unread = set(places)
        while unread:
            for message in consumer.consume(10_000, 0.1):
                if message.error() is None:
                    found[message.topic()][message.partition()].append(record_of(message))
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    unread.discard((message.topic(), message.partition()))
                else:
                    raise KafkaException(message.error())
        return found
    finally:
        consumer.close()


def _committed(
    brokers: str, group: str, topics: Sequence[str], partitions: int
) -> Mapping[str, Mapping[int, int]]:
    """By topic and partition, the offset a group reads next; 0 where it has committed none."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group})
    try:
        places = [TopicPartition(topic, n) for topic in topics for n in range(partitions)]
        found: dict[str, dict[int, int]] = defaultdict(dict)
        for place in consumer.committed(places, _PATIENCE_S):
            found[place.topic][place.partition] = max(place.offset, 0)
        return found
    finally:
        consumer.close()


def checkpoints(brokers: str, pipeline: Pipeline, partition: int, store: str | None) -> Checkpoints:
    """Where the images of a partition are."""
    client = {"bootstrap_servers": brokers}
    topic, group = pipeline.checkpoints_topic, pipeline.name
    return Checkpoints(client, topic, partition, group, store=store)


def _image(images: Checkpoints) -> bytes:
    try:
        found = run(images.newest())
    except ImageError:
        return b""
    return b"" if found is None else pack(found.image)
