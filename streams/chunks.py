"""Records on their way to a topic, as columns."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Protocol

import numpy as np

from streams.errors import TeachingError

__all__ = ["Chunk", "Columns", "first", "merged"]


class Columns(Protocol):
    """What can be produced: records as columns of equal length, in the order they are to have."""

    @property
    def keys(self) -> Sequence[bytes | None] | None:
        """Of each record; None when none has any."""

    @property
    def values(self) -> Sequence[bytes | None]:
        """Of each record, None for a tombstone."""

    @property
    def timestamps(self) -> Sequence[int] | None:
        """Milliseconds since 1970; None for the moment of sending."""

    @property
    def roles(self) -> Sequence[str] | None:
        """Which topic each is for; None when all are for the same one."""

    def __len__(self) -> int: ...

    def cut(self, start: int, stop: int) -> Columns:
        """Records ``start <= i < stop``."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of a file; see `Columns`."""

    values: Sequence[bytes | None]
    keys: Sequence[bytes | None] | None = None
    timestamps: Sequence[int] | None = None
    roles: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def cut(self, start: int, stop: int) -> Chunk:
        """Records ``start <= i < stop``."""
        return Chunk(
            self.values[start:stop],
            None if self.keys is None else self.keys[start:stop],
            None if self.timestamps is None else self.timestamps[start:stop],
            None if self.roles is None else self.roles[start:stop],
        )


def first(chunks: Iterable[Columns], count: int) -> Iterator[Columns]:
    """The first `count` records, or all where there are fewer."""
    for chunk in chunks:
        if count <= 0:
            return
        yield chunk.cut(0, min(count, len(chunk)))
        count -= len(chunk)


def merged(sources: Mapping[str, Iterable[Chunk]]) -> Iterator[Chunk]:
    """Records of several sources by timestamp, each with the name of its source as its role.

    Each source has timestamps and ascends in them; of records with the same timestamp, those of
    the source named first come first. Memory holds one chunk of each source.
    """
    feeds = {role: iter(chunks) for role, chunks in sources.items()}
    heads: dict[str, Chunk] = {}
    while True:
        for role in [role for role in feeds if not len(heads.get(role, ()))]:
            head = next((chunk for chunk in feeds[role] if len(chunk)), None)
            if head is None:
                del feeds[role]
                heads.pop(role, None)
            else:
                heads[role] = replace(head, roles=[role] * len(head))
        if not heads:
            return
        # No source has anything left to say about the time up to the earliest end of a chunk.
        edge = min(_times(head)[-1] for head in heads.values())
        ready = []
        for role in [role for role in sources if role in heads]:
            times = _times(heads[role])
            stop = len(times) if times[-1] <= edge else bisect_right(times, edge)
            ready.append(heads[role].cut(0, stop))
            heads[role] = heads[role].cut(stop, len(times))
        yield _by_time(ready)


def _times(chunk: Chunk) -> Sequence[int]:
    if chunk.timestamps is None:
        raise TeachingError(
            "two files without a time column",
            "their records are merged by time",
            "--time at, the column that both have it in",
        )
    return chunk.timestamps


def _by_time(parts: Sequence[Chunk]) -> Chunk:
    times = list(chain.from_iterable(map(_times, parts)))
    order = np.argsort(np.asarray(times, np.int64), kind="stable").tolist()
    values = list(chain.from_iterable(part.values for part in parts))
    keys = list(chain.from_iterable(part.keys or [None] * len(part) for part in parts))
    roles = list(chain.from_iterable(part.roles or () for part in parts))
    return Chunk(
        [values[i] for i in order],
        [keys[i] for i in order],
        [times[i] for i in order],
        [roles[i] for i in order],
    )
