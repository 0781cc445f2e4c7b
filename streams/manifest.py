"""What is known of an image without its blocks: the record that makes them an image."""

from __future__ import annotations

from importlib import metadata
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from streams.errors import UNREADABLE
from streams.image import FORMAT, ImageError
from streams.times import utc

__all__ = ["Block", "Manifest", "Place", "decoded", "encoded", "release"]

Place: TypeAlias = tuple[int, int] | str
"""Where a block is: its slot and its offset in the topic, or its name in the store."""


class Block(msgspec.Struct, frozen=True, array_like=True):
    """A piece of a state, as it is kept.

    Attributes:
        place: where.
        digest: SHA-256 of its bytes, in hexadecimal digits.
        size: how many those are.
    """

    place: Place
    digest: str
    size: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """An image but for its state.

    Attributes:
        format: version of the layout of images.
        number: counts a group's images of a partition.
        turn: which of the group's keys for manifests it has.
        topic: the checkpoints topic.
        partition: of it, and of the events topic.
        group: whose offsets the image goes with.
        model: the pipeline's name and fingerprint.
        described: the pipeline itself; see `Pipeline.described`.
        positions: by topic, the offset to read on from.
        journal: the offset from which the journal leads on from these positions.
        machine: what computed it; see `models.machine`.
        thalweg: the version that wrote it.
        written_at: when, in milliseconds since the epoch.
        store: URL of the store its blocks are in; None where they are in the topic.
        earlier: offsets of the manifests of those images before it that were kept with it.
        parts: sizes of the state's parts; see `streams.imageblocks`.
        blocks: of these parts, in order.
        partitions: among how many the topic's keys were divided; unset: by a version that did not
            say.
        grown: by topic, the positions at which that number was last another one; unset: never.
        checksum: SHA-256 of all of this but itself and the signature.
        signature: HMAC-SHA256 of the same, where there was a key.
    """

    format: int
    number: int
    turn: int
    topic: str
    partition: int
    group: str
    model: str
    described: dict[str, Any]
    positions: dict[str, int]
    journal: int
    machine: dict[str, str]
    thalweg: str
    written_at: int
    store: str | None
    earlier: list[int]
    parts: list[int]
    blocks: list[Block]
    partitions: int | UnsetType = UNSET
    grown: dict[str, int] | UnsetType = UNSET
    checksum: str = ""
    signature: str | None = None

    @property
    def size(self) -> int:
        """Bytes of its blocks, as they are kept."""
        return sum({block.place: block.size for block in self.blocks}.values())

    @property
    def places(self) -> set[Place]:
        """Of its blocks."""
        return {block.place for block in self.blocks}

    def __str__(self) -> str:
        when = utc(self.written_at)
        told = "no known time" if when is None else f"{when:%Y-%m-%d %H:%M:%S} UTC"
        return f"image {self.number} of {told}"


def release() -> str:
    """The version of Thalweg that runs; "source" where it runs from a clone."""
    try:
        return metadata.version("thalweg")
    except metadata.PackageNotFoundError:
        return "source"


def encoded(manifest: Manifest) -> bytes:
    """As JSON."""
    return _encoder.encode(manifest)


def decoded(value: bytes) -> Manifest:
    """From JSON, byte for byte as `encoded` writes it.

    Raises:
        ImageError: it is no manifest, or one of another format.
    """
    try:
        found = _head_decoder.decode(value).format
    except UNREADABLE as error:
        raise ImageError(f"its manifest is damaged: {error}") from error
    if found != FORMAT:
        raise ImageError(f"it has format {found}, this version reads {FORMAT}")
    try:
        manifest = _decoder.decode(value)
    except UNREADABLE as error:
        raise ImageError(f"its manifest is damaged: {error}") from error
    if _encoder.encode(manifest) != value:
        raise ImageError("its manifest is damaged: it is not written as manifests are")
    return manifest


class _Head(msgspec.Struct, frozen=True):
    """What manifests of all formats have; those of format 2 did not say so."""

    format: int = 2


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Manifest)
_head_decoder = msgspec.json.Decoder(_Head)
