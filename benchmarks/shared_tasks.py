"""Tasks of several partitions in one process, that hear of each other's events a while later."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.answering import Answer
from benchmarks.handbook import DELAY_DAYS
from benchmarks.measuring import BenchmarkError
from models.bytecolumn import ByteColumn
from models.rowdeltas import decode
from streams.chunks import Chunk
from streams.mixing import ROWS_BEGIN
from streams.output import Output
from streams.partitioning import partitions_of
from streams.pipeline import Pipeline
from streams.slices import Slice
from streams.task import PartitionTask

__all__ = ["Found", "Late", "simulated"]

_TICK = 500
_DELAY_US = DELAY_DAYS * 86_400_000_000


@dataclass
class Late:
    """How late rows were, that others told, when they were taken over.

    Attributes:
        at: int64[n], microseconds, when each event of the file was.
        rows: how many.
        events: by how many events of the file together.
        told: bytes of all deltas.
    """

    at: NDArray[np.int64]
    rows: int = 0
    events: int = 0
    told: int = 0

    def heard(self, delta: bytes, now: int) -> None:
        """A record of a delta is taken over by one that has come to event `now`.

        What it tells was learned when the label of its event matured.
        """
        learned = np.searchsorted(self.at, decode(delta[ROWS_BEGIN:]).times + _DELAY_US)
        self.rows += len(learned)
        self.events += int(np.maximum(now - learned, 0).sum())

    @property
    def mean(self) -> float:
        """In events of all partitions."""
        return self.events / max(self.rows, 1)


class Found(NamedTuple):
    """What tasks made of n events.

    Attributes:
        score: float64[n].
        figures: float32[n, d], the numbers of each event as its model read them.
        late: how late they heard of each other.
    """

    score: NDArray[np.float64]
    figures: NDArray[np.float32]
    late: Late


@dataclass
class _Log:
    """A topic of deltas of which each can be read some events after it was written."""

    delay: int
    waiting: deque[tuple[int, int, bytes]] = field(default_factory=deque)
    readable: list[tuple[int, bytes]] = field(default_factory=list)

    def write(self, now: int, sender: int, output: Output) -> None:
        self.waiting += [(now + self.delay, sender, delta) for delta in output.deltas]

    def reach(self, now: int) -> None:
        while self.waiting and self.waiting[0][0] <= now:
            self.readable.append(self.waiting.popleft()[1:])


def simulated(
    pipeline: Pipeline,
    at: NDArray[np.int64],
    events: Chunk,
    labels: Chunk,
    partitions: int,
    delay: int,
) -> Found:
    """Scores and figures of events, by one task for each partition.

    Args:
        pipeline: whose model reads numbers in slots.
        at: int64[n], microseconds, when each event was, ascending.
        events, labels: the records; labels by date, each taken when the events have come to it.
        partitions: how many.
        delay: events of all partitions between the writing of a delta and its being read.

    Raises:
        BenchmarkError: a record was turned away.
    """
    tasks = [PartitionTask(pipeline, number) for number in range(partitions)]
    for task in tasks:
        task.positions = dict.fromkeys(pipeline.consumed_topics, 0)
    log, late, score = _Log(delay), Late(at), np.full(len(events), np.nan)
    figures: NDArray[np.float32] = np.empty((0, 0), np.float32)
    parse = msgspec.json.Decoder(Answer).decode
    lanes = [_Lane(chunk, partitions) for chunk in (labels, events)]
    for now, stop in _ticks(len(events), max(_TICK, delay // 2)):
        log.reach(now)
        dated = int(np.searchsorted(labels.timestamps or (), at[stop - 1] // 1000, "right"))
        for task in tasks:
            for output in _hear(task, log, late, now):
                log.write(now, task.partition, output)
            for lane, upto, topic in zip(
                lanes, (dated, stop), reversed(pipeline.input_topics), strict=True
            ):
                places = lane.until(task.partition, upto)
                if not len(places):
                    continue
                output = task.take(lane.slice(topic, task, places))
                if output.dead_letters:
                    raise BenchmarkError(f"records were turned away: {dict(output.reasons)}")
                log.write(stop, task.partition, output)
            if len(places):
                score[places] = [parse(value).score for value in output.predictions.values]
                _, _, numbers = task.rows.window(task.rows.next - len(places), task.rows.next)
                if not len(figures):
                    figures = np.empty((len(events), len(numbers) // len(places)), np.float32)
                figures[places] = numbers.reshape(len(places), -1)
    return Found(score, figures, late)


def _ticks(count: int, tick: int) -> Iterator[tuple[int, int]]:
    for now in range(0, count, tick):
        yield now, min(now + tick, count)


def _hear(task: PartitionTask, log: _Log, late: Late, now: int) -> Iterator[Output]:
    """Have a task take over what it can read by now, and say what it makes it tell."""
    topic = task.pipeline.deltas_topic
    if topic is None:
        return
    start, stop = task.positions[topic], len(log.readable)
    new = log.readable[start:stop]
    if not new:
        return
    late.told += sum(len(delta) for sender, delta in new if sender == task.partition)
    for sender, delta in new:
        if sender != task.partition:
            late.heard(delta, now)
    keys = [str(sender).encode() for sender, _ in new]
    values = [delta for _, delta in new]
    place = (topic, 0, start, stop, range(start, stop))
    yield task.take(Slice(*place, keys, values, [0] * len(new)))


class _Lane:
    """The records of a topic, divided among partitions by their keys."""

    def __init__(self, chunk: Chunk, partitions: int) -> None:
        self._keys = ByteColumn.of(chunk.keys or ())
        self._values = ByteColumn.of(chunk.values)
        self._stamps = np.array(chunk.timestamps, np.int64)
        owner = partitions_of(self._keys, partitions)
        self._places = [np.flatnonzero(owner == number) for number in range(partitions)]
        self._taken = [0] * partitions

    def until(self, partition: int, upto: int) -> NDArray[np.int64]:
        """Places of the partition's next records, of those before `upto`."""
        own, taken = self._places[partition], self._taken[partition]
        self._taken[partition] = int(np.searchsorted(own, upto))
        places: NDArray[np.int64] = own[taken : self._taken[partition]]
        return places

    def slice(self, topic: str, task: PartitionTask, places: NDArray[np.int64]) -> Slice:
        """The records at some places, as the task's next of that topic."""
        start = task.positions[topic]
        stop = start + len(places)
        columns = self._keys.take(places), self._values.take(places), self._stamps[places]
        return Slice(topic, task.partition, start, stop, np.arange(start, stop), *columns)
