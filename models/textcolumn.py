"""A column of text in one buffer: no string a value until somebody looks at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from models.bytecolumn import ByteColumn

__all__ = ["TextColumn"]


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
        return TextColumn(
            ByteColumn.of([None if value is None else value.encode() for value in values])
        )

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

    def take(self, places: Sequence[int]) -> TextColumn:
        """The values at these places, in this order."""
        return TextColumn(self.utf8.take(places))

    def tolist(self) -> list[str | None]:
        """Every value as a string of its own."""
        return self.utf8.texts()
