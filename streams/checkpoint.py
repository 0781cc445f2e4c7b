"""Where images are kept: a compacted topic, one partition for each of the events topic's.

An image is the blocks of a state and a *manifest*, which says where each block is. Blocks are
records of the topic, each in a *slot*, or files of a store. The manifest is always a record, in the
transaction that commits what the image accounts for: so there is an image or there is none.

A reader never sees one image's blocks under another's manifest. A manifest names offsets, and what
stands at an offset does not change; it can only be compacted away, once its slot is written to
again. That is done by a committed transaction alone, and only to slots that none of the last `kept`
manifests names. Those are the images one can go back to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from hashlib import sha256
from itertools import count
from math import inf
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType

from models.machine import machine
from models.spill import Spill, let_go
from streams.checkpointlog import opened_log
from streams.image import FORMAT, Image
from streams.imageblocks import compressed, cut
from streams.imagereading import Found, ImageReader
from streams.manifest import Block, Manifest, Place, release
from streams.producer import PartitionProducer
from streams.signing import sealed
from streams.slices import Records
from streams.stores import Store, open_store

__all__ = ["CheckpointUnwritableError", "Checkpoints", "Found", "Prepared"]

_SEND_BYTES = 800 << 10
"""Of blocks in one batch: less than a batch of the producer's holds, and so surely one."""


class CheckpointUnwritableError(Exception):
    """An image could not be put into its store; nothing is lost but the try."""


class Prepared:
    """An image on its way: cut, compared with the one before, and what is new of it compressed.

    Attributes:
        size: bytes of the blocks that are new.
    """

    def __init__(self, image: Image, journal: int, parts: list[int]) -> None:
        self.image = msgspec.structs.replace(image, state=None)
        self.journal = journal
        self.parts = parts
        self.size = 0
        self.order: list[bytes] = []
        """Digest of each piece before it was compressed."""
        self.blocks: dict[bytes, Block] = {}
        """Of pieces by that digest, once it is known where they are."""
        self.fresh: dict[bytes, bytes] = {}
        """Compressed pieces by that digest, to be written."""
        self.written: tuple[Manifest, asyncio.Future[Any]] | None = None


