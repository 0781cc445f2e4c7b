"""Columns of records into topics, as fast as Kafka takes them or at an even rate."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import aiokafka
import numpy as np
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError
from numpy.typing import NDArray

from streams.chunks import Columns
from streams.cluster import Security, connection
from streams.errors import TeachingError
from streams.pacing import Pace
from streams.partitioning import partitions_of
from streams.readahead import ReadAhead
from streams.times import rfc3339
from streams.topics import TopicSpec, ensure, retention_ms, topic_named

__all__ = ["Acks", "Compression", "ProduceError", "Summary", "produce"]

Acks: TypeAlias = Literal["all", 1, 0]
"""Who has to have a record before it counts: all replicas in sync, the leader, nobody."""

Compression: TypeAlias = Literal["none", "gzip", "snappy", "lz4", "zstd"]

_BATCH_BYTES = 1 << 18
_FLUSH_S, _LAST_FLUSH_S, _STOP_S = 60.0, 10.0, 5.0


class ProduceError(TeachingError):
    """Records cannot be written, or not all of them."""


@dataclass(slots=True)
class Summary:
    """How far the writing has come.

    Attributes:
        records: acknowledged by Kafka.
        bytes: of their record batches, before compression.
        sent: handed over; more than `records` while some are on their way, or were refused.
        seconds: since the first of them.
        interrupted: whether it ended by Ctrl-C.
    """

    records: int = 0
    bytes: int = 0
    sent: int = 0
    seconds: float = 0.0
    interrupted: bool = False


def produce(
    blocks: Iterable[Columns],
    bootstrap: str,
    topic: str | Mapping[str, str],
    *,
    rate: float | None = None,
    partitions: int | None = None,
    progress: Callable[[Summary], object] | None = None,
    acks: Acks = "all",
    compression: Compression = "none",
    security: Security | None = None,
) -> Summary:
    """Write records to a topic, or each to the topic of its role; returns when Kafka has them.

    A record goes to the partition that the Java client would choose for its key; without a key
    they take turns. Records of one partition keep their order, and with `acks` of "all" no retry
    doubles one. Ctrl-C ends it early: what was handed over is still delivered.

    Args:
        blocks: read in a thread of its own, a few ahead.
        bootstrap: brokers to ask first, host:port with commas between.
        topic: its name, or the name for each role.
        rate: records a second, evenly, over all topics; None for as fast as possible.
        partitions: of a topic that does not exist; None: it has to exist.
        progress: called after each block; under a `rate`, every five milliseconds.
        acks: who has to have a record before it counts.
        compression: of the record batches.
        security: options of the connection.

    Raises:
        ClusterError: there is no Kafka.
        TopicError: there is no such topic.
        ProduceError: Kafka refuses records or would not keep them, or answers no more.
    """
    if rate is not None and not rate > 0:
        raise ProduceError(f"--rate {rate}", "it counts records a second", "--rate 1000")
    names = sorted({topic} if isinstance(topic, str) else set(topic.values()))
    if partitions is not None:
        ensure(bootstrap, [TopicSpec(name, partitions) for name in names], security)
    counts = {name: topic_named(bootstrap, name, security).partitions for name in names}
    kept = {name: retention_ms(bootstrap, name, security) for name in names}
    router = _Router(topic, counts, kept)
    summary = Summary()
    options = {
        **connection(bootstrap, security),
        "acks": acks,
        "enable_idempotence": acks == "all",
        "compression_type": None if compression == "none" else compression,
        "max_batch_size": _BATCH_BYTES,
    }
    pace = None if rate is None else Pace(rate)
    try:
        asyncio.run(_deliver(blocks, router, pace, summary, progress, options))
    except KeyboardInterrupt:
        summary.interrupted = True
    return summary


async def _deliver(
    blocks: Iterable[Columns],
    delivery: _Delivery,
    pace: Pace | None,
    progress: Callable[[Summary], object] | None,
) -> None:
    await delivery.start()
    source = ReadAhead(blocks)
    patience = _LAST_FLUSH_S
    try:
        async for block in source if pace is None else _paced(source, pace):
            await delivery.append(block)
            if pace is not None or source.idle:
                await delivery.send()
            # aiokafka queues a batch without giving way, and its sender needs a turn.
            await asyncio.sleep(0)
            if progress is not None:
                progress(delivery.summary)
        patience = _FLUSH_S
    finally:
        # Cancelled by Ctrl-C or left by a broken source, too: what was handed over is delivered.
        await delivery.stop(patience)
        if progress is not None:
            progress(delivery.summary)


async def _paced(source: AsyncIterable[Columns], pace: Pace) -> AsyncIterator[Columns]:
    async for block in source:
        start = 0
        while start < len(block):
            stop = start + pace.take(len(block) - start, time.monotonic())
            if stop > start:
                yield block.cut(start, stop)
            start = stop
            await asyncio.sleep(pace.pause(time.monotonic()))


class _Delivery:
    """Fills a batch for each lane and hands it to aiokafka, which keeps two of a lane on the way."""

    def __init__(self, router: Router, options: Mapping[str, Any]) -> None:
        self.summary = Summary()
        self._router = router
        self._options = options
        self._batches: dict[int, Any] = {}
        self._failure: ProduceError | None = None

    async def start(self) -> None:
        self._producer = aiokafka.AIOKafkaProducer(**self._options)
        await self._producer.start()
        self._begun = time.monotonic()

    async def append(self, block: Columns) -> None:
        """Put the records into their lanes' batches, and send those that are full."""
        self._raise_failure()
        now = time.time_ns() // 1_000_000
        keys = [None] * len(block) if block.keys is None else block.keys
        times = [now] * len(block) if block.timestamps is None else block.timestamps
        values = block.values
        for lane, places in self._router.split(block):
            batch = self._batches.setdefault(lane, self._producer.create_batch())
            for i in places:
                if batch.append(timestamp=times[i], key=keys[i], value=values[i]) is None:
                    await self._send(lane)
                    batch = self._batches[lane] = self._producer.create_batch()
                    batch.append(timestamp=times[i], key=keys[i], value=values[i])
        self.summary.sent += len(block)
        self.summary.seconds = time.monotonic() - self._begun

    async def send(self) -> None:
        """Send all batches as they are."""
        for lane in list(self._batches):
            await self._send(lane)

    async def stop(self, patience: float) -> None:
        """Wait until all is acknowledged, at most `patience` seconds, and disconnect."""
        try:
            async with asyncio.timeout(patience):
                await self.send()
                await self._producer.flush()
        except TimeoutError:
            self._fail(self._silence())
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._producer.stop(), _STOP_S)
            self.summary.seconds = time.monotonic() - self._begun
