"""A partition's state divided among the partitions that its keys are in once there are more.

Kafka's clients send a key to ``hash % partitions``. Where that number is multiplied, the keys of a
partition p go to p, p + n, p + 2n, …, and to no other: each new partition has one *parent*. It
begins as a copy of what its parent is at the end of the records that were written before.

What may be there twice is copied. Windows of a key that comes to the other side are forgotten as
time goes on, and labels without an event wait for one that comes to one side alone. But an event
that waits for its label must be learned once, so it waits where its key is now, and nowhere else.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.image import Image, fitting
from streams.joiners import Joiners
from streams.partitioning import partitions_of
from streams.task import PartitionTask

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["HASHES", "Owners", "children", "divided", "is_quiet", "parents", "waiting"]

_ID = np.dtype([("low", "u8"), ("high", "u8")])


def _by_crc32(keys: Sequence[bytes | None], count: int) -> NDArray[np.int64]:
    return np.fromiter((zlib.crc32(key or b"") % count for key in keys), np.int64, len(keys))


HASHES: Mapping[str, Callable[[Sequence[bytes | None], int], NDArray[np.int64]]] = {
    "murmur2": partitions_of,
    "crc32": _by_crc32,
}
"""The partition of each key among so many: as Java's clients choose it, and as librdkafka does."""


class Owners:
    """Where events are that wait for a label, by the digests of their ids.

    Args:
        ids: uint64[n, 2], all different.
        partition: int64[n].
    """

    def __init__(self, ids: NDArray[np.uint64], partition: NDArray[np.int64]) -> None:
        known = _records(ids)
        order = np.argsort(known)
        self._ids, self._partition = known[order], partition[order]

    def of(self, ids: NDArray[np.uint64], otherwise: int) -> NDArray[np.int64]:
        """The partition of each, int64[n]; `otherwise` of those that are not known."""
        found = np.full(len(ids), otherwise)
        if not len(self._ids):
            return found
        wanted = _records(ids)
        at = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
        known = self._ids[at] == wanted
        found[known] = self._partition[at[known]]
        return found


def parents(count: int, number: int) -> list[int]:
    """The partitions that one of `count` can have grown out of; the first is always among them."""
    return sorted({number % n for n in range(1, number + 1) if count % n == 0})


def children(parent: int, before: int, count: int) -> list[int]:
    """The partitions that keys of a parent are in besides, once there are `count`."""
    return list(range(parent + before, count, before))


def waiting(image: Image) -> NDArray[np.uint64]:
    """The digests of the ids of all events that wait for a label, or for a correction; [n, 2]."""
    found = [_records(state["pending"]["id"]) for state in _joiners(image.state["joiner"])]
    ids = np.unique(np.concatenate(found)) if found else np.empty(0, _ID)
    return np.stack([ids["low"], ids["high"]], axis=1)


def is_quiet(task: PartitionTask) -> bool:
    """Whether the task has nothing to tell others of what its shared windows took in."""
    exchanges = (windows.exchange for windows in task.encoder.shared)
    return not any(it is not None and (it.under_way or len(it)) for it in exchanges)


def divided(
    pipeline: Pipeline, image: Image, begins: Mapping[int, Mapping[str, int]], owners: Owners
) -> list[Image]:
    """The parent's image without what goes, and those of the partitions that grow out of it.

    Args:
        pipeline: of the task.
        image: of the parent, of a task that is quiet.
        begins: of each partition that grows out of it, by topic, where its records begin.
        owners: where the events that wait belong; the parent keeps those that are not known.

    Raises:
        ImageError: it is no image of the pipeline.
    """
    parent = image.partition
    return [
        _branch(pipeline, image, number, begins.get(number, {}), owners)
        for number in (parent, *begins)
    ]


def _branch(
    pipeline: Pipeline, image: Image, number: int, begin: Mapping[str, int], owners: Owners
) -> Image:
    grows, state = number != image.partition, dict(image.state)

    def own(joiner: Mapping[str, Any]) -> dict[str, Any]:
        pending = joiner["pending"]
        kept = owners.of(pending["id"], image.partition) == number
        joiner = {**joiner, "pending": {name: column[kept] for name, column in pending.items()}}
        return joiner | {"outcomes": {}} if grows else joiner

    task = PartitionTask(pipeline, number)
    with fitting():
        if isinstance(task.joiner, Joiners):
            state["joiner"] = {name: own(joiner) for name, joiner in state["joiner"].items()}
        elif task.joiner is not None:
            state["joiner"] = own(state["joiner"])
        positions = {**image.positions, **begin}
        task.restore(
            msgspec.structs.replace(image, partition=number, positions=positions, state=state)
        )
    if grows:
        if pipeline.mixing is not None:
            task.learner.branch()
        for windows in task.encoder.shared:
            if windows.exchange is not None:
                windows.exchange.branch()
    return task.image()


def _joiners(state: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The states of a joiner, or of those of several sources."""
    if state is None:
        return []
    return [state] if isinstance(state.get("arrivals"), int) else list(state.values())


def _records(ids: NDArray[np.uint64]) -> NDArray[np.void]:
    found = np.empty(len(ids), _ID)
    found["low"], found["high"] = ids[:, 0], ids[:, 1]
    return found
