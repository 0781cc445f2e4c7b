"""Damage to what workers recover from: images that are torn, altered, of another version."""

from __future__ import annotations

import json
import random
from asyncio import run
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec
from confluent_kafka import Message, Producer

from streams.manifest import Block, Manifest
from streams.signing import sealed
from streams.stores import Directory
from tests.chaos.evidence import checkpoints
from tests.chaos.lanes import Lane

__all__ = ["HARMS", "damage_newest", "has_older"]

Harm: TypeAlias = Callable[[bytes, random.Random], bytes]

_FLUSH_S = 10.0
_FAR = 1_000_000


def corrupted(content: bytes, draw: random.Random) -> bytes:
    """The same with one bit flipped."""
    place = draw.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]


def truncated(content: bytes, draw: random.Random) -> bytes:
    """A beginning of it, perhaps an empty one."""
    return content[: draw.randrange(len(content))]


HARMS: Mapping[str, Harm] = {"corrupted": corrupted, "truncated": truncated}
"""What can become of stored bytes, by name."""


def damage_newest(lane: Lane, partition: int, how: str, draw: random.Random) -> str:
    """Have the newest image of a partition be useless; the lane's workers are down.

    Where blocks are files, one that no older image shares is damaged on the disk. If there is none,
    and in the topic, where nothing can be changed, an image is added as a broken writer would have
    left it: its first block damaged, its manifest damaged, or all of it in the format of an older
    version.
    """
    newest, *older = _manifests(lane, partition)
    topic = _Topic(lane.brokers, newest)
    if how == "older version":
        chunk = topic.add(f"{newest.group}/0/0", b"an image of format 2")
        manifest = {"turn": 0, "size": 20, "chunks": [chunk]}
        topic.add(f"{newest.group}/0", json.dumps(manifest).encode())
        return "an image of format 2 is the newest"
    harm = HARMS[how]
    shared = {place for manifest in older for place in manifest.places}
    own = sorted(str(place) for place in newest.places - shared)
    found: dict[str, bytes] = {}
    if lane.store is not None:
        # Those of an image that was damaged before are gone, once a worker went back behind it.
        store = Directory(Path(lane.store, newest.topic, newest.group, str(partition)))
        found = store.get(own)
    if found:
        name = draw.choice(sorted(found))
        store.put({name: harm(found[name], draw)})
        return f"file {name} of {newest}"
    later = msgspec.structs.replace(newest, number=newest.number + 1)
    key = f"{newest.group}/manifest/{_FAR}"
    if draw.random() < 0.5:
        topic.add(key, harm(sealed(later, None), draw))
        return f"the manifest of {later}"
    first, *others = newest.blocks
    slot = _FAR
    offset = topic.add(f"{newest.group}/block/{slot}", harm(first.digest.encode(), draw))
    blocks = [Block((slot, offset), first.digest, first.size), *others]
    topic.add(key, sealed(msgspec.structs.replace(later, blocks=blocks), None))
    return f"a block of {later}"


def has_older(lane: Lane, partition: int) -> bool:
    """Whether there is an image behind the newest one."""
    return len(_manifests(lane, partition)) > 1


def _manifests(lane: Lane, partition: int) -> list[Manifest]:
    return run(checkpoints(lane.brokers, lane.pipeline, partition, lane.store).manifests())


class _Topic:
    """A partition of the checkpoints topic, written to by a plain client."""

    def __init__(self, brokers: str, manifest: Manifest) -> None:
        self._producer = Producer({"bootstrap.servers": brokers})
        self._place = (manifest.topic, manifest.partition)

    def add(self, key: str, value: bytes) -> int:
        """Append a record; answers its offset."""
        told: list[int] = []

        def delivered(error: object, message: Message) -> None:
            assert error is None, error
            told.append(message.offset())

        topic, partition = self._place
        self._producer.produce(topic, value, key, partition, on_delivery=delivered)
        assert self._producer.flush(_FLUSH_S) == 0
        return told[0]
