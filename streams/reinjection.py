"""Dead letters that the pipeline would take by now, written to their topics again, once each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from streams.choice import Choice, DeadLetterError
from streams.cluster import Security, admin, connection
from streams.deadletters import chosen_letters, name_of, records_of
from streams.letters import DeadLetter
from streams.partitioning import partitions_of
from streams.producer import Fenced, PartitionProducer
from streams.slices import Headers, Record, Records, Slice
from streams.task import PartitionTask
from streams.topics import TopicSpec, describe, ensure, retention_ms, topic_named

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["Judge", "Reinjection", "Summary", "reinjected"]

_TIMEOUT_S = 60.0
_HEADER = "thalweg.reinjected"


@dataclass(slots=True)
class Summary:
    """What has become of the letters.

    Attributes:
        written: how many were written again, by topic; or would have been.
        left: how many were not, by why.
        before: how many had been written by an earlier run.
    """

    written: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    before: int = 0


class Judge:
    """Says whether a pipeline, as it is declared now, would take a record.

    The verdict is that of a task like any worker's, whose state is then thrown away: it does not
    depend on it.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._topics = pipeline.input_topics
        self._task = PartitionTask(pipeline, 0)

    def verdicts(self, letters: Sequence[DeadLetter]) -> list[DeadLetter | None]:
        """For each of the letters, all from one topic, why it is turned away now; None: it is not.

        The offset in such an answer is the letter's place among those given.
        """
        topic, n = letters[0].topic, len(letters)
        self._task.positions = dict.fromkeys(self._topics, 0)
        output = self._task.take(
            Slice(
                topic,
                0,
                0,
                n,
                range(n),
                [one.raw.key for one in letters],
                [one.raw.value for one in letters],
                [one.raw.timestamp for one in letters],
                [one.headers for one in letters],
            )
        )
        rejected = output.dead_letters
        found: list[DeadLetter | None] = [None] * n
        for key, value, at, headers in zip(
            rejected.keys, rejected.values, rejected.timestamps, rejected.headers or (), strict=True
        ):
            verdict = DeadLetter.of(Record(topic, 0, 0, key, value, int(at), headers))
            found[verdict.offset] = verdict
        return found


