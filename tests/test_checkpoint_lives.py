"""Whatever befalls a partition, the images that are kept are whole: on a topic in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.spill import Spill
from streams import checkpoint, imagereading
from streams.checkpoint import Checkpoints
from streams.image import FORMAT, Image, pack
from streams.slices import Records


class Topic:
    """A compacted topic of one partition, and the only producer that is not fenced."""

    def __init__(self) -> None:
        self.records: dict[int, tuple[bytes, bytes]] = {}
        self.end = 0
        self._open: dict[int, tuple[bytes, bytes]] = {}

    async def send(self, topic: str, partition: int, records: Records) -> list[Any]:
        sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        sent.set_result(SimpleNamespace(offset=self.end))
        for key, value in zip(records.keys, records.values, strict=True):
            self._open[self.end] = (key, value)
            self.end += 1
        return [sent]

    def finish(self, commit: bool) -> None:
        """End the transaction, which takes an offset for its marker."""
        if commit:
            self.records |= self._open
        self._open = {}
        self.end += 1

    def compact(self) -> None:
        """Drop all records but the last of each key."""
        last = {key: offset for offset, (key, _) in self.records.items()}
        self.records = {offset: self.records[offset] for offset in sorted(last.values())}

    def damage(self, offset: int) -> None:
        key, value = self.records[offset]
        self.records[offset] = (key, value[:-1] + bytes([value[-1] ^ 1]))

    @asynccontextmanager
    async def opened(self, *_: object) -> AsyncIterator[Topic]:
        yield self

    async def back(self, wanted: Callable[[bytes], object]) -> AsyncIterator[Any]:
        for offset, (key, value) in reversed(self.records.items()):
            if wanted(key):
                yield SimpleNamespace(offset=offset, value=value)

    async def values(self, offsets: Iterable[int]) -> dict[int, bytes]:
        return {it: self.records[it][1] for it in offsets if it in self.records}


def image(number: int, blocks: list[int]) -> Image:
    """Of blocks of which some are those of other images."""
    state = {"learned": number, "tables": [np.full(5_000, block) for block in blocks]}
    return Image(FORMAT, "fraud-1", 0, {"payments": number}, state)


steps = st.lists(
    st.tuples(
        st.sampled_from(["commit", "commit", "commit", "abort", "owner", "compact", "damage"]),
        st.lists(st.integers(0, 9), max_size=6),
    ),
    max_size=20,
)


@pytest.fixture(scope="module")
def patched():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@settings(max_examples=60)
@given(steps, st.integers(2, 4), st.booleans())
def test_the_images_that_are_kept_are_whole_whatever_happens(
    patched, tmp_path_factory, steps, kept, on_disk
):
    topic = Topic()
    spill = Spill(tmp_path_factory.getbasetemp(), 0) if on_disk else None
    for name, few in {"_AT_ONCE": 2, "_IN_MEMORY": 0}.items():
        patched.setattr(imagereading, name, few)
    patched.setattr(checkpoint, "opened_log", topic.opened)

    async def read() -> list[bytes]:
        """All images that are kept and can be read, the newest first."""
        checkpoints = Checkpoints({}, "checkpoints", 0, "fraud", kept=kept, spill=spill)
        return [pack(await checkpoints.image(it)) for it in await checkpoints.manifests()]

    async def owner() -> Checkpoints:
        checkpoints = Checkpoints({}, "checkpoints", 0, "fraud", kept=kept)
        found = await checkpoints.newest()
        assert (found is not None) == bool(expected)
        assert found is None or pack(found.image) == expected[0]
        return checkpoints

    async def run() -> None:
        checkpoints = await owner()
        for number, (step, blocks) in enumerate(steps):
            if step in ("commit", "abort"):
                one = image(number, blocks)
                prepared = checkpoints.prepare(one, 0)
                await checkpoints.write(topic, prepared, number)
                topic.finish(step == "commit")
                if step == "commit":
                    checkpoints.settled(prepared)
                    expected.insert(0, pack(one))
                    del expected[kept:]
            if step == "compact":
                topic.compact()
            if step == "damage" and len(expected) > 1:
                # The last block of the newest image, which is the older ones' as well or is not.
                manifest, *others = await checkpoints.manifests()
                offset = max(place[1] for place in manifest.places)
                if all(offset not in {place[1] for place in it.places} for it in others):
                    topic.damage(offset)
                    del expected[0]
                    checkpoints = await owner()
                    prepared = checkpoints.prepare(image(-1, [1, 2]), 0)
                    await checkpoints.write(topic, prepared, number)
                    topic.finish(commit=True)
                    checkpoints.settled(prepared)
                    expected.insert(0, pack(image(-1, [1, 2])))
            if step in ("abort", "owner", "compact"):
                # An owner whose transaction was aborted has been replaced.
                checkpoints = await owner()
            assert await read() == expected

    expected: list[bytes] = []
    asyncio.run(run())
