"""Images in a topic: whole or not at all, the newest of one's own group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from streams import checkpoint
from streams.broker import Broker
from streams.image import FORMAT, Image, ImageError, pack, unpack
from streams.producer import PartitionProducer
from streams.slices import Records

pytestmark = pytest.mark.kafka

NOW = 1_700_000_000_000


def image(learned: int, weights: int = 10) -> bytes:
    # Noise, because what compresses well is one chunk, however large it was.
    noise = np.random.default_rng(learned).standard_normal(weights)
    state = {"weights": noise, "learned": learned}
    return pack(Image(FORMAT, "fraud-1", 0, {"payments": learned}, state))


class Cluster:
    """Writes images as a partition does, each in a transaction of its own."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.client = {"bootstrap_servers": bootstrap}
        self.topic = topic

    async def write(self, group: str, images: Sequence[bytes], commit: bool = True) -> None:
        producer = PartitionProducer(self.client, f"{group}-{self.topic}", 60, "none")
        await producer.start()
        try:
            for number, data in enumerate(images):
                await producer.begin()
                await checkpoint.write(producer, self.topic, 0, data, group, number % 2, NOW)
                if commit:
                    await producer.commit({}, group)
        finally:
            await producer.stop()

    async def newest(self, group: str) -> Image | None:
        found = await checkpoint.newest(self.client, self.topic, 0, group)
        return None if found is None else found[1]

    async def learned(self, group: str) -> Any:
        found = await self.newest(group)
        return None if found is None else found.state["learned"]


@pytest.fixture
def cluster(broker: Broker, topic: Callable[..., str]) -> Cluster:
    return Cluster(broker.bootstrap, topic("checkpoints", cleanup_policy="compact"))


def test_where_nothing_was_written_there_is_no_image(cluster: Cluster) -> None:
    assert asyncio.run(cluster.learned("fraud")) is None


def test_the_newest_image_is_found_whole_though_it_has_many_chunks(cluster: Cluster) -> None:
    large = image(3, weights=400_000)
    assert len(large) > 2_000_000

    async def run() -> Image | None:
        await cluster.write("fraud", [image(1), image(2), large])
        return await cluster.newest("fraud")

    found = asyncio.run(run())
    assert found is not None
    assert pack(found) == large
    np.testing.assert_array_equal(found.state["weights"], unpack(large).state["weights"])


def test_an_image_whose_transaction_was_never_committed_is_not_found(cluster: Cluster) -> None:
    async def run() -> Any:
        await cluster.write("fraud", [image(1)])
        await cluster.write("fraud", [image(2, weights=200_000)], commit=False)
        # The next owner fences the one before, which aborts what it left open.
        await cluster.write("fraud", [])
        return await cluster.learned("fraud")

    assert asyncio.run(run()) == 1


def test_each_group_finds_its_own_image(cluster: Cluster) -> None:
    async def run() -> list[Any]:
        await cluster.write("fraud", [image(1)])
        await cluster.write("shadow", [image(n, weights=50) for n in range(10, 40)])
        return [await cluster.learned(group) for group in ("fraud", "shadow", "nobody")]

    assert asyncio.run(run()) == [1, 39, None]


def test_a_chunk_that_was_tampered_with_is_refused(cluster: Cluster) -> None:
    async def run() -> None:
        producer = PartitionProducer(cluster.client, "tamper", 60, "none")
        await producer.start()
        try:
            await producer.begin()
            data = bytearray(image(1))
            data[-1] ^= 1
            await checkpoint.write(producer, cluster.topic, 0, bytes(data), "fraud", 0, NOW)
            await producer.send(cluster.topic, 0, Records([b"fraud/1/0"], [b"more"], [NOW]))
            await producer.commit({}, "fraud")
        finally:
            await producer.stop()
        await cluster.newest("fraud")

    with pytest.raises(ImageError, match="do not match their checksum"):
        asyncio.run(run())
