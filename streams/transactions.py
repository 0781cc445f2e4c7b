"""What a partition's task computes, published in transactions: exactly once, and soon."""

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
from streams.checkpoint import Checkpoints, CheckpointUnwritableError, Prepared
from streams.journal import Recorder
from streams.mixing import group_key
from streams.observer import Observer, Step
from streams.output import Output
from streams.producer import PartitionProducer, transactional_ids
from streams.progress import Progress
from streams.slices import Records
from streams.task import PartitionTask

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["Transactions"]

log = logging.getLogger("thalweg")

_OUTBOX_RECORDS = 12_288
_BACKLOG_COMMIT_S = 0.3
_BATCH_EVENTS = 5_000
_SOON_S = 0.005
_ENOUGH_EVENTS = 1_000
_PATIENCE = 3
_FOLDED_S = 5.0
_TIMEOUT_S = 60.0


class Transactions:
    """The only writer of a partition, and the only one who commits for it.

    `put` leaves an output in the outbox; one coroutine, `run`, empties it into transactions. The
    names of the steps at which `Observer.on_step` is told are those of `streams.observer.Step`.

    Args:
        pipeline: that is run.
        task: of the partition.
        progress: of the partition, resumed.
        settings: of the worker.
        group: whose offsets are committed.
        client: connection options of aiokafka.
        checkpoints: of the partition.
        observer: is told what happens.
        is_behind: says whether a backlog is being read.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        task: PartitionTask,
        progress: Progress,
        settings: Settings,
        group: str,
        client: Mapping[str, Any],
        checkpoints: Checkpoints,
        observer: Observer,
        is_behind: Callable[[], bool],
    ) -> None:
        self._pipeline = pipeline
        self._task = task
        self._number = task.partition
        self._progress = progress
        self._settings = settings
        self._group = group
        self._checkpoints = checkpoints
        self._observer = observer
        self._is_behind = is_behind
        self._producers = deque(
            PartitionProducer(client, name, _TIMEOUT_S, settings.compression)
            for name in transactional_ids(group, self._number)
        )
        self._ending: asyncio.Task[None] | None = None
        self._outbox: deque[tuple[Output, str, dict[str, int]]] = deque()
        self._waiting = 0
        self._work = asyncio.Event()
        self._later: asyncio.TimerHandle | None = None
        self._room = asyncio.Event()
        self._closing = False
        self._sent: dict[str, int] = {}
        self._in_transaction = 0
        self._tells = False
        self._ended_at = float("-inf")
        self._recorder: Recorder
        self._journal_end = 0
        self._has_image = False
        self._image_of: dict[str, int] = {}
        self._image_due = float("-inf")
        self._packing: asyncio.Task[Prepared] | None = None

    async def fence(self) -> None:
        """Connect; from now on no former owner of the partition can commit."""
        places = self._places()
        await asyncio.gather(*(self._fence(producer, places) for producer in self._producers))

    async def _fence(self, producer: PartitionProducer, places: list[TopicPartition]) -> None:
        await producer.start()
        await producer.abort_what_hangs(places, self._group)

    def _places(self) -> list[TopicPartition]:
        """Where the partition's transactions write."""
        pipeline, number = self._pipeline, self._number
        topics = [pipeline.predictions_topic, pipeline.dead_letters_topic, pipeline.journal_topic]
        if self._settings.checkpoint_store is None:
            topics.append(pipeline.checkpoints_topic)
        if pipeline.deltas_topic is not None:
            topics.append(pipeline.deltas_topic)
        return [TopicPartition(topic, pipeline.partition_of(topic, number)) for topic in topics]

    def begin(self, journal_end: int, *, has_image: bool) -> None:
        """Go on from where the task and its group are now.

        Args:
            journal_end: offset in the journal from which on nothing is told yet.
            has_image: whether there is one to recover from.
        """
        self._sent = dict(self._task.positions)
        self._journal_end = journal_end
        self._has_image = has_image
        self._recorder = self._progress.recorder()
        self._work.set()

    async def room(self) -> None:
        """Wait while more records are in the outbox than a slow broker is to cost memory."""
        while self._waiting > _OUTBOX_RECORDS and not self._closing:
            self._room.clear()
            await self._room.wait()

    def put(self, output: Output, topic: str) -> None:
        """Publish what a slice of `topic` has just brought, with the positions of the task."""
        made = (output, topic, dict(self._task.positions))
        self._waiting += output.taken
        if topic != self._pipeline.deltas_topic:
            self._outbox.append(made)
            self._work.set()
            return
        if output.deltas:  # of windows that waited to tell what others wait for
            self._outbox.append(made)
            self._work.set()
            return
        # Else it publishes nothing: that much more to be computed again is no haste.
        if self._outbox and self._outbox[-1][1] == topic and not self._outbox[-1][0].deltas:
            self._waiting -= self._outbox.pop()[0].taken
        self._outbox.append(made)
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(_FOLDED_S, self._at_last)

    def _at_last(self) -> None:
        self._later = None
        if self._outbox:
            self._work.set()

    def close(self) -> None:
        """Have `run` end with what is computed committed, and an image of it."""
        self._closing = True
        self._work.set()
        self._room.set()

    async def stop(self) -> None:
        """Disconnect, once closed; what is not committed the next owner computes again."""
        if self._ending is not None:
            await asyncio.wait([self._ending])
        await asyncio.gather(*(producer.stop() for producer in self._producers))

    async def run(self) -> None:
        """Publish until closed."""
        while not (self._closing and self._is_done()):
            if not self._closing:
                await self._work.wait()
            await self._transact()
        await self._ended()

    def _is_done(self) -> bool:
        imaged = self._packing is None and self._image_of == self._task.positions
        return imaged and not self._outbox

    async def _transact(self) -> None:
        """One transaction, in this order and no other:

        1. open it;
        2. send outputs as they are computed, until it is time to commit;
        3. wait until the transaction before is committed;
        4. send the image that was taken a while ago, if what it holds is sent;
        5. send the journal's entry: in which order all this was consumed;
        6. wait until the broker has the outputs: now the next transaction may begin;
        7. beside it, add the offsets up to which output was sent, and commit.

        Two producers take turns, for a commit is several ways to the broker and back, in which its
        producer can send nothing. An image is taken between two slices, and packed by a thread
        while the stream goes on: it is older than the offsets it is committed with, never newer.
        """
        began, producer = time.perf_counter(), self._producers[0]
        await producer.begin()
        self._tell("begun")
        if not self._has_image and not self._image_of:
            await self._pack()  # nothing is committed before there is one
        await self._send_until_due(began)
        self._tell("sent")
        await self._ended()
        image = await self._image()
        if image is not None:
            await self._send_image(image)
            self._tell("imaged")
        reached = self._progress.uncommitted(self._sent)
        entry = await self._send_entry(reached)
        if entry is not None:
            self._tell("journalled")
        await producer.delivered()
        self._producers.rotate()
        self._ended_at = time.perf_counter()
        self._ending = asyncio.create_task(self._end(producer, began, reached, entry, image))
        self._ending.add_done_callback(self._on_ended)

    async def _end(
        self,
        producer: PartitionProducer,
        began: float,
        reached: Mapping[str, int],
        entry: asyncio.Future[Any] | None,
        image: Prepared | None,
    ) -> None:
        """Step 7 of a transaction."""
        # How far deltas were read is in the journal alone: a group has one offset for them all.
        inputs = self._pipeline.input_topics
        offsets = {TopicPartition(t, self._number): reached[t] for t in inputs if t in reached}
        await producer.add_offsets(offsets, self._group)
        self._tell("offsets")
        await producer.commit()
        self._progress.committed.update(reached)
        if entry is not None:
            self._journal_end = entry.result().offset + 1
        if image is not None:
            self._checkpoints.settled(image)
            self._has_image = True
        self._observer.on_commit(self._number, time.perf_counter() - began)
        self._tell("committed")

    async def _ended(self) -> None:
        """Wait for the end of the transaction before, or raise what ended it."""
        if self._ending is not None:
            await asyncio.wait([self._ending])
            self._ending.result()
            self._ending = None

    def _on_ended(self, ending: asyncio.Task[None]) -> None:
        if ending.cancelled() or ending.exception() is not None:
            self._work.set()  # or it would be raised when the next record comes

    def _due(self, began: float) -> float:
        """When to commit the transaction that began then, as of now.

        A commit costs the worker as much as a thousand events, and the broker as well. So there is
        one in a commit interval; in three, while fewer events than that have gathered; and in a
        third of a second while a backlog makes each event wait for longer anyway. What comes after
        a pause is committed at once. A delta waits for one interval and no longer: its learner
        tells nothing more until it is read.
        """
        interval = self._settings.commit_interval_ms / 1000
        if self._is_behind() and not self._tells:
            interval = max(interval, _BACKLOG_COMMIT_S)
        elif self._in_transaction < _ENOUGH_EVENTS and not self._tells:
            interval *= _PATIENCE
        return max(began + _SOON_S, self._ended_at + interval)

    async def _send_until_due(self, began: float) -> None:
        """Send what comes until it is time to commit; work may be left for the next transaction."""
        self._in_transaction, self._tells = 0, False
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
        await self._producers[0].delivered()
        if self._outbox:
            outputs = self._gathered()
            self._room.set()
            await self._send(outputs)
        if not self._outbox:
            self._sent = dict(self._task.positions)

    def _gathered(self) -> list[Output]:
        """The oldest outputs, about a batch of them; positions are noted as if they were sent."""
        outputs: list[Output] = []
        records = 0
        while self._outbox and (not outputs or records < _BATCH_EVENTS):
            output, topic, self._sent = self._outbox.popleft()
            self._waiting -= output.taken
            self._recorder.note(topic, self._sent[topic])
            outputs.append(output)
            records += len(output.predictions)
        return outputs

    async def _send(self, outputs: Sequence[Output]) -> None:
        pipeline, number = self._pipeline, self._number
        predictions = Records.joined([output.predictions for output in outputs])
        if len(predictions):
            self._in_transaction += len(predictions)
            await self._producers[0].send(pipeline.predictions_topic, number, predictions)
            latency = time.time() - whole_numbers(predictions.timestamps) / 1000
            self._observer.on_latency(number, latency)
        dead_letters = [output.dead_letters for output in outputs if len(output.dead_letters)]
        if dead_letters:
            joined = Records.joined(dead_letters)
            await self._producers[0].send(pipeline.dead_letters_topic, number, joined)
        deltas = [delta for output in outputs for delta in output.deltas]
        if deltas and pipeline.deltas_topic is not None:
            keys, now = [group_key(self._group, number)] * len(deltas), int(time.time() * 1000)
            records = Records(keys, deltas, [now] * len(deltas))
            await self._producers[0].send(pipeline.deltas_topic, 0, records)
            self._tells = True

    async def _send_entry(self, reached: Mapping[str, int]) -> asyncio.Future[Any] | None:
        entry = self._recorder.entry(reached)
        if entry is None:
            return None
        now = int(time.time() * 1000)
        record = Records([self._group.encode()], [entry.encode()], [now])
        told: list[asyncio.Future[Any]] = await self._producers[0].send(
            self._pipeline.journal_topic, self._number, record
        )
        return told[0]

    def _image_is_due(self) -> bool:
        due = self._closing or time.monotonic() >= self._image_due
        return due and self._image_of != self._task.positions

    async def _image(self) -> Prepared | None:
        """The image to be sent now; begins to pack one when that is due."""
        if self._closing and not self._outbox:
            await self._packed()
            if self._image_is_due():
                await self._pack()
        elif self._packing is None and self._image_is_due():
            self._begin_packing()
        packing = self._packing
        if packing is None or not packing.done() or not self._is_sent(self._image_of):
            return None
        self._packing = None
        try:
            return packing.result()
        except CheckpointUnwritableError as error:
            if not self._has_image:
                raise
            # The one before and the journal still lead here.
            log.warning("partition %d: no checkpoint: %s", self._number, error)
            self._observer.on_checkpoint_failed(self._number)
            return None

    def _is_sent(self, positions: Mapping[str, int]) -> bool:
        return all(self._sent[topic] >= at for topic, at in positions.items())

    def _begin_packing(self) -> None:
        self._image_of = dict(self._task.positions)
        self._image_due = time.monotonic() + self._settings.checkpoint_interval_s
        packing = asyncio.to_thread(
            self._checkpoints.prepare, self._task.image(), self._journal_end
        )
        self._packing = asyncio.create_task(packing, name=f"image-{self._number}")

    async def _pack(self) -> None:
        self._begin_packing()
        await self._packed()

    async def _packed(self) -> None:
        if self._packing is not None:
            await asyncio.wait([self._packing])

    async def _send_image(self, image: Prepared) -> None:
        began = time.perf_counter()
        size = await self._checkpoints.write(self._producers[0], image, int(time.time() * 1000))
        self._observer.on_checkpoint(self._number, size, time.perf_counter() - began)

    def _tell(self, step: Step) -> None:
        self._observer.on_step(self._number, step)
