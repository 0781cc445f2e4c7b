"""One input partition at work: its task, its producer, and the transaction that is open."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition

from models.column import whole_numbers
from streams import checkpoint
from streams.alignment import Alignment, Flow
from streams.image import pack
from streams.limits import DeadLetterLimit
from streams.observer import Observer
from streams.producer import PartitionProducer
from streams.progress import Progress
from streams.slices import Records, Slice
from streams.task import Output, PartitionTask

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["Partition"]

log = logging.getLogger("thalweg")

_OUTBOX_SLICES = 32
_PROMPT_PIECE_RECORDS = 2_048
_LARGE_PIECE = 500
_TURNS = 4
_LABELS_POLL_S = 0.01
_BACKLOG_RECORDS = 20_000
_BACKLOG_COMMIT_S = 0.3
_BATCH_EVENTS = 5_000
_SOON_S = 0.005
_ENOUGH_EVENTS = 1_000
_PATIENCE = 3
_TRANSACTION_TIMEOUT = 60.0


class Partition:
    """Drives the task of one partition and commits what it does.

    `take` computes at once and leaves the output in an outbox; one coroutine, `_transact`, empties
    the outbox into transactions. Nothing else writes or commits.

    Args:
        pipeline: what to run.
        number: of the partition.
        settings: of the worker.
        group: consumer group that the offsets belong to.
        client: connection options of aiokafka.
        observer: is told what happens.
        flow: steers the reading of the partition.
        failed: called with the exception when the partition cannot go on.
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
    ) -> None:
        self.number = number
        self.task = PartitionTask(pipeline, number)
        self._progress = Progress(self.task)
        self._pipeline = pipeline
        self._settings = settings
        self._group = group
        self._client = client
        self._observer = observer
        self._failed = failed
        self._outbox: deque[tuple[Output, dict[str, int]]] = deque()
        self._sent: dict[str, int] = {}
        self._in_transaction = 0
        self._committed_at = float("-inf")
        self._gated = False
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._closing = False
        self._broken = False
        self._turn = 0
        self.last_timestamp = 0.0
        self._image_of: dict[str, int] = {}
        self._image_due = float("-inf")
        self._producer = PartitionProducer(
            client, f"{group}-{number}", _TRANSACTION_TIMEOUT, settings.compression
        )
        self._writer: asyncio.Task[None] | None = None
        self._flow = flow
        self._limits = {
            t: DeadLetterLimit(settings.dead_letter_limit) for t in pipeline.input_topics
        }
        self._held: deque[Slice] = deque()
        self._releasing: asyncio.Task[None] | None = None
        self._alignment: Alignment | None = None
        if self.task.joiner is not None and pipeline.label_topic is not None:
            labels = pipeline.label_topic.topic
            self._alignment = Alignment(self.task.joiner, labels, number, flow)

    async def open(self, committed: Mapping[str, int | None], starts: Mapping[str, int]) -> None:
        """Fence the former owner, then take over its state.

        Args:
            committed: what the group has committed, by topic.
            starts: where to begin in a topic of which nothing is committed.

        Raises:
            StateLostError: offsets are committed, but there is no image.
            ImageError: the image is damaged or another pipeline's.
        """
        await self._producer.start()
        found = await checkpoint.newest(
            self._client, self._pipeline.checkpoints_topic, self.number, self._group
        )
        manifest, image = (None, None) if found is None else found
        self._progress.resume(image, committed, starts, self._group)
        self._sent = dict(self.task.positions)
        if manifest is not None:
            self._turn = 1 - manifest.turn
        self._writer = asyncio.create_task(self._write(), name=f"partition-{self.number}")
        self._writer.add_done_callback(self._on_done)
        self._work.set()

    async def take(self, records: Slice) -> None:
        """Compute a slice and queue what it makes; waits while too much is queued.

        Events that are ahead of their labels are held back until those are read.
        """
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

    async def close(self) -> None:
        """Commit what is computed, with an image, and let go of the partition.

        Where computing has failed, nothing more is committed: the state may be half changed.
        """
        self._closing = True
        self._work.set()
        if self._releasing is not None:
            self._releasing.cancel()
        if self._writer is not None:
            if self._broken:
                self._writer.cancel()
            await asyncio.wait([self._writer])
        await self._producer.stop()

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
                await asyncio.sleep(_LABELS_POLL_S)
        self._releasing = None
        self._flow.resume(self._pipeline.events.name, self.number)

    async def _pass(self, records: Slice) -> None:
        # All that waits for an answer of the broker waits for the piece at hand as well.
        sizes = () if self._is_behind() else (_PROMPT_PIECE_RECORDS,)
        for piece, publish in self._progress.pieces(records, *sizes):
            while (self._gated or len(self._outbox) > _OUTBOX_SLICES) and not self._closing:
                self._room.clear()
                await self._room.wait()
            if self._closing:
                return
            self._compute(piece, publish=publish)
            # Sending takes several turns of the loop; one for each large piece would starve it.
            for _ in range(_TURNS if len(piece) > _LARGE_PIECE else 1):
                await asyncio.sleep(0)

    def _compute(self, piece: Slice, *, publish: bool) -> None:
        self._broken = True
        began = time.perf_counter()
        output = self.task.take(piece)
        observe, number = self._observer, self.number
        if len(piece):
            self.last_timestamp = piece.timestamps[-1] / 1000
        observe.on_dropped(number, len(piece) - output.taken)
        observe.on_one_by_one(number, output.one_by_one)
        observe.on_slice(
            number, output.events, len(output.predictions), time.perf_counter() - began
        )
        observe.on_labels(number, output.outcomes, output.learned)
        if publish and len(piece):
            self._limits[piece.topic].count(
                len(piece), len(output.dead_letters), f"{piece.topic}-{number}"
            )
            observe.on_dead_letters(number, output.reasons)
            self._outbox.append((output, dict(self.task.positions)))
            self._work.set()
        self._broken = False

    async def _write(self) -> None:
        while not (self._closing and not self._outbox and self._image_of == self.task.positions):
            if not self._closing:
                await self._work.wait()
            await self._transact()

    async def _transact(self) -> None:
        """One transaction, in this order and no other:

        1. open it;
        2. send outputs as they are computed, until it is time to commit;
        3. if an image is due, hold up computing until everything computed is sent, and make it;
        4. send the image;
        5. wait until the broker has everything, add the offsets that were reached, and commit.

        The offsets are those up to which output was sent. With an image they are the state's own:
        nothing is awaited between the last output, the image, and the note of its positions.
        """
        began = time.perf_counter()
        await self._producer.begin()
        await self._send_until_due(began)
        image = await self._image() if self._image_is_due() else None
        reached = self._progress.uncommitted(self._sent)
        if image is not None:
            await self._send_image(image)
        await self._producer.commit(
            {TopicPartition(topic, self.number): at for topic, at in reached.items()}, self._group
        )
        self._committed_at = time.perf_counter()
        self._progress.committed.update(reached)
        self._observer.on_commit(self.number, time.perf_counter() - began)

    def _due(self, began: float) -> float:
        """When to commit the transaction that began then, as of now.

        A commit costs the worker as much as a thousand events, and the broker as well. So there is
        one in a commit interval; in three, while fewer events than that have gathered; and in a
        third of a second while a backlog makes each event wait for longer anyway. What comes after
        a pause is committed at once.
        """
        interval = self._settings.commit_interval_ms / 1000
        if self._is_behind():
            interval = max(interval, _BACKLOG_COMMIT_S)
        elif self._in_transaction < _ENOUGH_EVENTS:
            interval *= _PATIENCE
        return max(began + _SOON_S, self._committed_at + interval)

    def _is_behind(self) -> bool:
        events = self._pipeline.events.name
        end = self._flow.end(events, self.number)
        return end is not None and end - self.task.positions[events] > _BACKLOG_RECORDS

    async def _send_until_due(self, began: float) -> None:
        """Send what comes until it is time to commit; work may be left for the next transaction."""
        self._in_transaction = 0
        while (left := self._due(began) - time.perf_counter()) > 0 and not self._closing:
            await self._send_computed()
            if not self._outbox:
                self._work.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._work.wait(), left)
        await self._send_computed()

    async def _send_computed(self) -> None:
        """Send all outputs there are, and note the positions that are reached with them.

        Kafka takes one batch of a transaction's topic at a time: sent one by one, outputs would
        queue behind each other. So they gather while one is on its way, and the next takes all.
        """
        await self._producer.delivered()
        if self._outbox:
            outputs, reached = self._gathered()
            self._room.set()
            await self._send(outputs)
            self._sent = reached
        if not self._outbox:
            self._sent = dict(self.task.positions)

    async def _image(self) -> bytes:
        """Send all that is computed and, while nothing more is, make an image of the state."""
        self._gated = True
        while self._outbox:
            await self._send_computed()
        self._sent = self._image_of = dict(self.task.positions)
        image = pack(self.task.image())
        self._gated = False
        self._room.set()
        self._image_due = time.monotonic() + self._settings.checkpoint_interval_s
        return image

    def _image_is_due(self) -> bool:
        due = self._closing or time.monotonic() >= self._image_due
        return due and self._image_of != self.task.positions

    def _gathered(self) -> tuple[list[Output], dict[str, int]]:
        """The oldest outputs, about a batch of them, and the positions reached with the last."""
        outputs: list[Output] = []
        reached = self._sent
        records = 0
        while self._outbox and (not outputs or records < _BATCH_EVENTS):
            output, reached = self._outbox.popleft()
            outputs.append(output)
            records += len(output.predictions)
        return outputs, reached

    async def _send(self, outputs: Sequence[Output]) -> None:
        pipeline, number = self._pipeline, self.number
        predictions = Records.joined([output.predictions for output in outputs])
        if len(predictions):
            self._in_transaction += len(predictions)
            await self._producer.send(pipeline.predictions_topic, number, predictions)
            latency = time.time() - whole_numbers(predictions.timestamps) / 1000
            self._observer.on_latency(number, latency)
        dead_letters = [output.dead_letters for output in outputs if len(output.dead_letters)]
        if dead_letters:
            joined = Records.joined(dead_letters)
            await self._producer.send(pipeline.dead_letters_topic, number, joined)

    async def _send_image(self, image: bytes) -> None:
        began = time.perf_counter()
        await checkpoint.write(
            self._producer,
            self._pipeline.checkpoints_topic,
            self.number,
            image,
            self._group,
            self._turn,
            int(time.time() * 1000),
        )
        self._turn = 1 - self._turn
        self._observer.on_checkpoint(self.number, len(image), time.perf_counter() - began)

    def _on_done(self, done: asyncio.Task[None]) -> None:
        self._room.set()
        if not done.cancelled() and (error := done.exception()) is not None:
            self._failed(self.number, error)
