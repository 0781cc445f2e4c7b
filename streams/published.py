"""Predictions as they were published, read back in columns."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiokafka
import msgspec
from aiokafka import TopicPartition

from streams.errors import UNREADABLE
from streams.logreading import ends, stretch
from streams.slices import Records, Slice

__all__ = [
    "Published",
    "Row",
    "cut",
    "is_before",
    "is_behind",
    "offset_of",
    "published_since",
    "rows",
]


class Row(NamedTuple):
    """One record's content; `timestamp` in milliseconds since the epoch."""

    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Published:
    """The published predictions of a range of events, in order, as many at a time as one likes.

    Args:
        slices: of the predictions topic; none of them are of events before `first`, but perhaps
            those at the beginning.
        first: offset of the first event.
        stop: offset behind the last one; None: there is no last one.
    """

    def __init__(self, slices: AsyncGenerator[Slice, None], first: int, stop: int | None) -> None:
        self._slices = slices
        self._first = first
        self._stop = stop
        self._ahead: deque[Records] = deque()
        self._begun = self._ended = False

    async def take(self, count: int) -> Records:
        """The next `count`, or as many as there are."""
        parts: list[Records] = []
        while count > 0 and (self._ahead or await self._read()):
            head = self._ahead.popleft()
            if len(head) > count:
                self._ahead.appendleft(cut(head, count, len(head)))
                head = cut(head, 0, count)
            parts.append(head)
            count -= len(head)
        return Records.joined(parts) if parts else Records([], [], [])

    def put_back(self, records: Records) -> None:
        """Have these come next."""
        if len(records):
            self._ahead.appendleft(records)

    async def peek(self) -> Row | None:
        """The next one, which stays the next; None: there are no more."""
        head = await self.take(1)
        self.put_back(head)
        return rows(head)[0] if len(head) else None

    async def _read(self) -> bool:
        """Whether there was one more slice."""
        found = None if self._ended else await anext(self._slices, None)
        if found is not None:
            self._ahead.append(self._within(found))
        return found is not None

    def _within(self, found: Slice) -> Records:
        """Those of the range; predictions follow each other as their events do."""
        records = Records(found.keys, found.values, found.timestamps, found.headers)
        start, stop = 0, len(records)
        while not self._begun and start < stop and is_before(records.values[start], self._first):
            start += 1
        self._begun = self._begun or start < stop
        while self._stop is not None and stop > start:
            if not is_behind(records.values[stop - 1], self._stop - 1):
                break
            self._ended = True
            stop -= 1
        return cut(records, start, stop)


@asynccontextmanager
async def published_since(
    client: Mapping[str, Any],
    topic: str,
    partition: int,
    timestamp: int | None,
) -> AsyncIterator[AsyncGenerator[Slice, None]]:
    """The committed predictions from the first on that carries this timestamp or a later one.

    A prediction has the timestamp of its event: none of that event's comes before.

    Args:
        client: connection options of aiokafka.
        topic: of predictions.
        partition: of it.
        timestamp: in milliseconds since the epoch; None: from the topic's beginning.
    """
    begin, end = await ends(client, [topic], partition)
    start = begin[topic]
    if timestamp is not None:
        tp = TopicPartition(topic, partition)
        async with aiokafka.AIOKafkaConsumer(**client) as consumer:
            found = (await consumer.offsets_for_times({tp: timestamp}))[tp]
        start = end[topic] if found is None else found.offset
    async with stretch(client, topic, partition, start, end[topic]) as slices:
        yield slices


def rows(records: Records) -> list[Row]:
    """Record by record."""
    headers = records.headers or [()] * len(records)
    columns = zip(records.keys, records.values, records.timestamps, headers, strict=True)
    return [
        Row(key, value, int(at), tuple((name, it) for name, it in own))
        for key, value, at, own in columns
    ]


class _Where(msgspec.Struct):
    offset: int


def offset_of(value: bytes | None) -> int | None:
    """Offset of the event that a prediction is of; None where it is no prediction."""
    try:
        return _where.decode(value or b"").offset
    except UNREADABLE:
        return None


_where = msgspec.json.Decoder(_Where)


def is_before(value: bytes | None, offset: int) -> bool:
    """Whether a prediction is of an event before that offset."""
    at = offset_of(value)
    return at is not None and at < offset


def is_behind(value: bytes | None, offset: int) -> bool:
    """Whether a prediction is of an event behind that offset."""
    at = offset_of(value)
    return at is not None and at > offset


def cut(records: Records, start: int, stop: int) -> Records:
    """The records ``start <= n < stop``."""
    part = slice(start, stop)
    headers = None if records.headers is None else records.headers[part]
    return Records(records.keys[part], records.values[part], records.timestamps[part], headers)
