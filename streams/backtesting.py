"""Backtest: events and labels that no worker ever read, in the order in which one would have."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.column import chosen, whole_numbers
from streams.chunks import Chunk
from streams.codec import Decoder
from streams.eventtimes import event_times
from streams.routing import Router
from streams.slices import Slice
from streams.task import Output, PartitionTask

if TYPE_CHECKING:
    from streams.declare import Labels, Topic
    from streams.pipeline import Pipeline

__all__ = ["Lanes", "backtest"]

_BLOCK_EVENTS = 1_024


async def backtest(
    task: PartitionTask, events: AsyncIterator[Slice], labels: AsyncIterator[Slice] | None = None
) -> AsyncGenerator[tuple[Slice, Output], None]:
    """Each slice in the order in which it is taken, with what it brings.

    Events are taken in blocks of 1,024. Before each, labels are taken in the order of their log up
    to the first that is dated after the last of the block's events: the joiner has a label that is
    dated later than an event wait for its date. So the result depends on nothing but the logs, and
    where dates rise along them it is what a worker would have computed that was there at the time.

    Args:
        task: at the beginning of both.
        events: of its partition.
        labels: of its partition; None where there is no such topic.
    """
    pipeline = task.pipeline
    clock = _Clock(pipeline, pipeline.events)
    waiting = None
    if labels is not None and pipeline.label_topic is not None:
        waiting = _Waiting(labels, _Clock(pipeline, pipeline.label_topic))
    async for block in _blocks(events, _BLOCK_EVENTS):
        latest = float(clock.of(block).max(initial=-np.inf))
        if waiting is not None:
            async for due in waiting.until(latest):
                yield due, task.take(due)
        yield block, task.take(block)
    if waiting is not None:
        async for due in waiting.until(np.inf):
            yield due, task.take(due)


class _Clock:
    """The latest date up to each record of a log; one that has none is dated like that before it.

    Args:
        pipeline: of the log.
        topic: its declaration.
    """

    def __init__(self, pipeline: Pipeline, topic: Topic | Labels) -> None:
        self._field = topic.time
        self._decoder = Decoder(topic.schema, pipeline.max_event_bytes)
        self._latest = -np.inf

    def of(self, records: Slice) -> NDArray[np.float64]:
        """float64[n], seconds since the epoch, for the next records of the log."""
        dates = np.full(len(records), -np.inf)
        if self._field is None:
            dates[:] = whole_numbers(records.timestamps) / 1000
        elif len(records):
            decoded = self._decoder.decode(records)
            stamps = chosen(whole_numbers(records.timestamps), decoded.places)
            at, bad = event_times(decoded.column(self._field), stamps)
            dates[np.asarray(decoded.places, np.intp)] = at.seconds
            dates[[decoded.places[n] for n in bad]] = -np.inf
        latest = np.maximum.accumulate(np.maximum(dates, self._latest))
        self._latest = latest[-1] if len(latest) else self._latest
        return latest


class _Waiting:
    """The labels that are still to be taken."""

    def __init__(self, labels: AsyncIterator[Slice], clock: _Clock) -> None:
        self._labels = labels
        self._clock = clock
        self._rest: Slice | None = None
        self._dates: NDArray[np.float64] = np.empty(0)

    async def until(self, latest: float) -> AsyncIterator[Slice]:
        """Those up to the first that is dated after that."""
        while True:
            if self._rest is None:
                self._rest = await anext(self._labels, None)
                if self._rest is None:
                    return
                self._dates = self._clock.of(self._rest)
            due = int(np.searchsorted(self._dates, latest, side="right"))
            records = self._rest
            if due < len(records):
                at = int(records.offsets[due])
                self._rest, self._dates = records.since(at), self._dates[due:]
                if due:
                    yield records.before(at)
                return
            self._rest = None
            yield records


async def _blocks(slices: AsyncIterator[Slice], size: int) -> AsyncIterator[Slice]:
    """The same records in slices of so many, however they were cut before; the last has fewer."""
    gathered: list[Slice] = []
    room = size
    async for records in slices:
        rest = records
        while len(rest) >= room:
            edge = int(rest.offsets[room]) if len(rest) > room else rest.next
            yield _joined([*gathered, rest.before(edge)])
            rest, gathered, room = rest.since(edge), [], size
        gathered.append(rest)
        room -= len(rest)
    if room < size:
        yield _joined(gathered)


def _joined(parts: list[Slice]) -> Slice:
    """Slices that follow each other as one."""
    parts = [part for part in parts if len(part)] or parts[:1]
    if len(parts) == 1:
        return parts[0]
    headers = None
    if any(part.headers is not None for part in parts):
        headers = [own for part in parts for own in part.headers or [()] * len(part)]
    return Slice(
        parts[0].topic,
        parts[0].partition,
        parts[0].start,
        parts[-1].next,
        np.concatenate([whole_numbers(part.offsets) for part in parts]),
        ByteColumn.concatenated([ByteColumn.of(part.keys) for part in parts]),
        ByteColumn.concatenated([ByteColumn.of(part.values) for part in parts]),
        np.concatenate([whole_numbers(part.timestamps) for part in parts]),
        headers,
    )


class Lanes:
    """A file's records divided among partitions, as a producer would.

    A record that is given no time has that of 1970: nothing is sent, there is no moment of sending.

    Args:
        topic: that they stand for.
        chunks: of the file.
        partitions: how many.
    """

    def __init__(self, topic: str, chunks: Iterable[Chunk], partitions: int) -> None:
        self._topic = topic
        self._chunks = iter(chunks)
        self._lanes: list[deque[Slice]] = [deque() for _ in range(partitions)]
        self._next = [0] * partitions
        self._router = Router(topic, {topic: partitions})

    async def lane(self, partition: int) -> AsyncIterator[Slice]:
        """The records of one partition; reads the file on, and keeps what is for the others."""
        own = self._lanes[partition]
        while True:
            while not own:
                chunk = next(self._chunks, None)
                if chunk is None:
                    return
                self._divide(chunk)
            yield own.popleft()

    def _divide(self, chunk: Chunk) -> None:
        none = [None] * len(chunk)
        keys = ByteColumn.of(none if chunk.keys is None else chunk.keys)
        values = ByteColumn.of(chunk.values)
        stamps = whole_numbers([0] * len(chunk) if chunk.timestamps is None else chunk.timestamps)
        for number, places in self._router.split(chunk):
            start, end = self._next[number], self._next[number] + len(places)
            self._next[number] = end
            self._lanes[number].append(
                Slice(
                    self._topic,
                    number,
                    start,
                    end,
                    np.arange(start, end),
                    keys.take(places),
                    values.take(places),
                    stamps[places],
                )
            )
