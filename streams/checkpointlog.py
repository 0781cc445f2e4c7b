"""The reading side of the checkpoints topic: a partition's records from its end, or by offset."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiokafka
from aiokafka import ConsumerRecord, TopicPartition

from streams.logreading import reader

__all__ = ["CheckpointLog", "opened_log"]

_WAIT_MS = 500
_READ_BACK, _FURTHER = 16, 8
_NEAR = 16
"""Offsets that are read in passing rather than sought past."""


class CheckpointLog:
    """Committed records of one partition, as it was when this was opened."""

    def __init__(
        self, consumer: aiokafka.AIOKafkaConsumer, tp: TopicPartition, begin: int, end: int
    ) -> None:
        self._consumer = consumer
        self._tp = tp
        self._begin = begin
        self._end = end

    async def back(self, wanted: Callable[[bytes], object]) -> AsyncIterator[ConsumerRecord]:
        """Records with a wanted key, the last first.

        Looks back further each time: blocks and other groups' images lie between.
        """
        stop, reach = self._end, _READ_BACK
        while stop > self._begin:
            start = max(self._begin, stop - reach)
            found = [
                record
                async for record in self._between(start, stop)
                if record.key is not None and wanted(record.key)
            ]
            for record in reversed(found):
                yield record
            stop, reach = start, reach * _FURTHER

    async def values(self, offsets: Iterable[int]) -> dict[int, bytes]:
        """The values at these offsets, without those that are not there (any more)."""
        wanted = {offset for offset in offsets if self._begin <= offset < self._end}
        return {
            record.offset: bytes(record.value or b"")
            for first, last in _runs(sorted(wanted))
            async for record in self._between(first, last + 1)
            if record.offset in wanted
        }

    async def _between(self, start: int, stop: int) -> AsyncIterator[ConsumerRecord]:
        self._consumer.seek(self._tp, start)
        while await self._consumer.position(self._tp) < stop:
            fetched = await self._consumer.getmany(self._tp, timeout_ms=_WAIT_MS)
            for record in fetched.get(self._tp, ()):
                if record.offset < stop:
                    yield record


@asynccontextmanager
async def opened_log(
    client: Mapping[str, Any], topic: str, partition: int
) -> AsyncIterator[CheckpointLog]:
    """A partition of the topic to read, by nobody's consumer group.

    Args:
        client: connection options of aiokafka.
        topic: of checkpoints.
        partition: of it.
    """
    tp = TopicPartition(topic, partition)
    consumer = reader(client)
    await consumer.start()
    try:
        consumer.assign([tp])
        begin = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        yield CheckpointLog(consumer, tp, begin, end)
    finally:
        await consumer.stop()


def _runs(offsets: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of ascending offsets that lie near to each other."""
    if not offsets:
        return
    first = last = offsets[0]
    for offset in offsets[1:]:
        if offset - last > _NEAR:
            yield first, last
            first = offset
        last = offset
    yield first, last
