"""Images of noise, written as a partition writes its own, and read back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import aiokafka
import numpy as np
from aiokafka import TopicPartition

from streams.checkpoint import Checkpoints
from streams.image import FORMAT, Image
from streams.producer import PartitionProducer

__all__ = ["NOW", "Partition", "image"]

NOW = 1_700_000_000_000


def image(learned: int, weights: int = 400_000) -> Image:
    """Noise, which does not compress, and one weight that differs from image to image."""
    noise = np.random.default_rng(weights).standard_normal(weights)
    noise[learned] = learned
    state = {"weights": noise, "learned": learned}
    return Image(FORMAT, "fraud-1", 0, {"payments": learned}, state, {"seed": 1})


class Partition:
    """Writes images as a partition does, each in a transaction of its own."""

    def __init__(self, bootstrap: str, topic: str, **options: Any) -> None:
        self.client = {"bootstrap_servers": bootstrap}
        self.topic = topic
        self.options = options

    def checkpoints(self, group: str = "fraud", **options: Any) -> Checkpoints:
        return Checkpoints(self.client, self.topic, 0, group, **(self.options | options))

    async def write(
        self, images: Sequence[Image], group: str = "fraud", commit: bool = True, **options: Any
    ) -> list[int]:
        """Write images one after the other; answers how many bytes of each."""
        checkpoints = self.checkpoints(group, **options)
        sizes = []
        async with self.producer(group) as producer:
            await checkpoints.newest()
            for number, one in enumerate(images):
                prepared = await asyncio.to_thread(checkpoints.prepare, one, number)
                await producer.begin()
                sizes.append(await checkpoints.write(producer, prepared, NOW + number))
                await producer.add_offsets({}, group)
                if commit:
                    await producer.commit()
                    checkpoints.settled(prepared)
        if commit:
            await self.fence(group)
        return sizes

    async def fence(self, group: str = "fraud") -> None:
        """Wait until all that is committed can be read; what is not is aborted."""
        async with self.producer(group):
            pass

    def producer(self, group: str) -> Producing:
        return Producing(PartitionProducer(self.client, f"{group}-{self.topic}", 60, "none"))

    async def learned(self, group: str = "fraud", **options: Any) -> Any:
        found = await self.checkpoints(group, **options).newest()
        return None if found is None else found.image.state["learned"]

    async def put(self, key: bytes | None, value: bytes) -> int:
        """Write a record past all transactions; answers its offset."""
        producer = aiokafka.AIOKafkaProducer(**self.client, max_request_size=2 << 20)
        await producer.start()
        try:
            sent = await producer.send_and_wait(self.topic, value, key, partition=0)
        finally:
            await producer.stop()
        return int(sent.offset)

    async def records(self) -> dict[int, tuple[bytes, bytes]]:
        """All committed records of the topic: keys and values by offset."""
        tp = TopicPartition(self.topic, 0)
        consumer = aiokafka.AIOKafkaConsumer(**self.client, isolation_level="read_committed")
        await consumer.start()
        try:
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            end = (await consumer.end_offsets([tp]))[tp]
            found = {}
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=500)).get(tp, ()):
                    found[record.offset] = (record.key, record.value)
        finally:
            await consumer.stop()
        return found


class Producing:
    """A producer that is started, and stopped behind the block."""

    def __init__(self, producer: PartitionProducer) -> None:
        self._producer = producer

    async def __aenter__(self) -> PartitionProducer:
        await self._producer.start()
        return self._producer

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()
