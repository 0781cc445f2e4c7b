"""One input partition at work: its task, what it waits for, and what it has to compute again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from models.spill import Spill
from streams.alignment import Alignment, Flow
from streams.checkpoint import Checkpoints
from streams.growth import check_first, check_image
from streams.journal import Entry
from streams.limits import DeadLetterLimit
from streams.logreading import ends, stretch
from streams.manifest import Manifest
from streams.mixing import sizes
from streams.observer import Observer
from streams.progress import Progress
from streams.recovery import Recovery
from streams.signing import key_of
from streams.slices import Slice
from streams.task import PartitionTask
from streams.transactions import Transactions

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["Partition"]

log = logging.getLogger("thalweg")

_PROMPT_PIECE_RECORDS = 2_048
_PIECE_RECORDS = 4_096
_LARGE_PIECE = 500
_TURNS = 4
_DELTAS_A_PIECE = 4
_POLL_S = 0.01
_BACKLOG_RECORDS = 20_000
_WAITING_SLICES = 4
_LONG_RECOVERY = 100_000
_GAPS = 32


class Partition:
    """Drives the task of one partition, and leaves what it makes to `Transactions`.

    Args:
        pipeline: what to run.
        number: of the partition.
        settings: of the worker.
        group: consumer group that the offsets belong to.
        client: connection options of aiokafka.
        observer: is told what happens.
        flow: steers the reading of the partition.
        failed: called with the exception when the partition cannot go on.
        spill: where what waits for its label is kept; None: in memory.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        number: int,
        settings: Settings,
        group: str,
        client: Mapping[str, Any],
        observer: Observer,
        flow: Flow,
        failed: Callable[[int, BaseException], None],
        spill: Spill | None = None,
    ) -> None:
        self.number = number
        self._settings = settings
        self.task = PartitionTask(pipeline, number, spill)
        self.last_timestamp = 0.0
        self._pipeline = pipeline
        self._group = group
        self._client = client
        self._observer = observer
        self._flow = flow
        self._failed = failed
        self._progress = Progress(self.task, group)
        self._checkpoints = self._images_of(number, spill)
        self._transactions = Transactions(
            pipeline,
            self.task,
            self._progress,
            settings,
            group,
            client,
            self._checkpoints,
            observer,
            self._is_behind,
        )
        self._writer: asyncio.Task[None] | None = None
        self._closing = False
        self._broken = False
        self._next: dict[str, int] = {}
        self._gaps = 0
        self._recovery: Recovery | None = None
        self._recovering = asyncio.Lock()
        self._journal_end = 0
        self._has_image = False
        self._limits = {
            t: DeadLetterLimit(settings.dead_letter_limit) for t in pipeline.input_topics
        }
        self._held: deque[Slice] = deque()
        self._releasing: asyncio.Task[None] | None = None
        self._alignment: Alignment | None = None
        if self.task.joiner is not None and pipeline.label_topic is not None:
            labels = pipeline.label_topic.topic
            self._alignment = Alignment(self.task.joiner, labels, number, flow)

    async def fence(self) -> None:
        """From now on no former owner can commit: what is committed is final."""
        await self._transactions.fence()

    async def open(
        self,
        committed: Mapping[str, int | None],
        starts: Mapping[str, int],
        earliest: Mapping[str, int],
        count: int,
    ) -> None:
        """Take over the image of the former owner, who is fenced.

        What was consumed since that image is computed again as it is read; see `take`. Where the
        broker does not answer, nothing has changed and it can be called again.

        Args:
            committed: what the group has committed, by topic.
            starts: where to begin in a topic of which nothing is committed.
            earliest: by topic, the first offset that can still be read.
            count: among how many partitions the keys of the events are divided.

        Raises:
            GrownError: the group's state is of another number of them.
            StateLostError: what is needed for the state that was committed is not there any more.
            ImageError: no image can be used.
        """
        deltas = self._pipeline.deltas_topic
        if deltas is not None:
            first, _ = await ends(self._client, [deltas], 0)
            starts, earliest = {**starts, **first}, {**earliest, **first}
        found = await self._checkpoints.newest()
        events = self._pipeline.events.name
        if found is None:
            await check_first(self.number, count, events, self._newest_of)
        else:
            check_image(found.manifest, count, events)
        self._checkpoints.among(count)
        entries = await self._entries(0 if found is None else found.manifest.journal)
        self._has_image = found is not None
        self._progress.resume(None if found is None else found.image, committed, starts)
        self._next = dict(self.task.positions)
        recovery = self._progress.recovery(entries, earliest)
        if recovery.left > _LONG_RECOVERY:
            log.info("partition %d: %d records to compute again", self.number, recovery.left)
        self._recovery = recovery
        self._observer.on_recovery(self.number, recovery.left)
        self._begin_when_recovered()

    async def _newest_of(self, number: int) -> Manifest | None:
        manifests = await self._images_of(number).manifests()
        return manifests[0] if manifests else None

    def _images_of(self, number: int, spill: Spill | None = None) -> Checkpoints:
        settings = self._settings
        return Checkpoints(
            self._client,
            self._pipeline.checkpoints_topic,
            number,
            self._group,
            kept=settings.checkpoints_kept,
            store=settings.checkpoint_store,
            key=key_of(settings),
            spill=spill,
        )

    async def take(self, records: Slice) -> None:
        """Compute a slice and queue what it makes; waits while too much is queued."""
        if records.topic == self._pipeline.deltas_topic:
            # They are read for other partitions as well, some of which are further behind.
            records = records.since(self._next[records.topic])
            if records.next == records.start:
                return
        if not await self._follows(records):
            return
        if self._recovery is None and not self._recovering.locked():
            await self._take(records)
            return
        async with self._recovering:  # deltas come by another way than events and labels
            await self._recover(records)
        if records.topic == self._pipeline.deltas_topic:
            await self._digested(records.topic)

    async def _recover(self, records: Slice) -> None:
        """Compute again what can be, now that this slice is there."""
        if self._recovery is None:
            await self._take(records)
            return
        self._recovery.offer(records)
        for part in self._recovery.ready():
            await self._pass(part, publish=False)
        self._observer.on_recovery(self.number, self._recovery.left)
        await self._steer(self._recovery)

    async def _digested(self, topic: str) -> None:
        """Wait while slices of a topic that nobody can pause wait for others to be read."""
        while (recovery := self._recovery) is not None and not self._closing:
            if recovery.wanted == topic or recovery.waiting(topic) <= _WAITING_SLICES:
                return
            await asyncio.sleep(_POLL_S)

    async def close(self) -> None:
        """Commit what is computed, with an image, and let go of the partition.

        Where computing has failed, nothing more is committed: the state may be half changed.
        """
        self._closing = True
        self._transactions.close()
        if self._releasing is not None:
            self._releasing.cancel()
        if self._writer is not None:
            if self._broken:
                self._writer.cancel()
            await asyncio.wait([self._writer])
        await self._transactions.stop()

    async def _follows(self, records: Slice) -> bool:
        """Whether a slice goes on where its topic was left; else that is read again.

        In a rebalance Faust drops some of what was fetched, and not what was fetched behind it.
        """
        topic, expected = records.topic, self._next[records.topic]
        sought = topic != self._pipeline.deltas_topic
        if records.start > expected and sought and self._gaps < _GAPS:
            self._gaps += 1
            await self._flow.seek(topic, self.number, expected)
            return False
        # After so many tries the log itself has the gap: the task will say so.
        self._gaps = 0
        self._next[topic] = max(expected, records.next)
        return True

    async def _entries(self, begin: int) -> list[Entry]:
        """The group's entries of the journal from an offset on."""
        topic, number = self._pipeline.journal_topic, self.number
        _, end = await ends(self._client, [topic], number)
        self._journal_end = end[topic]
        key = self._group.encode()
        async with stretch(self._client, topic, number, begin, end[topic]) as slices:
            return [
                Entry.decode(value or b"")
                async for some in slices
                for own, value in zip(some.keys, some.values, strict=True)
                if own == key
            ]

    async def _steer(self, recovery: Recovery) -> None:
        """Read the topic that is needed; none so far ahead that memory would not be bounded."""
        wanted = recovery.wanted
        for topic in self._pipeline.input_topics:
            ahead = topic != wanted and recovery.waiting(topic) > _WAITING_SLICES
            steer = self._flow.pause if ahead and wanted else self._flow.resume
            steer(topic, self.number)
        for records in self._begin_when_recovered():
            await self._take(records)

    def _begin_when_recovered(self) -> list[Slice]:
        """Once the state is the committed one, publish from here on; what was read beyond it."""
        recovery = self._recovery
        if recovery is None or recovery.wanted is not None or self._closing:
            return []
        self._recovery = None
        self._transactions.begin(self._journal_end, has_image=self._has_image)
        self._writer = asyncio.create_task(
            self._transactions.run(), name=f"partition-{self.number}"
        )
        self._writer.add_done_callback(self._on_done)
        return recovery.rest()

    async def _take(self, records: Slice) -> None:
        """Take new records; events ahead of their labels are held back until those are read."""
        events = self._pipeline.events.name
        if self._alignment is None or records.topic != events:
            await self._pass(records)
            if self._alignment is not None:
                self._alignment.pace(events_wait=bool(self._held))
        elif self._held or not self._ready(records):
            self._held.append(records)
            if self._releasing is None:
                self._flow.pause(events, self.number)
                self._releasing = asyncio.create_task(self._release())
                self._releasing.add_done_callback(self._on_done)
        else:
            await self._pass(records)

    def _ready(self, records: Slice) -> bool:
        labels = self._pipeline.label_topic
        assert self._alignment is not None
        assert labels is not None
        return self._alignment.ready(records, self.task.positions[labels.topic])

    async def _release(self) -> None:
        """Pass on the events held back, each slice as soon as its labels are read."""
        assert self._alignment is not None
        while self._held:
            self._alignment.pace(events_wait=True)
            if self._ready(self._held[0]):
                await self._pass(self._held[0])
                self._held.popleft()
            else:
                await asyncio.sleep(_POLL_S)
        self._releasing = None
        self._flow.resume(self._pipeline.events.name, self.number)

    async def _pass(self, records: Slice, *, publish: bool = True) -> None:
        """Compute a slice in pieces: all that waits for the broker waits for the piece at hand."""
        for piece in self._pieces(records):
            await self._transactions.room()
            if self._closing:
                return
            self._compute(piece, publish=publish)
            # Sending takes several turns of the loop; one for each large piece would starve it.
            for _ in range(_TURNS if len(piece) > _LARGE_PIECE else 1):
                await asyncio.sleep(0)

    def _pieces(self, records: Slice) -> list[Slice]:
        if records.topic == self._pipeline.deltas_topic:
            return records.pieces(_DELTAS_A_PIECE)
        return records.pieces(_PIECE_RECORDS if self._is_behind() else _PROMPT_PIECE_RECORDS)

    def _compute(self, piece: Slice, *, publish: bool) -> None:
        self._broken = True
        began = time.perf_counter()
        output = self.task.take(piece)
        observe, number = self._observer, self.number
        if piece.topic == self._pipeline.deltas_topic:
            observe.on_slice(number, 0, 0, time.perf_counter() - began)
            observe.on_folded(number, output.folded)
            if publish and len(piece):
                self._transactions.put(output, piece.topic)
            for size in sizes(output.deltas) if publish else ():
                observe.on_delta(number, size)
            self._broken = False
            return
        if len(piece):
            self.last_timestamp = piece.timestamps[-1] / 1000
        observe.on_dropped(number, len(piece) - output.taken)
        observe.on_one_by_one(number, output.one_by_one)
        observe.on_slice(
            number, output.events, len(output.predictions), time.perf_counter() - began
        )
        observe.on_labels(number, output.outcomes, output.learned)
        observe.on_decisions(number, output.decided.decisions, output.decided.rules)
        if publish and len(piece):
            self._limits[piece.topic].count(
                len(piece), len(output.dead_letters), f"{piece.topic}-{number}"
            )
            observe.on_dead_letters(number, output.reasons)
            self._transactions.put(output, piece.topic)
        for size in sizes(output.deltas) if publish else ():
            observe.on_delta(number, size)
        self._broken = False

    def _is_behind(self) -> bool:
        events = self._pipeline.events.name
        end = self._flow.end(events, self.number)
        return end is not None and end - self.task.positions[events] > _BACKLOG_RECORDS

    def _on_done(self, done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            self._transactions.close()
            self._failed(self.number, error)
