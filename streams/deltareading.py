"""The deltas of a group, read once by each worker, for all of its partitions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.fetching import read_in_slices
from streams.logreading import reader
from streams.membership import passes
from streams.mixing import of_group
from streams.slices import Slice

__all__ = ["DeltaReader"]

log = logging.getLogger("thalweg")

_WAIT_MS = 500
_RETRY_S = 1.0


class DeltaReader:
    """Reads the topic of deltas from an offset on, and hands each slice on before it reads another.

    It is no member of the group, for every worker needs all deltas: how far a partition has taken
    them over is in its image and its journal. No more is in memory than two fetches.

    Args:
        client: connection options of aiokafka.
        topic: of the deltas.
        group: whose are meant.
        start: the first offset that is wanted.
        take: is given each slice.

    Attributes:
        end: offset behind the last delta that is committed, as far as is known.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        topic: str,
        group: str,
        start: int,
        take: Callable[[Slice], Awaitable[None]],
    ) -> None:
        self.end = start
        self._client = client
        self._place = TopicPartition(topic, 0)
        self._group = group
        self._at = start
        self._take = take

    async def run(self) -> None:
        """Read until cancelled; waits for a broker that does not answer."""
        read_in_slices({self._place.topic})
        while True:
            try:
                await self._read()
            except KafkaError as error:
                if not passes(error):
                    raise
                log.warning("deltas cannot be read; asking again: %r", error)
            await asyncio.sleep(_RETRY_S)

    async def _read(self) -> None:
        place, consumer = self._place, reader(self._client)
        try:  # `async with` would not close one that is cancelled as it starts
            await consumer.start()
            consumer.assign([place])
            consumer.seek(place, self._at)
            while True:
                fetched = await consumer.getmany(place, timeout_ms=_WAIT_MS)
                self.end = max(self.end, consumer.last_stable_offset(place) or 0)
                for records in fetched.get(place, ()):
                    await self._take(of_group(records, self._group))
                    self._at = records.next
        finally:
            await consumer.stop()
