"""Batches on their way to Kafka, and what has arrived of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiokafka
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
)

from streams.chunks import Columns
from streams.errors import TeachingError
from streams.routing import Router

__all__ = ["Delivery", "ProduceError", "Summary"]

_STOP_S = 5.0


class ProduceError(TeachingError):
    """Records cannot be written, or not all of them."""


@dataclass(slots=True)
class Summary:
    """How far the writing has come.

    Attributes:
        records: acknowledged by Kafka.
        bytes: of their record batches, before compression.
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
    """Fills a batch for each lane and hands it to aiokafka, which keeps two of a lane on the way.

    Args:
        router: finds the lane of a record.
        options: of the producer.

    Attributes:
        summary: how far it has come.
    """

    def __init__(self, router: Router, options: Mapping[str, Any]) -> None:
        self.summary = Summary()
        self._router = router
        self._options = options
        self._producer: Any = None
        self._batches: dict[int, Any] = {}
        self._failure: ProduceError | None = None
        self._begun = 0.0

    async def start(self) -> None:
        """Connect."""
        self._producer = aiokafka.AIOKafkaProducer(**self._options)
        await self._producer.start()
        self._begun = time.monotonic()

    async def append(self, block: Columns) -> None:
        """Put the records into their lanes' batches, and send those that are full.

        Raises:
            ProduceError: Kafka has refused some, or answers no more.
        """
        self.check()
        now = time.time_ns() // 1_000_000
        keys = [None] * len(block) if block.keys is None else block.keys
        times = [now] * len(block) if block.timestamps is None else block.timestamps
        values = block.values
        for lane, places in self._router.split(block):
            batch = self._batches.get(lane) or self._new(lane)
            for i in places:
                if batch.append(timestamp=times[i], key=keys[i], value=values[i]) is None:
                    await self._send(lane)
                    batch = self._new(lane)
                    batch.append(timestamp=times[i], key=keys[i], value=values[i])
        self.summary.seconds = time.monotonic() - self._begun

    async def send(self) -> None:
        """Send all batches, full or not."""
        for lane in list(self._batches):
            await self._send(lane)

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

    def _new(self, lane: int) -> Any:
        self._batches[lane] = self._producer.create_batch()
        return self._batches[lane]

    async def _send(self, lane: int) -> None:
        batch = self._batches[lane]
        topic, partition = self._router.lanes[lane]
        count, size = batch.record_count(), batch.size()
        try:
            future = await self._producer.send_batch(batch, topic, partition=partition)
        except KafkaTimeoutError as error:
            raise self._silence() from error
        except KafkaError as error:
            raise self._refusal(topic, size, error) from error
        # Only now: when cancelled while it waited for room, the batch is still to be sent.
        del self._batches[lane]
        self.summary.sent += count
        future.add_done_callback(partial(self._answered, topic, count, size))

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
        open_ = self.summary.sent + sum(b.record_count() for b in self._batches.values()) - known
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
