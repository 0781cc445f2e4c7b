"""Images whose blocks are files of a store: what is kept there, what is damaged, a full disk."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from written_images import Partition, image

from streams import stores
from streams.broker import Broker
from streams.checkpoint import CheckpointUnwritableError

pytestmark = pytest.mark.kafka


@pytest.fixture
def in_directory(broker: Broker, topic: Callable[..., str], tmp_path: Path) -> Partition:
    name = topic("checkpoints", cleanup_policy="compact")
    return Partition(broker.bootstrap, name, store=str(tmp_path))


def files(partition: Partition) -> set[str]:
    folder = Path(partition.options["store"], partition.topic, "fraud", "0")
    return {file.name for file in folder.iterdir()}


def test_a_store_holds_what_images_need_and_what_was_dropped_last(in_directory: Partition):
    async def run() -> None:
        await in_directory.write([image(n, weights=40_000 * n) for n in range(1, 12)])
        manifests = await in_directory.checkpoints().manifests()
        needed = {place for manifest in manifests for place in manifest.places}
        assert needed <= files(in_directory)
        await in_directory.write([image(12)])
        manifests = await in_directory.checkpoints().manifests()
        still = {place for manifest in manifests for place in manifest.places}
        assert files(in_directory) == (needed | still)

    asyncio.run(run())


def test_what_a_crash_left_in_a_store_is_removed_and_what_is_not_ours_is_not(
    in_directory: Partition,
):
    async def run() -> set[str]:
        await in_directory.write([image(1)])
        folder = Path(in_directory.options["store"], in_directory.topic, "fraud", "0")
        for name in ("1-00000000-0000", "1-00000000-1111.part", "9-00000000-0000", "README"):
            (folder / name).write_bytes(b"half")
        await in_directory.write([image(2)], commit=False)
        await in_directory.write([image(3)])
        await in_directory.write([image(4)])
        manifests = await in_directory.checkpoints().manifests()
        return files(in_directory) - {place for it in manifests for place in it.places}

    assert asyncio.run(run()) == {"9-00000000-0000", "README"}


def test_a_full_disk_stops_an_image_but_not_the_stream(
    in_directory: Partition, monkeypatch: pytest.MonkeyPatch
):
    async def run() -> list[int]:
        await in_directory.write([image(1)])
        before = files(in_directory)
        with monkeypatch.context() as patched:

            def full(number: int) -> None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            patched.setattr(stores.os, "fsync", full)
            with pytest.raises(CheckpointUnwritableError, match="No space left on device"):
                await in_directory.write([image(2)])
        assert files(in_directory) == before
        await in_directory.write([image(3)])
        assert await in_directory.learned() == 3
        return [it.number for it in await in_directory.checkpoints().manifests()]

    assert asyncio.run(run()) == [2, 1]


@pytest.mark.parametrize("how", ["flipped", "cut", "removed"])
def test_behind_a_damaged_file_the_image_before_is_found(in_directory: Partition, how: str):
    async def run() -> Any:
        await in_directory.write([image(1), image(2)])
        new, old = await in_directory.checkpoints().manifests()
        [name] = {str(place) for place in {new.blocks[0].place} - old.places}
        file = Path(in_directory.options["store"], in_directory.topic, "fraud", "0", name)
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content if how == "flipped" else content[:-1])
        if how == "removed":
            file.unlink()
        return await in_directory.learned()

    assert asyncio.run(run()) == 1


def test_images_can_move_between_topic_and_store(in_directory: Partition):
    async def run() -> None:
        there = in_directory.options["store"]
        await in_directory.write([image(1)], store=None)
        assert await in_directory.learned(store=there) == 1
        await in_directory.write([image(2)])
        assert await in_directory.learned(store=there) == 2
        assert await in_directory.learned(store=None) == 1
        await in_directory.write([image(3)], store=None)
        assert await in_directory.learned(store=None) == 3

    asyncio.run(run())
