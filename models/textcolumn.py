"""A column of text in one buffer: no string a value until somebody looks at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.compiled import compiled

__all__ = ["TextColumn"]

_LONGEST = 20
"""Characters of the smallest int64."""


class TextColumn(Sequence["str | None"]):
    """An immutable sequence of strings and Nones.

    Attributes:
        utf8: the same as valid UTF-8.
    """

    __slots__ = ("utf8",)

    def __init__(self, utf8: ByteColumn) -> None:
        self.utf8 = utf8

    @staticmethod
    def of(values: Sequence[str | None]) -> TextColumn:
        """A column of these values; itself where it is one."""
        if isinstance(values, TextColumn):
            return values
        gaps = [place for place, it in enumerate(values) if it is None] if None in values else []
        texts = ["" if it is None else it for it in values] if gaps else values
        whole = "".join(texts)  # type: ignore[arg-type]  # no None is left
        pieces: Sequence[str | bytes] = texts  # type: ignore[assignment]
        if not whole.isascii():
            pieces = [it.encode(errors="surrogatepass") for it in texts]  # type: ignore[union-attr]
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        starts = np.cumsum(lengths) - lengths
        lengths[gaps] = -1
        return TextColumn(ByteColumn(whole.encode(errors="surrogatepass"), starts, lengths))

    @staticmethod
    def of_integers(numbers: NDArray[np.int64]) -> TextColumn:
        """Whole numbers in decimal."""
        data = np.empty(_LONGEST * len(numbers), np.uint8)
        ends = np.empty(len(numbers), np.int64)
        _decimals(numbers, data, ends)
        return TextColumn(ByteColumn.laid(data, ends))

    @staticmethod
    def of_booleans(values: NDArray[np.bool_]) -> TextColumn:
        """``True`` or ``False``, as Python spells them."""
        return TextColumn(ByteColumn(b"FalseTrue", np.where(values, 5, 0), np.where(values, 4, 5)))

    def __len__(self) -> int:
        return len(self.utf8)

    @overload
    def __getitem__(self, place: int) -> str | None: ...
    @overload
    def __getitem__(self, place: slice) -> TextColumn: ...
    def __getitem__(self, place: int | slice) -> str | TextColumn | None:
        if isinstance(place, slice):
            return TextColumn(self.utf8[place])
        value = self.utf8[place]
        return None if value is None else value.decode()

    def __iter__(self) -> Iterator[str | None]:
        return iter(self.tolist())

    def __contains__(self, value: object) -> bool:
        if value is None:
            return bool(np.any(self.utf8.lengths < 0))
        return value in self.tolist()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.tolist() == list(other)

    __hash__ = None  # type: ignore[assignment]  # it compares by content, and may be large

    def __repr__(self) -> str:
        return f"TextColumn.of({self.tolist()!r})"

    def take(self, places: Sequence[int] | NDArray[np.int64]) -> TextColumn:
        """The values at these places, in this order."""
        return TextColumn(self.utf8.take(places))

    def tolist(self) -> list[str | None]:
        """Every value as a string of its own."""
        return self.utf8.texts()


@compiled
def _decimals(numbers: NDArray[np.int64], out: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
    at = 0
    for row in range(len(numbers)):
        rest = np.uint64(numbers[row])
        if numbers[row] < 0:
            out[at] = 45
            at += 1
            rest = np.uint64(0) - rest
        width, left = 1, rest
        while left >= np.uint64(10):
            left //= np.uint64(10)
            width += 1
        for place in range(at + width - 1, at - 1, -1):
            out[place] = np.uint64(48) + rest % np.uint64(10)
            rest //= np.uint64(10)
        at += width
        ends[row] = at
