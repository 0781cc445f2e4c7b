"""Reading images: manifests from the end of the topic back, and the blocks they name."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from models.machine import machine
from streams.checkpointlog import CheckpointLog
from streams.image import Image, ImageError
from streams.imageblocks import expanded, joined
from streams.manifest import Block, Manifest, Place
from streams.signing import opened
from streams.stores import Store

__all__ = ["Found", "ImageReader"]

log = logging.getLogger("thalweg")


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

    Attributes:
        refused: of what was found last, why it cannot be used, a line each.
    """

    def __init__(
        self, topic: str, partition: int, group: str, store: Store | None, key: bytes | None
    ) -> None:
        self.refused: list[str] = []
        self._of = (topic, partition, group)
        self._place = f"{topic}-{partition}"
        self._store = store
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
        names = [place for place in manifest.places if isinstance(place, str)]
        at = {place[1]: place for place in manifest.places if not isinstance(place, str)}
        kept: dict[Place, bytes] = {
            at[offset]: value for offset, value in (await topic.values(at)).items()
        }
        if names:
            if self._store is None:
                raise ImageError(f"its blocks are in a store: --checkpoint-store {manifest.store}")
            try:
                files = await asyncio.to_thread(self._store.get, names)
            except OSError as error:
                raise ImageError(f"its store cannot be read: {error}") from error
            kept.update(files.items())
        state, blocks = await asyncio.to_thread(_assembled, manifest, kept)
        image = Image(
            manifest.format,
            manifest.model,
            manifest.partition,
            manifest.positions,
            state,
            manifest.described,
        )
        return image, blocks

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


def _assembled(manifest: Manifest, kept: Mapping[Place, bytes]) -> tuple[Any, dict[bytes, Block]]:
    """The state of an image, and its blocks by the digests of what they hold."""
    pieces: dict[Place, bytes] = {}
    for block in manifest.blocks:
        if block.place not in kept:
            raise ImageError(f"its block {block.place} is gone")
        if sha256(kept[block.place]).hexdigest() != block.digest:
            raise ImageError(f"its block {block.place} is damaged: it does not match its digest")
        if block.place not in pieces:
            pieces[block.place] = expanded(kept[block.place])
    state = joined(manifest.parts, [pieces[block.place] for block in manifest.blocks])
    blocks = {block.place: block for block in manifest.blocks}
    return state, {sha256(piece).digest(): blocks[at] for at, piece in pieces.items()}


def _unusable(place: str, group: str, refused: Sequence[str]) -> str:
    listed = "\n".join(f"  - {reason}" for reason in refused)
    return (
        f"{place} has images of group {group!r}, and none can be used:\n{listed}\n"
        "  Restore that topic (and the store), give the key the images were signed with, run the "
        "version that wrote them, or begin anew under another group: thalweg worker … --group NAME"
    )
