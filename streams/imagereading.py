"""Reading images: manifests from the end of the topic back, and the blocks they name."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from math import inf
from typing import Any, NamedTuple

import numpy as np

from models.machine import machine
from models.spill import Spill, let_go
from streams.checkpointlog import CheckpointLog
from streams.image import Image, ImageError
from streams.imageblocks import MOST, expanded, thawed
from streams.manifest import Block, Manifest, Place
from streams.signing import opened
from streams.stores import Store

__all__ = ["Found", "ImageReader"]

log = logging.getLogger("thalweg")

_AT_ONCE = 128
"""Blocks, 64 MB at most."""

_IN_MEMORY = 16 << 20
"""Bytes of an array that need not stay on disk."""


class Found(NamedTuple):
    """An image, and what is known of it besides."""

    image: Image
    manifest: Manifest


class ImageReader:
    """Finds the images of one partition for one group.

    Args:
        topic: of checkpoints.
        partition: of it.
        group: consumer group whose offsets the images go with.
        store: where blocks are that are not in the topic.
        key: that images have to be signed with; None: anybody's are read.
        spill: where they are put together; None: in memory.

    Attributes:
        refused: of what was found last, why it cannot be used, a line each.
    """

    def __init__(
        self,
        topic: str,
        partition: int,
        group: str,
        store: Store | None,
        key: bytes | None,
        spill: Spill | None = None,
    ) -> None:
        self.refused: list[str] = []
        self._of = (topic, partition, group)
        self._place = f"{topic}-{partition}"
        self._store = store
        self._spill = spill
        self._key = key
        # Those of format 2 had no word before their number, and are to be told of as well.
        self._keys = re.compile(rf"{re.escape(group)}/(manifest/)?\d+".encode())

    async def manifests(self, topic: CheckpointLog) -> dict[int, Manifest]:
        """By offset, the manifests of the images that are kept, the newest first.

        The newest one names the others; where it cannot be used, one further back does.
        """
        self.refused = []
        found: dict[int, Manifest] = {}
        async for record in topic.back(self._keys.fullmatch):
            if self._open(record.offset, record.value, found):
                break
        for manifest in list(found.values()):
            values = await topic.values(manifest.earlier)
            for offset in sorted(values, reverse=True):
                self._open(offset, values[offset], found)
        return found

    async def first(
        self, topic: CheckpointLog, manifests: Iterable[Manifest]
    ) -> tuple[Found | None, dict[bytes, Block]]:
        """The first image that can be used, and its blocks by the digests of what they hold.

        Raises:
            ImageError: none can; the text says why of each.
        """
        for manifest in manifests:
            try:
                image, blocks = await self.image(topic, manifest)
            except ImageError as error:
                self.refused.append(f"{manifest}: {error}")
                continue
            for reason in self.refused:
                log.warning("%s: going back to %s. Not used: %s", self._place, manifest, reason)
            self._warn_of_machine(manifest)
            return Found(image, manifest), blocks
        if self.refused:
            raise ImageError(_unusable(self._place, self._of[2], self.refused))
        return None, {}

    async def image(
        self, topic: CheckpointLog, manifest: Manifest
    ) -> tuple[Image, dict[bytes, Block]]:
        """An image, and its blocks by the digests of what they hold.

        Raises:
            ImageError: blocks of it are gone or damaged.
        """
        assembly, blocks = _Assembly(manifest, self._spill), manifest.blocks
        # Where it is to need little memory, some at a time.
        step = max(1, len(blocks)) if self._spill is None else _AT_ONCE
        for start in range(0, len(blocks), step):
            some = blocks[start : start + step]
            kept = await self._kept(topic, [block.place for block in some], manifest.store)
            await asyncio.to_thread(assembly.add, some, kept)
        state = await asyncio.to_thread(assembly.state)
        image = Image(
            manifest.format,
            manifest.model,
            manifest.partition,
            manifest.positions,
            state,
            manifest.described,
        )
        return image, assembly.blocks

    async def _kept(
        self, topic: CheckpointLog, places: Sequence[Place], store: str | None
    ) -> dict[Place, bytes]:
        """What stands in these places."""
        names = [place for place in places if isinstance(place, str)]
        at = {place[1]: place for place in places if not isinstance(place, str)}
        kept: dict[Place, bytes] = {
            at[offset]: value for offset, value in (await topic.values(at)).items()
        }
        if names:
            if self._store is None:
                raise ImageError(f"its blocks are in a store: --checkpoint-store {store}")
            try:
                files = await asyncio.to_thread(self._store.get, names)
            except OSError as error:
                raise ImageError(f"its store cannot be read: {error}") from error
            kept.update(files.items())
        return kept

    def _open(self, offset: int, value: bytes | None, found: dict[int, Manifest]) -> bool:
        """Put the manifest among those found, or the reason why it is refused among those."""
        try:
            found[offset] = opened(value or b"", self._key, *self._of)
        except ImageError as error:
            self.refused.append(f"the image whose manifest is at offset {offset}: {error}")
        return offset in found

    def _warn_of_machine(self, manifest: Manifest) -> None:
        here = machine()
        other = [
            f"{name} {was} (here {here.get(name)})"
            for name, was in manifest.machine.items()
            if here.get(name) != was
        ]
        if other:
            log.warning(
                "%s: %s was computed elsewhere: %s. What is computed from here on may differ in "
                "its last bits from what would have been computed there.",
                *(self._place, manifest, ", ".join(other)),
            )


class _Assembly:
    """The state of an image, as its blocks come in their order.

    Attributes:
        blocks: those that came, by the digests of what they hold.
    """

    def __init__(self, manifest: Manifest, spill: Spill | None) -> None:
        size, most = sum(manifest.parts), MOST * len(manifest.blocks)
        if min(manifest.parts, default=-1) < 0 or size > most:
            raise ImageError(f"its blocks hold {most} bytes at most, the image has {size}")
        self.blocks: dict[bytes, Block] = {}
        self._parts = manifest.parts
        room: Any = bytearray(size) if spill is None else spill.scratch(size, np.dtype(np.uint8))
        self._whole = memoryview(room)
        self._copied = inf if spill is None else _IN_MEMORY
        self._at = 0

    def add(self, blocks: Sequence[Block], kept: Mapping[Place, bytes]) -> None:
        for block in blocks:
            if block.place not in kept:
                raise ImageError(f"its block {block.place} is gone")
            if sha256(kept[block.place]).hexdigest() != block.digest:
                raise ImageError(
                    f"its block {block.place} is damaged: it does not match its digest"
                )
            piece = expanded(kept[block.place])
            self.blocks[sha256(piece).digest()] = block
            room = self._whole[self._at : self._at + len(piece)]
            self._at += len(piece)
            if len(room) == len(piece):
                room[:] = piece
            let_go(room)

    def state(self) -> Any:
        if self._at != len(self._whole):
            raise ImageError(f"the blocks hold {self._at} bytes, the image has {len(self._whole)}")
        return thawed(self._parts, self._whole, self._copied)


def _unusable(place: str, group: str, refused: Sequence[str]) -> str:
    listed = "\n".join(f"  - {reason}" for reason in refused)
    return (
        f"{place} has images of group {group!r}, and none can be used:\n{listed}\n"
        "  Restore that topic (and the store), give the key the images were signed with, run the "
        "version that wrote them, or begin anew under another group: thalweg worker … --group NAME"
    )
