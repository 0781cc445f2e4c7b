"""The unit of work: all records that one fetch brought of one partition."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.column import whole_numbers

__all__ = ["Compression", "Headers", "Record", "Records", "Slice"]

Compression: TypeAlias = Literal["none", "gzip", "snappy", "lz4", "zstd"]
WholeNumbers: TypeAlias = "Sequence[int] | NDArray[np.int64]"

Headers: TypeAlias = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Slice:
    """Records of one partition, as columns, in log order.

    Attributes:
        topic: where they were read.
        partition: its number.
        start: the position the read began at; nothing between `start` and ``offsets[0]`` exists.
        next: the position to read on from; the log may have held control records or compacted
            gaps on the way, so this is not always ``offsets[-1] + 1``.
        offsets: int[n], ascending.
        keys: bytes or None, n of them.
        values: bytes, or None for a tombstone, n of them.
        timestamps: record time in milliseconds since the epoch, n of them.
        headers: n sequences of pairs; None when no record has any.
    """

    topic: str
    partition: int
    start: int
    next: int
    offsets: WholeNumbers
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    timestamps: WholeNumbers
    headers: Sequence[Headers] | None = None

    def __len__(self) -> int:
        return len(self.offsets)

    def since(self, position: int) -> Slice:
        """What lies at or after `position`: the whole slice, a tail of it, or an empty one."""
        if position <= self.start:
            return self
        return self._cut(bisect_left(self.offsets, position), len(self), position, self.next)

    def before(self, position: int) -> Slice:
        """What lies before `position`: the whole slice, a head of it, or an empty one."""
        if position >= self.next:
            return self
        return self._cut(0, bisect_left(self.offsets, position), self.start, position)

    def pieces(self, size: int) -> list[Slice]:
        """The same records in slices of at most `size`, so that no one of them takes long."""
        if len(self) <= size:
            return [self]
        cuts = [*range(0, len(self), size), len(self)]
        edges = [self.start, *(int(self.offsets[cut]) for cut in cuts[1:-1]), self.next]
        return [
            self._cut(cuts[i], cuts[i + 1], edges[i], edges[i + 1]) for i in range(len(cuts) - 1)
        ]

    def _cut(self, first: int, last: int, start: int, following: int) -> Slice:
        part = slice(first, last)
        return Slice(
            self.topic,
            self.partition,
            start,
            max(start, following),
            self.offsets[part],
            self.keys[part],
            self.values[part],
            self.timestamps[part],
            None if self.headers is None else self.headers[part],
        )


@dataclass(slots=True)
class Records:
    """Records to be written to one partition, as columns; `headers` None when none has any."""

    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    timestamps: WholeNumbers
    headers: Sequence[Headers] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @staticmethod
    def joined(parts: Sequence[Records]) -> Records:
        """The records of several parts, one part behind the other."""
        if len(parts) == 1:
            return parts[0]
        headers: list[Headers] | None = None
        if any(part.headers is not None for part in parts):
            headers = [own for part in parts for own in part.headers or [()] * len(part)]
        return Records(
            ByteColumn.concatenated([ByteColumn.of(part.keys) for part in parts]),
            ByteColumn.concatenated([ByteColumn.of(part.values) for part in parts]),
            np.concatenate([whole_numbers(part.timestamps) for part in parts]),
            headers,
        )


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in a topic; `timestamp` in milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Headers = ()
