"""A column of byte strings in one buffer: no object a value until somebody looks at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.intrinsics import copy

__all__ = ["ByteColumn"]

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

_FEW = 8
"""Up to so many values are cut out one by one before they would be joined and split."""


class ByteColumn(Sequence["bytes | None"]):
    """An immutable sequence of bytes and Nones, laid out as Arrow does.

    Attributes:
        data: where the values lie, in any order and with anything between them.
        starts: int64[n], where each begins.
        lengths: int64[n], how long it is; -1 for None.
    """

    __slots__ = ("data", "lengths", "starts")

    def __init__(self, data: bytes, starts: Longs, lengths: Longs) -> None:
        self.data = data
        self.starts = starts
        self.lengths = lengths

    @staticmethod
    def of(values: Sequence[bytes | None]) -> ByteColumn:
        """A column of these values; itself where it is one."""
        if isinstance(values, ByteColumn):
            return values
        try:
            data = b"".join(values)  # type: ignore[arg-type]  # a None: TypeError below
            lengths = np.fromiter(map(len, values), np.int64, len(values))  # type: ignore[arg-type]
        except TypeError:
            data = b"".join(value for value in values if value is not None)
            counted = (-1 if value is None else len(value) for value in values)
            lengths = np.fromiter(counted, np.int64, len(values))
        ends = np.cumsum(np.maximum(lengths, 0))
        return ByteColumn(data, ends - np.maximum(lengths, 0), lengths)

    @staticmethod
    def lines(data: bytes, count: int) -> ByteColumn:
        """The `count` lines of `data`, each ended by a line break."""
        starts, lengths = np.empty(count, np.int64), np.empty(count, np.int64)
        _lines(np.frombuffer(data, np.uint8), starts, lengths)
        return ByteColumn(data, starts, lengths)

    @staticmethod
    def laid(data: Bytes, ends: Longs) -> ByteColumn:
        """Values that lie end to end from the beginning of `data`, none of them None."""
        starts, lengths = np.empty_like(ends), np.empty_like(ends)
        end = _part(ends, starts, lengths)
        return ByteColumn(data[:end].tobytes(), starts, lengths)

    @staticmethod
    def concatenated(columns: Sequence[ByteColumn]) -> ByteColumn:
        """The values of several columns, one column behind the other."""
        shifts = np.cumsum([0, *(len(column.data) for column in columns)])
        return ByteColumn(
            b"".join([column.data for column in columns]),
            np.concatenate([c.starts + shift for c, shift in zip(columns, shifts, strict=False)]),
            np.concatenate([column.lengths for column in columns]),
        )

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, place: int) -> bytes | None: ...
    @overload
    def __getitem__(self, place: slice) -> ByteColumn: ...
    def __getitem__(self, place: int | slice) -> bytes | ByteColumn | None:
        if isinstance(place, slice):
            return ByteColumn(self.data, self.starts[place], self.lengths[place])
        start, length = int(self.starts[place]), int(self.lengths[place])
        return None if length < 0 else self.data[start : start + length]

    def __iter__(self) -> Iterator[bytes | None]:
        data = self.data
        starts, lengths = self.starts.tolist(), self.lengths.tolist()
        return (
            None if length < 0 else data[start : start + length]
            for start, length in zip(starts, lengths, strict=True)
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it compares by content, and may be large

    def __repr__(self) -> str:
        return f"ByteColumn.of({list(self)!r})"

    @property
    def longest(self) -> int:
        """Length of the longest value; 0 where there is none."""
        return _longest(self.lengths)

    @property
    def is_ascii(self) -> bool:
        """Whether every byte of every value is below 128."""
        return bool(_is_ascii(np.frombuffer(self.data, np.uint8), self.starts, self.lengths))

    def take(self, places: Sequence[int] | Longs) -> ByteColumn:
        """The values at these places, in this order."""
        if isinstance(places, range) and places == range(len(self)):
            return self
        chosen = np.asarray(places, np.int64)
        return ByteColumn(self.data, self.starts[chosen], self.lengths[chosen])

    def joined(self) -> bytes | None:
        """All values with a line break between each two; None where one of them is None."""
        if len(self) == 0:
            return b""
        room = _room(self.lengths)
        if room < 0:
            return None
        out = np.empty(room, np.uint8)
        _join(np.frombuffer(self.data, np.uint8), self.starts, self.lengths, out)
        return out.tobytes()

    def texts(self) -> list[str | None]:
        """Every value as text; bytes that are no UTF-8 become replacement characters."""
        joined = self.joined() if len(self) > _FEW else None
        if joined is not None and joined.isascii():
            texts: list[str | None] = list(joined.decode("ascii").split("\n"))
            if len(texts) == len(self):
                return texts
        return [None if value is None else value.decode(errors="replace") for value in self]


@compiled
def _lines(data: Bytes, starts: Longs, lengths: Longs) -> None:
    start = line = 0
    for at in range(len(data)):
        if data[at] == 10:
            starts[line] = start
            lengths[line] = at - start
            start = at + 1
            line += 1


@compiled
def _part(ends: Longs, starts: Longs, lengths: Longs) -> int:
    """Where values that lie end to end start, and their lengths; the end of the last one."""
    start = 0
    for n in range(len(ends)):
        starts[n], lengths[n] = start, ends[n] - start
        start = ends[n]
    return start


@compiled
def _longest(lengths: Longs) -> int:
    longest = 0
    for length in lengths:
        longest = max(longest, length)
    return longest


@compiled
def _room(lengths: Longs) -> int:
    """Bytes of all values and a line break between each two; -1 where one of them is None."""
    room = len(lengths) - 1
    for length in lengths:
        if length < 0:
            return -1
        room += length
    return room


@compiled
def _join(data: Bytes, starts: Longs, lengths: Longs, out: Bytes) -> None:
    at = 0
    for n in range(len(starts)):
        if n:
            out[at] = 10
            at += 1
        copy(data, starts[n], lengths[n], out, at)
        at += lengths[n]


@compiled
def _is_ascii(data: Bytes, starts: Longs, lengths: Longs) -> bool:
    every = np.uint8(0)
    for n in range(len(starts)):
        for place in range(starts[n], starts[n] + lengths[n]):
            every |= data[place]
    return bool(every < 128)
