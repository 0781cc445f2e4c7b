"""The partitions that one worker owns now: opened when they come, committed when they go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from aiokafka.errors import KafkaError
from faust.types import TP

from models.deltas import Decoder
from models.spill import SpillError
from streams.alignment import Flow
from streams.deltareading import DeltaReader
from streams.growth import GrownError
from streams.image import ImageError
from streams.limits import TooManyDeadLettersError
from streams.logreading import partition_count
from streams.membership import passes
from streams.mixing import MixingError
from streams.observer import Observer
from streams.partition import Partition
from streams.pending import spill_of
from streams.producer import Fenced, InDoubtError
from streams.progress import StateLostError
from streams.slices import Slice

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["EXPLAINED", "Assignment"]

log = logging.getLogger("thalweg")

_Answer = TypeVar("_Answer")

_RETRY_S = 1.0

EXPLAINED = (
    GrownError,
    StateLostError,
    ImageError,
    MixingError,
    TooManyDeadLettersError,
    Fenced,
    InDoubtError,
    SpillError,
)
"""Errors whose text is all one needs to know."""


class _LeftError(Exception):
    """The worker was asked to stop while it waited for the broker."""


class Assignment:
    """Opens, feeds and closes the partitions that the group assigns to this worker.

    Args:
        pipeline: what to run.
        settings: of the worker.
        client: connection options of aiokafka.
        observer: is told what happens.
        flow: steers the reading.
        failed: called with what keeps a partition from going on.
        stopping: whether the worker was asked to stop.
        count: among how many partitions the group's state is divided; None: as many as there are.

    Attributes:
        topics: those read in slices.
        client: connection options of aiokafka.
        fetch_wait_ms: longest the broker may hold records back for more of them.
        partitions: the open ones, by number.
        spill: where what waits for its label is kept; None: in memory.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        settings: Settings,
        client: Mapping[str, Any],
        observer: Observer,
        flow: Flow,
        failed: Callable[[BaseException], None],
        stopping: Callable[[], bool],
        count: int | None = None,
    ) -> None:
        self.topics = frozenset(pipeline.input_topics)
        self.client = client
        self.partitions: dict[int, Partition] = {}
        self.fetch_wait_ms = settings.fetch_wait_ms
        self.spill = spill_of(settings)
        self._pipeline = pipeline
        self._settings = settings
        self._observer = observer
        self._flow = flow
        self._failed = failed
        self._stopping = stopping
        self._count = count
        self._lock = asyncio.Lock()
        self._deltas: DeltaReader | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def group(self) -> str:
        """The consumer group whose offsets are committed."""
        return self._settings.group or self._pipeline.name

    async def assigned(
        self,
        starts: Mapping[TP, int],
        earliest: Mapping[TP, int],
        committed: Callable[[], Awaitable[Mapping[TP, int | None]]],
    ) -> Mapping[TP, int]:
        """Open the partitions; answer for each topic's partition where to read on.

        Waits for a broker that does not answer: it restarts sooner than a worker that gave up.

        Args:
            starts: where a new group begins to read.
            earliest: the first offset that can still be read.
            committed: asks what the group has committed, None where nothing is. That is not final
                before the former owners are fenced.

        Raises:
            RuntimeError: equal partitions of events and labels are on different workers.
        """
        async with self._lock:
            await self._close_all()
            numbers = sorted({tp.partition for tp in starts})
            for number in numbers:
                self._check_complete(number, starts)
            fenced = await asyncio.gather(*map(self._fenced, numbers))
            opening = [one for one in fenced if one is not None]
            if opening:
                await self._open_all(opening, starts, earliest, committed)
            self._observer.on_assigned(numbers)
            self._read_deltas()
            return {
                TP(topic, number): position
                for number, partition in self.partitions.items()
                for topic, position in partition.task.positions.items()
                if topic in self.topics
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

    @property
    def deltas_end(self) -> int | None:
        """Offset behind the last delta there is; None where nothing is mixed, or not yet known."""
        return None if self._deltas is None else self._deltas.end

    def _read_deltas(self) -> None:
        """Have the partitions take over deltas, from where the one furthest behind has come to."""
        topic = self._pipeline.deltas_topic
        if topic is None or not self.partitions:
            return
        decoder = Decoder()
        for partition in self.partitions.values():
            partition.task.decode_with(decoder)
        start = min(partition.task.positions[topic] for partition in self.partitions.values())
        self._deltas = DeltaReader(self.client, topic, self.group, start, self._hand_out)
        self._reading = asyncio.create_task(self._deltas.run(), name="deltas")
        self._reading.add_done_callback(self._on_read)

    async def _hand_out(self, deltas: Slice) -> None:
        for number, partition in list(self.partitions.items()):
            try:
                await partition.take(deltas)
            except Exception as error:
                self.on_failed(number, error)
                await asyncio.Event().wait()  # the worker stops, and cancels this

    def _on_read(self, done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("deltas cannot be read: %s", error, exc_info=error)
            self._failed(error)

    def _check_complete(self, number: int, assigned: Collection[TP]) -> None:
        missing = {topic for topic in self.topics if TP(topic, number) not in assigned}
        if missing:
            raise RuntimeError(
                f"partition {number} of {', '.join(sorted(missing))} is assigned to another worker "
                "than its sister topic; all workers of the group have to run this version, and the "
                "topics need equal partition counts"
            )

    async def _fenced(self, number: int) -> Partition | None:
        try:
            return await self._tried(lambda: self._fence(number))
        except Exception as error:  # raised here it would leave Faust hanging
            self._gave_up(number, error)
            return None

    async def _fence(self, number: int) -> Partition:
        partition = Partition(
            self._pipeline,
            number,
            self._settings,
            self.group,
            self.client,
            self._observer,
            self._flow,
            self.on_failed,
            self.spill,
        )
        try:
            await partition.fence()
        except BaseException:
            await partition.close()
            raise
        return partition

    async def _open_all(
        self,
        partitions: Collection[Partition],
        starts: Mapping[TP, int],
        earliest: Mapping[TP, int],
        committed: Callable[[], Awaitable[Mapping[TP, int | None]]],
    ) -> None:
        try:
            found = await self._tried(committed)
            there = await self._tried(self._counted) if self._count is None else self._count
        except Exception as error:
            for partition in partitions:
                await partition.close()
                self._gave_up(partition.number, error)
            return
        await asyncio.gather(
            *(self._open(one, found, starts, earliest, there) for one in partitions)
        )

    async def _open(
        self,
        partition: Partition,
        committed: Mapping[TP, int | None],
        starts: Mapping[TP, int],
        earliest: Mapping[TP, int],
        count: int,
    ) -> None:
        places = {topic: TP(topic, partition.number) for topic in self.topics}
        try:
            await self._tried(
                lambda: partition.open(
                    {topic: committed[tp] for topic, tp in places.items()},
                    {topic: starts[tp] for topic, tp in places.items()},
                    {topic: earliest[tp] for topic, tp in places.items()},
                    count,
                )
            )
        except Exception as error:
            await partition.close()
            self._gave_up(partition.number, error)
        else:
            self.partitions[partition.number] = partition

    async def _counted(self) -> int:
        return await partition_count(self.client, self._pipeline.events.name)

    async def _tried(self, step: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """What a step answers, as soon as the broker is there for it.

        Raises:
            _LeftError: the worker was asked to stop first.
        """
        while True:
            try:
                return await step()
            except KafkaError as error:
                if not passes(error):
                    raise
                if self._stopping():
                    raise _LeftError from error
                log.warning("the broker does not answer; asking again: %r", error)
            await asyncio.sleep(_RETRY_S)

    def _gave_up(self, number: int, error: Exception) -> None:
        if isinstance(error, _LeftError):
            log.info("partition %d: not opened, the worker stops", number)
        else:
            self.on_failed(number, error)

    async def _close_all(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            self._reading = self._deltas = None
        closing, self.partitions = self.partitions, {}
        if closing:
            await asyncio.gather(*(partition.close() for partition in closing.values()))
            self._observer.on_revoked(sorted(closing))

    def on_failed(self, number: int, error: BaseException) -> None:
        """Say why a partition cannot go on, and stop the worker."""
        expected = isinstance(error, EXPLAINED)
        log.error("partition %d: %s", number, error, exc_info=None if expected else error)
        self._failed(error)