class Checkpoints:
    """The images of one partition for one group.

    One image at a time is prepared, written and settled; `newest` comes before the first.

    Args:
        client: connection options of aiokafka.
        topic: of checkpoints.
        partition: of it.
        group: consumer group whose offsets the images go with.
        kept: how many images one can go back to.
        store: path or URL of where to keep blocks; None: in the topic.
        key: that images are signed with; None: they are not, and anybody's are read.
        trusting: read anybody's all the same.
        spill: where images are put together; None: in memory.

    Raises:
        SettingsError: the store cannot be used.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        topic: str,
        partition: int,
        group: str,
        *,
        kept: int = 4,
        store: str | None = None,
        key: bytes | None = None,
        trusting: bool = False,
        spill: Spill | None = None,
    ) -> None:
        self._log = partial(opened_log, client, topic, partition)
        self._topic = topic
        self._partition = partition
        self._group = group
        self._kept = kept
        self._url = store
        self._store: Store | None = None
        if store is not None:
            self._store = open_store(store, topic, group, str(partition))
        self._key = key
        trusted = None if trusting else key
        self._reader = ImageReader(topic, partition, group, self._store, trusted, spill)
        self._writer = uuid4().hex[:8]
        self._number = 0
        self._partitions: int | UnsetType = UNSET
        self._grown: dict[str, int] | UnsetType = UNSET
        self._live: dict[int, Manifest] = {}
        self._known: dict[bytes, Block] = {}

    @property
    def refused(self) -> list[str]:
        """Of what was found last, why it cannot be used, a line each."""
        return self._reader.refused

    async def newest(self) -> Found | None:
        """The newest image that can be used; None where there never was one.

        To be asked once the former owner is fenced: what is committed can be read a moment later.
        Each newer one that cannot is told in the log.

        Raises:
            ImageError: there are images, and none can be used; the text says why of each.
        """
        async with self._log() as topic:
            live = await self._reader.manifests(topic)
            found, blocks = await self._reader.first(topic, live.values())
        self._remember(live)
        if found is not None:
            self._partitions, self._grown = found.manifest.partitions, found.manifest.grown
            # A newer one that cannot be used is none to go back to: its slots are free.
            self._live = {at: it for at, it in live.items() if it.number <= found.manifest.number}
        in_store = self._store is not None
        self._known = {it: at for it, at in blocks.items() if isinstance(at.place, str) == in_store}
        return found

    async def before(self, positions: Mapping[str, int]) -> Found | None:
        """The newest image that can be used and lies beyond none of these positions, if any.

        Raises:
            ImageError: there are such images, and none can be used.
        """
        async with self._log() as topic:
            early = [
                manifest
                for manifest in (await self._reader.manifests(topic)).values()
                if all(manifest.positions.get(name, 0) <= at for name, at in positions.items())
            ]
            return (await self._reader.first(topic, early))[0] if early else None

    async def manifests(self) -> list[Manifest]:
        """Of all images that are kept, the newest first; `refused` tells of others."""
        async with self._log() as topic:
            self._remember(await self._reader.manifests(topic))
        return list(self._live.values())

    async def image(self, manifest: Manifest) -> Image:
        """The image of a manifest.

        Raises:
            ImageError: blocks of it are gone or damaged.
        """
        async with self._log() as topic:
            return (await self._reader.image(topic, manifest))[0]

    def among(self, partitions: int, grown: Mapping[str, int] | None = None) -> None:
        """Have the images from now on say among how many partitions the topic's keys are divided.

        Args:
            partitions: how many.
            grown: by topic, the positions at which there were others until now; None: there were
                not.
        """
        self._partitions = partitions
        if grown is not None:
            self._grown = dict(grown)

    def prepare(self, image: Image, journal: int) -> Prepared:
        """Make an image ready to be written; blocks and computes, so a thread should do it.

        With a store its blocks are put there already: who writes it needs no disk.

        Args:
            image: of a task; shares no memory with one that goes on meanwhile.
            journal: the offset from which the journal leads on from its positions.

        Raises:
            CheckpointUnwritableError: the store does not take it.
        """
        parts, pieces = cut(image.state)
        prepared = Prepared(image, journal, parts)
        for piece in pieces:
            digest = sha256(piece).digest()
            prepared.order.append(digest)
            if digest in self._known:
                prepared.blocks[digest] = self._known[digest]
            elif digest not in prepared.fresh:
                prepared.fresh[digest] = compressed(piece)
            let_go(piece)
        prepared.size = sum(map(len, prepared.fresh.values()))
        if self._store is not None:
            self._put(self._store, prepared)
        return prepared

    async def write(self, producer: PartitionProducer, prepared: Prepared, now: int) -> int:
        """Put an image into the open transaction of `producer`; answers how many bytes.

        Args:
            producer: in a transaction.
            prepared: since the last one was settled.
            now: in milliseconds since the epoch.
        """
        await self._send_blocks(producer, prepared, now)
        image = prepared.image
        manifest = Manifest(
            format=FORMAT,
            number=self._number + 1,
            turn=self._turn,
            topic=self._topic,
            partition=self._partition,
            group=self._group,
            model=image.model,
            described=image.described,
            positions=image.positions,
            journal=prepared.journal,
            machine=machine(),
            thalweg=release(),
            written_at=now,
            store=self._url,
            earlier=self._earlier,
            parts=prepared.parts,
            blocks=[prepared.blocks[digest] for digest in prepared.order],
            partitions=self._partitions,
            grown=self._grown,
        )
        size, sent = await self._send_manifest(producer, manifest)
        prepared.written = manifest, sent
        return prepared.size + size

    def settled(self, prepared: Prepared) -> None:
        """Its transaction is committed: the image's blocks can be used again from now on."""
        assert prepared.written is not None
        manifest, sent = prepared.written
        live = [(sent.result().offset, manifest), *self._live.items()]
        self._remember(dict(live[: self._kept]))
        self._known = prepared.blocks

    async def put_back(
        self,
        producer: PartitionProducer,
        manifest: Manifest,
        positions: Mapping[str, int],
        journal: int,
        now: int,
    ) -> int:
        """Have the state of an older image be the newest, at other positions; answers its number.

        Args:
            producer: in a transaction.
            manifest: one of those that `manifests` found last.
            positions: by topic, the offset to read on from.
            journal: the offset from which the journal leads on from there.
            now: in milliseconds since the epoch.
        """
        again = msgspec.structs.replace(
            manifest,
            number=self._number + 1,
            turn=self._turn,
            positions=dict(positions),
            journal=journal,
            written_at=now,
            earlier=self._earlier,
        )
        await self._send_manifest(producer, again)
        return again.number

    def _remember(self, live: dict[int, Manifest]) -> None:
        self._live = live
        self._number = max((manifest.number for manifest in live.values()), default=0)

    @property
    def _earlier(self) -> list[int]:
        """Offsets of the manifests that are kept along with the next one."""
        return list(self._live)[: self._kept - 1]

    @property
    def _turn(self) -> int:
        """Of the next one: a key that none of them has."""
        used = {self._live[offset].turn for offset in self._earlier}
        return next(turn for turn in count() if turn not in used)

    async def _send_blocks(self, producer: PartitionProducer, prepared: Prepared, now: int) -> None:
        """Put what is fresh into free slots, and note where it stands."""
        used = {
            it[0] for live in self._live.values() for it in live.places if not isinstance(it, str)
        }
        free = (slot for slot in count() if slot not in used)
        sending = []
        for batch in _batches(prepared.fresh):
            slots = [next(free) for _ in batch]
            keys = [f"{self._group}/block/{slot}".encode() for slot in slots]
            records = Records(keys, [prepared.fresh[digest] for digest in batch], [now] * len(keys))
            [sent] = await producer.send(self._topic, self._partition, records)
            sending.append((sent, batch, slots))
        for sent, batch, slots in sending:
            first = (await sent).offset
            for place, digest in enumerate(batch):
                kept = prepared.fresh[digest]
                prepared.blocks[digest] = _block((slots[place], first + place), kept)

    async def _send_manifest(
        self, producer: PartitionProducer, manifest: Manifest
    ) -> tuple[int, asyncio.Future[Any]]:
        """The size of the manifest's record, and the future of where it stands."""
        key = f"{self._group}/manifest/{manifest.turn}".encode()
        value = sealed(manifest, self._key)
        record = Records([key], [value], [manifest.written_at])
        [sent] = await producer.send(self._topic, self._partition, record)
        return len(value), sent

    def _put(self, store: Store, prepared: Prepared) -> None:
        """Put what is fresh into the store, and remove what no image needs any more.

        A file is named after the image it was first written for and after its writer. Only images
        from that one on, without a gap, use it: so what is not in use by the last one, and was
        written for it or before it, never will be. Even a writer that was replaced without knowing
        it cannot remove too much.
        """
        mark = f"{self._number + 1}-{self._writer}"
        files = {f"{mark}-{sha256(it).hexdigest()[:16]}": it for it in prepared.fresh.values()}
        used = {place for manifest in self._live.values() for place in manifest.places}
        try:
            store.remove(
                name
                for name in store.names()
                if name not in used and _first_image(name) <= self._number
            )
            store.put(files)
        except OSError as error:
            with suppress(OSError):
                store.remove(files)
            raise CheckpointUnwritableError(f"{self._url}: {error}") from error
        placed = zip(prepared.fresh.items(), files, strict=True)
        prepared.blocks |= {digest: _block(name, kept) for (digest, kept), name in placed}
        prepared.fresh = {}


def _block(place: Place, kept: bytes) -> Block:
    return Block(place, sha256(kept).hexdigest(), len(kept))


def _batches(fresh: Mapping[bytes, bytes]) -> Iterator[list[bytes]]:
    """The keys, so many at a time that their values make one batch of records."""
    batch: list[bytes] = []
    size = 0
    for digest, kept in fresh.items():
        if batch and size + len(kept) > _SEND_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(digest)
        size += len(kept)
    if batch:
        yield batch


def _first_image(name: str) -> float:
    """The number of the image that a file was written for; infinite for a file of others."""
    number = name.partition("-")[0]
    return int(number) if number.isdecimal() else inf
