"""The partitions that one worker owns now: opened when they come, committed when they go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from faust.types import TP

from streams.alignment import Flow
from streams.image import ImageError
from streams.limits import TooManyDeadLettersError
from streams.observer import Observer
from streams.partition import Partition
from streams.producer import Fenced
from streams.progress import StateLostError
from streams.slices import Slice

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["Assignment"]

log = logging.getLogger("thalweg")

_EXPLAINED = (StateLostError, ImageError, TooManyDeadLettersError, Fenced)
"""Errors whose text is all one needs to know."""


class Assignment:
    """Opens, feeds and closes the partitions that the group assigns to this worker.

    Attributes:
        topics: those read in slices.
        client: connection options of aiokafka.
        fetch_wait_ms: longest the broker may hold records back for more of them.
        partitions: the open ones, by number.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        settings: Settings,
        client: Mapping[str, Any],
        observer: Observer,
        flow: Flow,
        failed: Callable[[BaseException], None],
    ) -> None:
        self.topics = frozenset(pipeline.input_topics)
        self.client = client
        self.partitions: dict[int, Partition] = {}
        self.fetch_wait_ms = settings.fetch_wait_ms
        self._pipeline = pipeline
        self._settings = settings
        self._observer = observer
        self._flow = flow
        self._failed = failed
        self._lock = asyncio.Lock()

    @property
    def group(self) -> str:
        """The consumer group whose offsets are committed."""
        return self._settings.group or self._pipeline.name

    async def assigned(
        self, committed: Mapping[TP, int | None], starts: Mapping[TP, int]
    ) -> Mapping[TP, int]:
        """Open the partitions; answer for each topic's partition where to read on.

        Args:
            committed: what the group has committed, None where nothing is.
            starts: where a new group begins to read.

        Raises:
            RuntimeError: equal partitions of events and labels are on different workers.
        """
        async with self._lock:
            await self._close_all()
            numbers = sorted({tp.partition for tp in committed})
            for number in numbers:
                missing = {t for t in self.topics if TP(t, number) not in committed}
                if missing:
                    raise RuntimeError(
                        f"partition {number} of {', '.join(sorted(missing))} is assigned to "
                        "another worker than its sister topic; all workers of the group have to "
                        "run this version, and the topics need equal partition counts"
                    )
            await asyncio.gather(*(self._open(n, committed, starts) for n in numbers))
            self._observer.on_assigned(numbers)
            return {
                TP(topic, number): position
                for number, partition in self.partitions.items()
                for topic, position in partition.task.positions.items()
            }

    async def revoked(self) -> None:
        """Commit and close every partition."""
        async with self._lock:
            await self._close_all()

    async def take(self, records: Slice) -> None:
        """Give a slice to the task of its partition; one that is not ours any more is dropped."""
        partition = self.partitions.get(records.partition)
        if partition is not None:
            await partition.take(records)

    async def _open(
        self, number: int, committed: Mapping[TP, int | None], starts: Mapping[TP, int]
    ) -> None:
        partition = Partition(
            self._pipeline,
            number,
            self._settings,
            self.group,
            self.client,
            self._observer,
            self._flow,
            self.on_failed,
        )
        try:
            await partition.open(
                {topic: committed[TP(topic, number)] for topic in self.topics},
                {topic: starts[TP(topic, number)] for topic in self.topics},
            )
        except Exception as error:  # raised here it would leave Faust hanging
            await partition.close()
            self.on_failed(number, error)
            return
        self.partitions[number] = partition

    async def _close_all(self) -> None:
        closing, self.partitions = self.partitions, {}
        if closing:
            await asyncio.gather(*(partition.close() for partition in closing.values()))
            self._observer.on_revoked(sorted(closing))

    def on_failed(self, number: int, error: BaseException) -> None:
        """Say why a partition cannot go on, and stop the worker."""
        expected = isinstance(error, _EXPLAINED)
        log.error("partition %d: %s", number, error, exc_info=None if expected else error)
        self._failed(error)
