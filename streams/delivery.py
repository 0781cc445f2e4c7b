"""Batches on their way to Kafka, and what has arrived of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiokafka
import numpy as np
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
)

from models.bytecolumn import ByteColumn
from streams.chunks import Chunk, Columns, joined
from streams.errors import TeachingError
from streams.framing import RecordBatch, framed
from streams.routing import Router
from streams.slices import Compression, Records

__all__ = ["Delivery", "ProduceError", "Summary"]

_BATCH_BYTES, _GATHERED_BYTES = 1 << 18, 1 << 20
_STOP_S = 5.0


class ProduceError(TeachingError):
    """Records cannot be written, or not all of them."""


@dataclass(slots=True)
class Summary:
    """How far the writing has come.

    Attributes:
        records: acknowledged by Kafka.
        bytes: of their record batches, as sent.
        sent: handed over; more than `records` while some are on their way, or were refused.
        seconds: since the connection was there.
        interrupted: whether it ended by Ctrl-C.
    """

    records: int = 0
    bytes: int = 0
    sent: int = 0
    seconds: float = 0.0
    interrupted: bool = False


class Delivery:
    """Gathers records, frames them a lane at a time and hands the batches to aiokafka in turn.

    Args:
        router: finds the lane of a record.
        options: of the producer.
        compression: of the record batches.

    Attributes:
        summary: how far it has come.
    """

    def __init__(
        self, router: Router, options: Mapping[str, Any], compression: Compression = "none"
    ) -> None:
        self.summary = Summary()
        self._router = router
        self._options = options
        self._compression = compression
        self._producer: Any = None
        self._gathered: list[Chunk] = []
        self._gathered_bytes = 0
        self._batches: deque[tuple[int, RecordBatch]] = deque()
        self._failure: ProduceError | None = None
        self._begun = 0.0

    async def start(self) -> None:
        """Connect."""
        self._producer = aiokafka.AIOKafkaProducer(**self._options)
        await self._producer.start()
        self._begun = time.monotonic()

    async def append(self, block: Columns) -> None:
        """Take records; those without a time get this moment. Send when enough have gathered.

        Raises:
            ProduceError: Kafka has refused some, or answers no more.
        """
        self.check()
        now = time.time_ns() // 1_000_000
        times = [now] * len(block) if block.timestamps is None else block.timestamps
        values = ByteColumn.of(block.values)
        self._gathered.append(Chunk(values, block.keys, times, block.roles))
        self._gathered_bytes += int(np.maximum(values.lengths, 0).sum())
        if self._gathered_bytes >= _GATHERED_BYTES:
            await self.send()
        self.summary.seconds = time.monotonic() - self._begun

    async def send(self) -> None:
        """Send all that has gathered.

        Raises:
            ProduceError: Kafka has refused some, or answers no more.
        """
        self._frame()
        while self._batches:
            lane, batch = self._batches[0]
            topic, partition = self._router.lanes[lane]
            count, size = batch.record_count(), batch.size()
            try:
                future = await self._producer.send_batch(batch, topic, partition=partition)
            except KafkaTimeoutError as error:
                raise self._silence() from error
            except KafkaError as error:
                raise self._refusal(topic, size, error) from error
            # Only now: when cancelled while it waited for room, the batch is still to be sent.
            self._batches.popleft()
            self.summary.sent += count
            future.add_done_callback(partial(self._answered, topic, count, size))

    async def stop(self, patience: float) -> None:
        """Send the rest, wait at most `patience` seconds for its acknowledgement, disconnect."""
        try:
            async with asyncio.timeout(patience):
                await self.send()
                await self._producer.flush()
        except TimeoutError:
            self._failure = self._failure or self._silence()
        except ProduceError as error:
            self._failure = self._failure or error
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._producer.stop(), _STOP_S)
            self.summary.seconds = time.monotonic() - self._begun

    def check(self) -> None:
        """Raise what has gone wrong so far.

        Raises:
            ProduceError: Kafka has refused some of what was sent, or answers no more.
        """
        if self._failure is not None:
            raise self._failure

    def _frame(self) -> None:
        """Make batches of what has gathered."""
        if not self._gathered:
            return
        whole = joined(self._gathered)
        values = ByteColumn.of(whole.values)
        keys = ByteColumn.of([None] * len(whole) if whole.keys is None else whole.keys)
        times = np.asarray(whole.timestamps, np.int64)
        batches = [
            (lane, batch)
            for lane, places in self._router.split(whole)
            for batch in framed(
                Records(keys.take(places), values.take(places), times[places].tolist()),
                _BATCH_BYTES,
                self._compression,
                transactional=False,
            )
        ]
        self._batches += batches
        self._gathered.clear()
        self._gathered_bytes = 0

    def _answered(self, topic: str, count: int, size: int, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self.summary.records += count
            self.summary.bytes += size
        else:
            self._failure = self._failure or self._refusal(topic, size, error)

    def _silence(self) -> ProduceError:
        known = self.summary.records
        waiting = sum(batch.record_count() for _, batch in self._batches)
        open_ = self.summary.sent + waiting - known
        return ProduceError(
            f"{open_} records without an acknowledgement, {known} with one",
            "the brokers answer no more",
            "the same again into a new topic, when they are back: in this one some would be twice",
        )

    def _refusal(self, topic: str, size: int, error: BaseException) -> ProduceError:
        if isinstance(error, MessageSizeTooLargeError):
            why = f"a batch of {size} bytes is more than the topic's max.message.bytes"
            write = (
                f"kafka-configs --alter --topic {topic} --add-config max.message.bytes={2 * size}"
            )
        elif isinstance(error, InvalidTimestampError):
            why = "a timestamp lies farther in the future than the cluster allows"
            write = "no --time, so that records get the time at which they are sent"
        else:
            why = str(error) or type(error).__name__
            write = "a topic that this user may write to, on a cluster that is well"
        return ProduceError(
            f"records for {topic!r}, {self.summary.records} of them acknowledged",
            f"Kafka refuses some: {why}",
            write,
        )
