"""Where images are kept: a compacted topic, one partition for each of the events topic's.

An image is written in chunks and followed by a manifest that lists their offsets, all in one
transaction with the offsets it accounts for. Two sets of keys a group take turns, so compaction
always leaves a whole image behind the one that is being written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiokafka
import msgspec
from aiokafka import TopicPartition

from streams.image import Image, ImageError, unpack
from streams.producer import PartitionProducer
from streams.slices import Records

__all__ = ["Manifest", "newest", "write"]

_CHUNK = 640 * 1024
_READ_BACK = 16


class Manifest(msgspec.Struct, frozen=True):
    """The record that makes chunks an image.

    Attributes:
        turn: which of its group's two sets of keys the image is under.
        size: of the image in bytes.
        chunks: offsets of its chunks, in order.
    """

    turn: int
    size: int
    chunks: list[int]


async def write(
    producer: PartitionProducer,
    topic: str,
    partition: int,
    image: bytes,
    group: str,
    turn: int,
    now: int,
) -> None:
    """Put an image into the open transaction of `producer`.

    Args:
        producer: in a transaction.
        topic: the checkpoints topic.
        partition: of that topic.
        image: made by `streams.image.pack`.
        group: consumer group whose offsets the image accounts for.
        turn: 0 or 1, not the one of the image before.
        now: timestamp of the records, in milliseconds.
    """
    acknowledged = []
    for number, start in enumerate(range(0, len(image), _CHUNK)):
        key = f"{group}/{turn}/{number}".encode()
        chunk = Records([key], [image[start : start + _CHUNK]], [now])
        acknowledged += await producer.send(topic, partition, chunk)
    chunks = [metadata.offset for metadata in await asyncio.gather(*acknowledged)]
    manifest = msgspec.json.encode(Manifest(turn, len(image), chunks))
    await producer.send(topic, partition, Records([f"{group}/{turn}".encode()], [manifest], [now]))


async def newest(
    client: Mapping[str, Any], topic: str, partition: int, group: str
) -> tuple[Manifest, Image] | None:
    """The newest whole image that a group has of a partition; None where it never had one.

    Raises:
        ImageError: there are images but the newest is not readable.
    """
    tp = TopicPartition(topic, partition)
    async with _reader(client, tp) as consumer:
        begin = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        manifest = await _last_manifest(consumer, tp, begin, end, group)
        if manifest is None:
            return None
        data = b"".join([await _value_at(consumer, tp, offset) for offset in manifest.chunks])
    if len(data) != manifest.size:
        raise ImageError(f"{topic}-{partition}: the image has {len(data)} of {manifest.size} bytes")
    return manifest, unpack(data)


@asynccontextmanager
async def _reader(
    client: Mapping[str, Any], tp: TopicPartition
) -> AsyncIterator[aiokafka.AIOKafkaConsumer]:
    consumer = aiokafka.AIOKafkaConsumer(
        **client, isolation_level="read_committed", enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign([tp])
        yield consumer
    finally:
        await consumer.stop()


async def _last_manifest(
    consumer: aiokafka.AIOKafkaConsumer, tp: TopicPartition, begin: int, end: int, group: str
) -> Manifest | None:
    """Look back from the end, further each time: chunks and other groups' images lie there."""
    keys = {f"{group}/0".encode(), f"{group}/1".encode()}
    reach = _READ_BACK
    while True:
        start = max(begin, end - reach)
        found = None
        consumer.seek(tp, start)
        while await consumer.position(tp) < end:
            for record in await _some(consumer, tp):
                if record.key in keys:
                    found = msgspec.json.decode(record.value, type=Manifest)
        if found is not None or start == begin:
            return found
        reach *= 16


async def _value_at(consumer: aiokafka.AIOKafkaConsumer, tp: TopicPartition, offset: int) -> bytes:
    consumer.seek(tp, offset)
    while True:
        for record in await _some(consumer, tp):
            if record.offset != offset:
                raise ImageError(f"{tp.topic}-{tp.partition}: chunk {offset} is gone")
            return bytes(record.value)


async def _some(consumer: aiokafka.AIOKafkaConsumer, tp: TopicPartition) -> Sequence[Any]:
    fetched: Mapping[Any, Sequence[Any]] = await consumer.getmany(tp, timeout_ms=500)
    return fetched.get(tp, ())
