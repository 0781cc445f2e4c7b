"""Where the events that wait for a label belong, once there are more partitions: asked of the log.

An image knows an event by its id, and not by the key that decides on its partition. The topic of
the events has both, so it is read back from where the image is, as far as events wait.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.column import chosen
from models.digests import digests
from models.hashing import texts
from streams.division import HASHES, Owners, waiting
from streams.logreading import ends, stretch
from streams.secrecy import decoder_of
from streams.slices import Slice

if TYPE_CHECKING:
    from streams.image import Image
    from streams.pipeline import Pipeline

__all__ = ["Belongings", "belongings", "placed"]

_STRETCH, _LONGEST = 1 << 16, 1 << 20


@dataclass(frozen=True, slots=True)
class Belongings:
    """Where events that wait for a label belong.

    Attributes:
        owners: of those that were found.
        moved: how many go to another partition.
        kept: how many stay.
        unknown: how many of those are not in the log any more, so that nothing is known of them.
        keyless: how many of those have no key, or are not where their key would have put them.
        hashed: how keys are hashed.
    """

    owners: Owners
    moved: int
    kept: int
    unknown: int
    keyless: int
    hashed: str


async def belongings(
    pipeline: Pipeline, client: Mapping[str, Any], image: Image, before: int, count: int
) -> Belongings:
    """Look up the events that wait in an image, by the keys that they were written with.

    Args:
        pipeline: of the image.
        client: connection options of aiokafka.
        image: of a partition.
        before: how many partitions there were.
        count: how many there are.
    """
    ids, parent = waiting(image), image.partition
    left = {(int(low), int(high)) for low, high in ids}
    keys: dict[tuple[int, int], bytes | None] = {}
    if left:
        decoder, field = decoder_of(pipeline), pipeline.events.id or ""
        async with aclosing(_back(client, pipeline.events.name, image)) as slices:
            async for records in slices:
                decoded = decoder.decode(records)
                own = chosen(records.keys, decoded.places)
                found = digests(texts(decoded.column(field))).tolist()
                for n, (low, high) in enumerate(found):
                    if (low, high) in left:
                        key = own[n]
                        keys[low, high] = None if key is None else bytes(key)
                if len(keys) == len(left):
                    break
    return placed(keys, len(left), parent, before, count)


def placed(
    keys: Mapping[tuple[int, int], bytes | None], waiting: int, parent: int, before: int, count: int
) -> Belongings:
    """Where events belong by their keys.

    Args:
        keys: by the halves of their digests, of those that were found.
        waiting: how many there are.
        parent: where they have been.
        before: how many partitions there were.
        count: how many there are.
    """
    keyed = {one: key for one, key in keys.items() if key is not None}
    hashed = _hash_of([*keyed.values()], before, parent)
    found = HASHES[hashed]([*keyed.values()], count)
    fits = found % before == parent
    places = np.where(fits, found, parent)
    moved = int(np.count_nonzero(places != parent))
    return Belongings(
        Owners(np.array([*keyed], np.uint64).reshape(-1, 2), places),
        moved,
        waiting - moved,
        waiting - len(keys),
        len(keys) - int(np.count_nonzero(fits)),
        hashed,
    )


def _hash_of(keys: list[bytes | None], before: int, parent: int) -> str:
    """The hash that most of the keys have come to their partition by."""

    def fitting(name: str) -> int:
        return int(np.count_nonzero(HASHES[name](keys, before) == parent))

    return max(HASHES, key=fitting)


async def _back(client: Mapping[str, Any], topic: str, image: Image) -> AsyncGenerator[Slice, None]:
    """The records before the image, from its place back a stretch at a time."""
    number, stop, length = image.partition, image.positions[topic], _STRETCH
    earliest, _ = await ends(client, [topic], number)
    while stop > earliest[topic]:
        start = max(earliest[topic], stop - length)
        async with stretch(client, topic, number, start, stop) as slices:
            async for records in slices:
                yield records
        stop, length = start, min(2 * length, _LONGEST)
