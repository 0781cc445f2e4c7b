"""Columns of records into topics, as fast as Kafka takes them or at an even rate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Literal, TypeAlias

from streams.chunks import Columns
from streams.cluster import Security, connection
from streams.delivery import Delivery, ProduceError, Summary
from streams.pacing import Pace
from streams.readahead import ReadAhead
from streams.routing import Router
from streams.slices import Compression
from streams.times import rfc3339
from streams.topics import TopicSpec, ensure, retention_ms, topic_named

__all__ = ["Acks", "ProduceError", "Summary", "produce"]

Acks: TypeAlias = Literal["all", 1, 0]
"""Who has to have a record before it counts: all replicas in sync, the leader, nobody."""

_PATIENCE_S, _LAST_PATIENCE_S = 60.0, 10.0
_DAY_MS = 86_400_000


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
    options = {
        **connection(bootstrap, security),
        "acks": acks,
        "enable_idempotence": acks == "all",
    }
    delivery = Delivery(Router(topic, counts), options, compression)
    pace = None if rate is None else Pace(rate)
    try:
        asyncio.run(_deliver(_lasting(blocks, kept), delivery, pace, progress))
    except KeyboardInterrupt:
        delivery.summary.interrupted = True
    return delivery.summary


def _lasting(blocks: Iterable[Columns], kept: Mapping[str, int | None]) -> Iterator[Columns]:
    """The blocks, unless Kafka would delete the first one's records as expired."""
    now = time.time_ns() // 1_000_000
    for place, block in enumerate(blocks):
        if place == 0 and block.timestamps:
            oldest = min(block.timestamps)
            for name, keep in kept.items():
                if keep is not None and now - oldest > keep:
                    raise ProduceError(
                        f"records of {rfc3339(oldest / 1000)} for topic {name!r}",
                        f"it keeps them for {keep / _DAY_MS:g} days, counted from their "
                        "timestamps: they would be deleted within minutes",
                        f"kafka-configs --alter --topic {name} --add-config retention.ms=-1; or no "
                        "--time, so that records get the time at which they are sent",
                    )
        yield block


async def _deliver(
    blocks: Iterable[Columns],
    delivery: Delivery,
    pace: Pace | None,
    progress: Callable[[Summary], object] | None,
) -> None:
    await delivery.start()
    source = ReadAhead(blocks)
    patience = _LAST_PATIENCE_S
    try:
        async for block in source if pace is None else _paced(source, pace):
            await delivery.append(block)
            if pace is not None or source.idle:
                await delivery.send()
            # aiokafka queues a batch without giving way, and its sender needs a turn.
            await asyncio.sleep(0)
            if progress is not None:
                progress(delivery.summary)
        patience = _PATIENCE_S
    finally:
        # Cancelled by Ctrl-C or left by a broken source, too: what was handed over is delivered.
        await delivery.stop(patience)
        if progress is not None:
            progress(delivery.summary)
    delivery.check()


async def _paced(source: AsyncIterable[Columns], pace: Pace) -> AsyncIterator[Columns]:
    async for block in source:
        start = 0
        while start < len(block):
            stop = start + pace.take(len(block) - start, time.monotonic())
            if stop > start:
                yield block.cut(start, stop)
            start = stop
            await asyncio.sleep(pace.pause(time.monotonic()))
