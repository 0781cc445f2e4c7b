"""Records on their way to a topic, as columns."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Protocol

import numpy as np

from models.bytecolumn import ByteColumn
from models.column import chosen
from streams.errors import TeachingError

__all__ = ["Chunk", "Columns", "first", "joined", "merged"]


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
    """Records with nothing to them but their columns; see `Columns`."""

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


def joined(parts: Sequence[Columns]) -> Chunk:
    """The records of several chunks as one.

    A record of a chunk without keys has none; times and roles are there where every chunk has them.
    """
    if len(parts) == 1:
        return Chunk(parts[0].values, parts[0].keys, parts[0].timestamps, parts[0].roles)
    keyed = any(part.keys is not None for part in parts)
    times = [part.timestamps for part in parts if part.timestamps is not None]
    roles = [part.roles for part in parts if part.roles is not None]
    return Chunk(
        _one_buffer([part.values for part in parts]),
        _one_buffer([part.keys or [None] * len(part) for part in parts]) if keyed else None,
        list(chain.from_iterable(times)) if len(times) == len(parts) else None,
        list(chain.from_iterable(roles)) if len(roles) == len(parts) else None,
    )


def _one_buffer(parts: Sequence[Sequence[bytes | None]]) -> ByteColumn:
    columns = [ByteColumn.of(part) for part in parts]
    ends = np.cumsum([len(column.data) for column in columns])
    shifts = [0, *ends.tolist()]
    return ByteColumn(
        b"".join([column.data for column in columns]),
        np.concatenate([column.starts + n for column, n in zip(columns, shifts, strict=False)]),
        np.concatenate([column.lengths for column in columns]),
    )


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
    whole = joined(parts)
    times, roles = _times(whole), whole.roles or ()
    order = np.argsort(np.asarray(times, np.int64), kind="stable").tolist()
    return Chunk(
        chosen(whole.values, order),
        None if whole.keys is None else chosen(whole.keys, order),
        chosen(times, order),
        chosen(roles, order),
    )