class Reinjection:
    """Writes letters again, each in one transaction with a note in a ledger that it was.

    The ledger is a compacted topic, ``NAME.reinjected``. Whoever starts fences a run before it,
    whose open transaction is aborted, and only then reads the ledger: so a letter is written once,
    however often the command is killed, repeated, or run by two people at a time.

    Args:
        pipeline: as it is declared now.
        bootstrap: brokers to ask first, host:port with commas between.
        security: options of the connection.

    Raises:
        ClusterError: there is no Kafka.
        TopicError: a topic of the pipeline is missing.
    """

    def __init__(
        self, pipeline: Pipeline, bootstrap: str, security: Security | None = None
    ) -> None:
        self._pipeline = pipeline
        self._bootstrap = bootstrap
        self._security = security
        self._client = connection(bootstrap, security)
        topics = pipeline.input_topics
        self._counts = {name: topic_named(bootstrap, name, security).partitions for name in topics}
        self._kept = {name: retention_ms(bootstrap, name, security) for name in topics}
        self._letters = topic_named(bootstrap, pipeline.dead_letters_topic, security)
        self._id = _topic_id(bootstrap, self._letters.name, security)
        self._judge = Judge(pipeline)

    async def run(
        self,
        choice: Choice,
        *,
        dry: bool = False,
        progress: Callable[[float, Summary], object] | None = None,
    ) -> Summary:
        """Write again what the pipeline would take by now.

        Args:
            choice: which letters are meant; `limit` counts those that are written.
            dry: only find out.
            progress: called after each fetch.

        Raises:
            DeadLetterError: another run has begun meanwhile, and goes on in place of this one.
        """
        summary = Summary()
        producer = None if dry else await self._producer()
        try:
            done = await reinjected(self._pipeline, self._bootstrap, self._security)
            fetches = chosen_letters(
                self._client,
                self._letters.name,
                self._letters.partitions,
                replace(choice, limit=None),
                None if progress is None else lambda share: progress(share, summary),
            )
            async with aclosing(fetches):
                async for letters in fetches:
                    waiting = [one for one in letters if name_of(one) not in done]
                    summary.before += len(letters) - len(waiting)
                    good = self._good(waiting, summary)
                    if choice.limit is not None:
                        good = good[: choice.limit - summary.written.total()]
                    if good and producer is not None:
                        await self._write(producer, good)
                    summary.written.update(one.topic for one in good)
                    if summary.written.total() == choice.limit:
                        break
        except Fenced as error:
            raise DeadLetterError(
                f"{summary.written.total():,} records written again, and then no more",
                "somebody else has begun to write the same letters",
                "nothing: whoever came last goes on, and each letter is written once",
            ) from error
        finally:
            if producer is not None:
                await producer.stop()
        return summary

    async def _producer(self) -> PartitionProducer:
        """The only writer of the ledger, from now on."""
        name, compacted = self._pipeline.reinjected_topic, {"cleanup.policy": "compact"}
        ensure(self._bootstrap, [TopicSpec(name, 1, configs=compacted)], self._security)
        group = f"{self._pipeline.dead_letters_topic}.reinject"
        producer = PartitionProducer(self._client, group, _TIMEOUT_S, "none")
        await producer.start()
        return producer

    def _good(self, letters: Sequence[DeadLetter], summary: Summary) -> list[DeadLetter]:
        """Those that can be written again; of the others it is counted why not."""
        now = time.time() * 1000
        whole: dict[str, list[DeadLetter]] = {}
        for one in letters:
            kept = self._kept.get(one.topic)
            if one.topic not in self._counts:
                summary.left["no-input"] += 1
            elif one.cut:
                summary.left["cut"] += 1
            elif kept is not None and now - one.raw.timestamp > kept:
                summary.left["expired"] += 1
            else:
                whole.setdefault(one.topic, []).append(one)
        good = []
        for some in whole.values():
            for one, verdict in zip(some, self._judge.verdicts(some), strict=True):
                if verdict is None:
                    good.append(one)
                else:
                    summary.left[verdict.reason] += 1
        return good

    async def _write(self, producer: PartitionProducer, letters: Sequence[DeadLetter]) -> None:
        """One transaction: the records, and for each a note that it was written."""
        lanes: dict[tuple[str, int], list[DeadLetter]] = {}
        for one in letters:
            lanes.setdefault((one.topic, self._partition(one)), []).append(one)
        await producer.begin()
        for (topic, partition), some in lanes.items():
            await producer.send(topic, partition, self._records(some))
        await producer.send(self._pipeline.reinjected_topic, 0, self._notes(lanes))
        await producer.add_offsets({}, "")
        await producer.commit()

    def _partition(self, letter: DeadLetter) -> int:
        """That of its key, as of all records with that key; without one, its own."""
        turn = letter.partition
        return int(partitions_of([letter.raw.key], self._counts[letter.topic], turn)[0])

    def _records(self, letters: Sequence[DeadLetter]) -> Records:
        """The records as they first came, with the name of the letter in a header."""
        headers: list[Headers] = []
        for one in letters:
            place = f"{one.raw.topic}/{one.raw.partition}/{one.raw.offset}"
            headers.append([*one.headers, (_HEADER, place.encode())])
        return Records(
            [one.raw.key for one in letters],
            [one.raw.value for one in letters],
            [one.raw.timestamp for one in letters],
            headers,
        )

    def _notes(self, lanes: Mapping[tuple[str, int], Sequence[DeadLetter]]) -> Records:
        keys, values = [], []
        for (topic, partition), letters in lanes.items():
            for one in letters:
                came = f"{one.topic}/{one.partition}/{one.offset}"
                keys.append(f"{self._id} {name_of(one)}".encode())
                values.append(msgspec.json.encode({"from": came, "to": f"{topic}/{partition}"}))
        return Records(keys, values, [int(time.time() * 1000)] * len(keys))


async def reinjected(
    pipeline: Pipeline, bootstrap: str, security: Security | None = None
) -> set[str]:
    """The own places of the letters that were written again, as the ledger tells.

    Offsets of a topic that is deleted and made anew begin at 0 again: the ledger goes by its id.

    Raises:
        ClusterError: there is no Kafka.
        TopicError: there is no topic of dead letters.
    """
    if not describe(bootstrap, [pipeline.reinjected_topic], security):
        return set()
    prefix = f"{_topic_id(bootstrap, pipeline.dead_letters_topic, security)} ".encode()
    fetches = records_of(connection(bootstrap, security), pipeline.reinjected_topic, [0])
    return {
        record.key.removeprefix(prefix).decode(errors="replace")
        async for records in fetches
        for record in records
        if record.key is not None and record.key.startswith(prefix)
    }


def _topic_id(bootstrap: str, name: str, security: Security | None) -> str:
    with admin(bootstrap, security) as client:
        return str(client.describe_topics([name])[0]["topic_id"])
