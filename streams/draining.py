"""Partitions read to where they end now, by nobody's consumer group: by a command, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiokafka
from aiokafka import TopicPartition
from faust.types import TP

from streams.assignment import Assignment
from streams.division import is_quiet
from streams.fetching import read_in_slices
from streams.logreading import reader
from streams.observer import Observer
from streams.rollback import committed_offsets

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["drain"]

_WAIT_MS = 200
_POLL_S = 0.02


async def drain(
    pipeline: Pipeline,
    settings: Settings,
    client: Mapping[str, Any],
    numbers: Sequence[int],
    count: int,
    until: float,
    progress: Callable[[int], object],
) -> None:
    """Answer and learn all that is in some partitions, exactly as a worker would; then let go.

    Reads on until a time, and then up to where each topic ended at that time. What is answered is
    published and committed, and the newest image of each is of the place where it ended.

    Args:
        pipeline: what to run.
        settings: of its workers.
        client: connection options of aiokafka.
        numbers: of the partitions.
        count: among how many the group's state is divided.
        until: on the monotonic clock.
        progress: told how many records are left.

    Raises:
        Exception: what kept one of them from going on.
    """
    failures: list[BaseException] = []
    async with _reading(pipeline, settings, client, numbers) as reading:
        host = Assignment(
            pipeline,
            settings,
            client,
            Observer(),
            reading,
            failed=failures.append,
            stopping=lambda: bool(failures),
            count=count,
        )
        try:
            await reading.begin(host)
            end: dict[TP, int] = {}
            while not failures:
                left = 0
                if not end and time.monotonic() >= until:
                    end = await reading.ends()
                if end:
                    left = _left(host, end)
                    progress(left)
                if end and not left:
                    break
                await reading.step(host)
            # What shared windows have still to tell comes back by the log of deltas.
            while not failures and not all(is_quiet(it.task) for it in host.partitions.values()):
                await asyncio.sleep(_POLL_S)
        finally:
            await host.revoked()
    if failures:
        raise failures[0]


def _left(host: Assignment, end: Mapping[TP, int]) -> int:
    return sum(
        max(0, upto - host.partitions[tp.partition].task.positions[tp.topic])
        for tp, upto in end.items()
    )


class _Reading:
    """The reading side of all of them; steered as `streams.alignment.Flow` says."""

    def __init__(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        places: Sequence[TopicPartition],
        committed: Callable[[], Mapping[TP, int | None]],
        latest: bool,
    ) -> None:
        self._consumer = consumer
        self._places = places
        self._committed = committed
        self._latest = latest

    async def begin(self, host: Assignment) -> None:
        """Have the partitions opened, and read from where they are."""
        earliest = _as_tp(await self._consumer.beginning_offsets(self._places))
        starts = await self.ends() if self._latest else earliest

        async def committed() -> Mapping[TP, int | None]:
            return await asyncio.to_thread(self._committed)

        for tp, at in (await host.assigned(starts, earliest, committed)).items():
            self._consumer.seek(TopicPartition(*tp), at)

    async def ends(self) -> dict[TP, int]:
        """Where each ends now."""
        return _as_tp(await self._consumer.end_offsets(self._places))

    async def step(self, host: Assignment) -> None:
        """Take what is there."""
        fetched = await self._consumer.getmany(timeout_ms=_WAIT_MS)
        for slices in fetched.values():
            for records in slices:
                await host.take(records)

    def end(self, topic: str, partition: int) -> int | None:
        """Offset after the last record that can be read, as the last fetch told it."""
        end: int | None = self._consumer.last_stable_offset(TopicPartition(topic, partition))
        return end

    def pause(self, topic: str, partition: int) -> None:
        """Read no more of it for now."""
        self._consumer.pause(TopicPartition(topic, partition))

    def resume(self, topic: str, partition: int) -> None:
        """Read on."""
        self._consumer.resume(TopicPartition(topic, partition))

    async def seek(self, topic: str, partition: int, offset: int) -> None:
        """Read on from there."""
        self._consumer.seek(TopicPartition(topic, partition), offset)


@asynccontextmanager
async def _reading(
    pipeline: Pipeline, settings: Settings, client: Mapping[str, Any], numbers: Sequence[int]
) -> AsyncIterator[_Reading]:
    topics = pipeline.input_topics
    places = [TopicPartition(topic, number) for number in numbers for topic in topics]
    read_in_slices(set(topics))
    group = settings.group or pipeline.name

    def committed() -> Mapping[TP, int | None]:
        found = committed_offsets(settings.brokers, group, pipeline, client)
        return {TP(*it): found.get(it.partition, {}).get(it.topic) for it in places}

    async with reader(client) as consumer:
        consumer.assign(places)
        yield _Reading(consumer, places, committed, settings.start == "latest")


def _as_tp(found: Mapping[Any, int]) -> dict[TP, int]:
    return {TP(tp.topic, tp.partition): at for tp, at in found.items()}
