"""Images of a partition: the newest that is whole, whatever happens to the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from written_images import NOW, Partition, image

from streams.broker import Broker
from streams.image import FORMAT, ImageError, pack
from streams.manifest import Manifest, encoded
from streams.signing import sealed

pytestmark = pytest.mark.kafka

KEY = b"0123456789abcdef"


@pytest.fixture(params=["topic", "directory", "memory"])
def anywhere(request, broker: Broker, topic: Callable[..., str], tmp_path: Path) -> Partition:
    """With blocks in the topic, in a directory, and in an object store."""
    urls = {"topic": None, "directory": str(tmp_path), "memory": f"memory://{uuid4()}"}
    name = topic("checkpoints", cleanup_policy="compact")
    return Partition(broker.bootstrap, name, store=urls[request.param])


@pytest.fixture
def partition(broker: Broker, topic: Callable[..., str]) -> Partition:
    return Partition(broker.bootstrap, topic("checkpoints", cleanup_policy="compact"))


def test_where_nothing_was_written_there_is_no_image(partition: Partition):
    async def run() -> None:
        assert await partition.learned() is None
        assert await partition.checkpoints().before({"payments": 9}) is None
        assert await partition.checkpoints().manifests() == []

    asyncio.run(run())


def test_the_newest_image_is_found_to_the_bit_and_those_that_are_kept(anywhere: Partition):
    async def run() -> None:
        await anywhere.write([image(n) for n in range(1, 8)])
        checkpoints = anywhere.checkpoints()
        found = await checkpoints.newest()
        assert found is not None
        assert pack(found.image) == pack(image(7))
        assert (found.manifest.number, found.manifest.journal) == (7, 6)
        manifests = await checkpoints.manifests()
        assert [manifest.number for manifest in manifests] == [7, 6, 5, 4]
        for manifest in manifests:
            assert pack(await checkpoints.image(manifest)) == pack(image(manifest.number))
        assert checkpoints.refused == []

    asyncio.run(run())


def test_an_image_before_given_positions_is_found(anywhere: Partition):
    async def run() -> list[int | None]:
        await anywhere.write([image(n) for n in (10, 20, 30)])
        found = [await anywhere.checkpoints().before({"payments": at}) for at in (9, 10, 25, 99)]
        return [None if one is None else one.manifest.positions["payments"] for one in found]

    assert asyncio.run(run()) == [None, 10, 20, 30]


def test_what_has_not_changed_is_not_written_again(anywhere: Partition):
    async def run() -> list[int]:
        sizes = await anywhere.write([image(1), image(2), image(2)])
        # Nor by who takes the partition over.
        return sizes + await anywhere.write([image(2), image(3)])

    first, *others = asyncio.run(run())
    assert first > 2_900_000
    # At most two blocks differ, and the rest of the state.
    assert max(others) < 1_100_000
    assert others[1] < 10_000
    assert others[2] < 10_000


def test_a_new_owner_goes_on_where_the_old_one_was(anywhere: Partition):
    async def run() -> list[int]:
        for n in range(1, 7):
            await anywhere.write([image(n)])
        assert await anywhere.learned() == 6
        return [manifest.number for manifest in await anywhere.checkpoints().manifests()]

    assert asyncio.run(run()) == [6, 5, 4, 3]


def test_an_image_whose_transaction_was_never_committed_is_not_found(anywhere: Partition):
    async def run() -> Any:
        await anywhere.write([image(1)])
        await anywhere.write([image(2)], commit=False)
        # The next owner fences the one before, which aborts what it left open.
        await anywhere.write([])
        assert await anywhere.learned() == 1
        await anywhere.write([image(3)])
        return await anywhere.learned()

    assert asyncio.run(run()) == 3


def test_each_group_finds_its_own_images(anywhere: Partition):
    async def run() -> list[Any]:
        await anywhere.write([image(1)])
        await anywhere.write([image(n, weights=50) for n in range(10, 40)], group="shadow")
        return [await anywhere.learned(group) for group in ("fraud", "shadow", "frau", "nobody")]

    assert asyncio.run(run()) == [1, 39, None, None]


def test_compaction_leaves_all_images_whole_that_are_kept(partition: Partition):
    """Once after each image: what a reader finds then is in the last record of its key."""

    async def run() -> None:
        for n in range(1, 10):
            await partition.write([image(n, weights=60_000 * n)])
            records = await partition.records()
            last = {key: offset for offset, (key, _) in records.items()}
            manifests = await partition.checkpoints().manifests()
            assert len(manifests) == min(n, 4)
            for manifest in manifests:
                at = {place[1] for place in manifest.places}
                assert at <= set(last.values())
            # Slots are used again: none has a number higher than it takes.
            slots = [int(key.rpartition(b"/")[2]) for key in last if b"/block/" in key]
            used = {place[0] for manifest in manifests for place in manifest.places}
            assert len(slots) <= len(used) + len(manifests[0].places) + 8

    asyncio.run(run())


def test_what_an_aborted_transaction_wrote_over_is_still_whole(partition: Partition):
    async def run() -> None:
        await partition.write([image(n) for n in range(1, 6)])
        await partition.write([image(6, weights=900_000)], commit=False)
        await partition.write([])
        checkpoints = partition.checkpoints()
        for manifest in await checkpoints.manifests():
            assert pack(await checkpoints.image(manifest)) == pack(image(manifest.number))

    asyncio.run(run())


def test_fewer_or_more_images_can_be_kept_from_now_on(anywhere: Partition):
    async def run() -> list[list[int]]:
        numbers = []
        for kept, images in ((2, 5), (6, 7), (3, 4)):
            await anywhere.write([image(n) for n in range(1, images + 1)], kept=kept)
            found = await anywhere.checkpoints().manifests()
            numbers.append([manifest.number for manifest in found])
            for manifest in found:
                await anywhere.checkpoints().image(manifest)
        return numbers

    assert asyncio.run(run()) == [[5, 4], [12, 11, 10, 9, 8, 7], [16, 15, 14]]


async def newest_manifest(partition: Partition) -> Manifest:
    manifest, *_ = await partition.checkpoints().manifests()
    return manifest


async def next_manifest(partition: Partition) -> Manifest:
    """What would be written next, if nothing of the state changed."""
    manifest = await newest_manifest(partition)
    at = {key: offset for offset, (key, _) in (await partition.records()).items()}
    earlier = [at[turned(manifest)], *manifest.earlier]
    later = {"number": manifest.number + 1, "turn": manifest.turn + 1, "earlier": earlier}
    return msgspec.structs.replace(manifest, **later)


def turned(manifest: Manifest) -> bytes:
    return f"fraud/manifest/{manifest.turn}".encode()


@pytest.mark.parametrize("wrong", ["torn", "forged block", "missing block", "elsewhere", "no json"])
def test_behind_a_newest_image_that_is_damaged_the_one_before_is_found(
    partition: Partition, wrong: str, caplog: pytest.LogCaptureFixture
):
    async def run() -> int:
        await partition.write([image(1), image(2)])
        manifest = await next_manifest(partition)
        blocks = list(manifest.blocks)
        if wrong == "forged block":
            offset = await partition.put(b"fraud/block/0", b"something else")
            blocks[0] = msgspec.structs.replace(blocks[0], place=(0, offset))
        if wrong == "missing block":
            blocks[0] = msgspec.structs.replace(blocks[0], place=(0, 10**9))
        later = msgspec.structs.replace(manifest, blocks=blocks)
        if wrong == "elsewhere":
            later = msgspec.structs.replace(later, partition=1)
        value = {"torn": sealed(later, None)[:-40], "no json": b"\xff"}.get(
            wrong, sealed(later, None)
        )
        await partition.put(turned(later), value)
        return int(await partition.learned())

    with caplog.at_level(logging.WARNING, "thalweg"):
        assert asyncio.run(run()) == 2
    told = {
        "torn": "its manifest is damaged",
        "no json": "its manifest is damaged",
        "forged block": "is damaged: it does not match its digest",
        "missing block": "is gone",
        "elsewhere": "-1 and group 'fraud'",
    }[wrong]
    assert f"{partition.topic}-0: going back to image 2 of 2023-11-14" in caplog.text
    assert told in caplog.text


def test_after_a_fall_back_images_are_written_and_found_as_before(partition: Partition):
    async def run() -> tuple[Any, list[int]]:
        await partition.write([image(n) for n in (1, 2, 3)])
        manifest = await next_manifest(partition)
        gone = [msgspec.structs.replace(it, place=(0, 10**9)) for it in manifest.blocks]
        broken = msgspec.structs.replace(manifest, blocks=gone)
        await partition.put(turned(broken), sealed(broken, None))
        await partition.write([image(n) for n in (5, 6)])
        found = await partition.checkpoints().manifests()
        return await partition.learned(), [one.number for one in found]

    assert asyncio.run(run()) == (6, [6, 5, 3, 2])


def test_an_image_of_an_older_version_is_told_of_and_passed_over(
    partition: Partition, caplog: pytest.LogCaptureFixture
):
    async def run() -> Any:
        await partition.put(b"old/0", b'{"turn":0,"size":99,"chunks":[0]}')
        with pytest.raises(
            ImageError, match=f"it has format 2, this version reads {FORMAT}"
        ) as caught:
            await partition.learned("old")
        assert "has images of group 'old', and none can be used" in str(caught.value)
        assert "thalweg worker … --group NAME" in str(caught.value)
        await partition.write([image(1)])
        await partition.put(b"fraud/1", b'{"turn":1,"size":99,"chunks":[0]}')
        return await partition.learned()

    with caplog.at_level(logging.WARNING, "thalweg"):
        assert asyncio.run(run()) == 1
    assert f"it has format 2, this version reads {FORMAT}" in caplog.text


def test_with_a_key_images_of_others_are_refused_and_without_one_signed_ones_are_read(
    anywhere: Partition,
):
    async def run() -> None:
        await anywhere.write([image(1)], group="plain")
        await anywhere.write([image(2), image(3)], key=KEY)
        assert await anywhere.learned() == 3
        assert await anywhere.learned(key=KEY) == 3
        with pytest.raises(ImageError, match="it is signed with another key, or forged"):
            await anywhere.learned(key=b"another, and long enough")
        with pytest.raises(ImageError, match="it is not signed, and there is a key"):
            await anywhere.learned("plain", key=KEY)

    asyncio.run(run())


def test_a_forged_manifest_does_not_hide_the_signed_ones(partition: Partition):
    async def run() -> Any:
        await partition.write([image(1), image(2)], key=KEY)
        real = await newest_manifest(partition)
        for forged in (
            msgspec.structs.replace(real, number=3, positions={"payments": 0}),
            msgspec.structs.replace(real, number=10**6),
        ):
            await partition.put(turned(forged), sealed(forged, None))
            await partition.put(turned(forged), encoded(forged))
        found = await partition.checkpoints(key=KEY).newest()
        assert found is not None
        return found.manifest.number, found.manifest.positions

    assert asyncio.run(run()) == (2, {"payments": 2})


def test_a_state_from_another_machine_is_taken_over_and_told_of(
    partition: Partition, caplog: pytest.LogCaptureFixture
):
    async def run() -> Any:
        await partition.write([image(1)])
        manifest = await newest_manifest(partition)
        machine = manifest.machine | {"cpu": "z80"}
        moved = msgspec.structs.replace(manifest, number=2, machine=machine)
        await partition.put(turned(moved), sealed(moved, None))
        return await partition.learned()

    with caplog.at_level(logging.WARNING, "thalweg"):
        assert asyncio.run(run()) == 1
    assert "was computed elsewhere: cpu z80 (here " in caplog.text


def test_an_older_state_is_put_back_at_other_positions(anywhere: Partition):
    async def run() -> None:
        await anywhere.write([image(n) for n in (1, 2, 3)], key=KEY)
        checkpoints = anywhere.checkpoints(key=KEY)
        _, _, first = await checkpoints.manifests()
        async with anywhere.producer("fraud") as producer:
            await producer.begin()
            number = await checkpoints.put_back(producer, first, {"payments": 77}, 9, NOW)
            await producer.add_offsets({}, "fraud")
            await producer.commit()
        await anywhere.fence()
        assert number == 4
        found = await anywhere.checkpoints(key=KEY).newest()
        assert found is not None
        assert found.image.state["learned"] == 1
        assert found.manifest.positions == {"payments": 77}
        assert found.manifest.journal == 9
        await anywhere.write([image(n) for n in (5, 6)], key=KEY)
        kept = await checkpoints.manifests()
        assert [it.number for it in kept] == [6, 5, 4, 3]
        assert (await checkpoints.image(kept[2])).state["learned"] == 1

    asyncio.run(run())
