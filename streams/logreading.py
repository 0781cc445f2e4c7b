"""A stretch of a partition's log, read once, by nobody's consumer group."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Any

import aiokafka
from aiokafka import TopicPartition

from streams.fetching import read_in_slices
from streams.slices import Slice

__all__ = ["ends", "partition_count", "reader", "stretch"]

_FETCH_BYTES, _WAIT_MS = 4 << 20, 500


def stretch(
    client: Mapping[str, Any], topic: str, partition: int, start: int, end: int
) -> aclosing[AsyncGenerator[Slice, None]]:
    """The committed records at offsets ``start <= offset < end``, slice by slice, in a block.

    Slices follow each other without a gap, the first begins at `start`; an offset that is not
    there any more shows as a first slice that begins later.

    Args:
        client: connection options of aiokafka.
        topic: to read.
        partition: of it.
        start: the first offset.
        end: the offset behind the last; there has to be a stable record or marker before it.
    """
    return aclosing(_slices(client, topic, partition, start, end))


async def _slices(
    client: Mapping[str, Any], topic: str, partition: int, start: int, end: int
) -> AsyncGenerator[Slice, None]:
    if start >= end:
        return
    read_in_slices({topic})
    tp = TopicPartition(topic, partition)
    async with reader(client) as consumer:
        consumer.assign([tp])
        consumer.seek(tp, start)
        at = start
        while at < end:
            fetched = await consumer.getmany(tp, timeout_ms=_WAIT_MS)
            for records in fetched.get(tp, ()):
                at = records.next
                yield records.before(end)


async def ends(
    client: Mapping[str, Any], topics: Iterable[str], partition: int
) -> tuple[dict[str, int], dict[str, int]]:
    """By topic, the first offset that is still there, and the one behind the last stable record."""
    tps = [TopicPartition(topic, partition) for topic in topics]
    async with reader(client) as consumer:
        begin = await consumer.beginning_offsets(tps)
        end = await consumer.end_offsets(tps)
    return {tp.topic: begin[tp] for tp in tps}, {tp.topic: end[tp] for tp in tps}


async def partition_count(client: Mapping[str, Any], topic: str) -> int:
    """How many partitions a topic has now.

    Raises:
        KafkaError: there is none, or nobody answers.
    """
    # Of a consumer one would only hear what it has happened to hear itself.
    async with aiokafka.AIOKafkaProducer(**client) as asking:
        return len(await asking.partitions_for(topic))


def reader(client: Mapping[str, Any]) -> aiokafka.AIOKafkaConsumer:
    """A consumer of committed records, a member of no group; not yet started."""
    return aiokafka.AIOKafkaConsumer(
        **client,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
