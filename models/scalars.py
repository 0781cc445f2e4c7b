"""Python's scalars in two arrays: no object a value while they are only kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.column import Column, listed
from models.compiled import fused
from models.protocol import Target
from models.textcolumn import TextColumn

__all__ = ["BOOL", "FLOAT", "INT", "NONE", "NUMBERED", "Bits", "Kinds", "Scalars", "same"]

NONE, BOOL, INT, FLOAT, NUMBERED = range(5)
"""What a value is. Text is numbered in order of appearance, as are integers beyond 64 bits."""

Kinds: TypeAlias = NDArray[np.int8]
Bits: TypeAlias = NDArray[np.int64]

_OF_ARRAYS = {"b": BOOL, "i": INT, "f": FLOAT}
_OF_TYPES = {type(None): NONE, bool: BOOL, int: INT, float: FLOAT}
_FEW = 4_096


class Scalars:
    """Writes values as ``(kind, bits)`` and reads them back, equal in value and in type.

    Bits are a number's own: those of an int64, of a float64, 0 or 1; or the number of a text.
    """

    def __init__(self, values: Iterable[Target] = ()) -> None:
        self._numbers = _Numbers(values)
        self._room = 2 * len(self._numbers) + _FEW

    @property
    def crowded(self) -> bool:
        """Whether many more values were numbered than when these were made: drop what is unused."""
        return len(self._numbers) > self._room

    def write(self, column: Column) -> tuple[Kinds, Bits]:
        """Kinds and bits of a column; new texts are numbered."""
        n = len(column)
        if isinstance(column, np.ndarray) and (kind := _OF_ARRAYS.get(column.dtype.kind)):
            kinds = np.full(n, kind, np.int8)
            if kind != FLOAT:
                return kinds, column.astype(np.int64)
            kinds[np.isnan(column)] = NONE
            return kinds, column.astype(np.float64).view(np.int64)
        if isinstance(column, TextColumn) and not (column.utf8.lengths < 0).any():
            numbers = map(self._numbers.__getitem__, listed(column))
            return np.full(n, NUMBERED, np.int8), np.fromiter(numbers, np.int64, n)
        kinds, bits = np.zeros(n, np.int8), np.zeros(n, np.int64)
        for place, value in enumerate(listed(column)):
            if value is not None:
                kinds[place], bits[place] = self._pair(value)
        return kinds, bits

    def read(self, kinds: Kinds, bits: Bits) -> Column:
        """The values: an array where all are booleans, integers or floats, else a list."""
        if not len(kinds):
            return []
        if (kinds == kinds[0]).all():
            return self._of_one_kind(int(kinds[0]), bits)
        values = np.empty(len(kinds), object)
        for kind in np.unique(kinds).tolist():
            places = np.flatnonzero(kinds == kind)
            values[places] = self._of_one_kind(kind, bits[places])
        every: list[Any] = values.tolist()
        return every

    def renumber(self, parts: Sequence[tuple[Kinds, Bits]]) -> list[Target]:
        """Number what is numbered in `parts` anew, in order of first use; the values by number.

        Only the bits in `parts` are changed, in place; `Scalars` of the values reads them.
        """
        places = [np.flatnonzero(kinds == NUMBERED) for kinds, _ in parts]
        used = np.concatenate([bits[at] for (_, bits), at in zip(parts, places, strict=True)])
        first = np.full(len(self._numbers), len(used))
        first[used[::-1]] = np.arange(len(used))[::-1]  # of equal indices the last one counts
        order = np.argsort(first)[: int(np.count_nonzero(first < len(used)))]
        number = np.zeros(len(first), np.int64)
        number[order] = np.arange(len(order))
        for (_, bits), at in zip(parts, places, strict=True):
            bits[at] = number[bits[at]]
        return [self._numbers.value[old] for old in order.tolist()]

    def _pair(self, value: Any) -> tuple[int, int]:
        kind = _OF_TYPES.get(type(value), NUMBERED)
        if kind == FLOAT:
            return FLOAT, int(np.float64(value).view(np.int64))
        if kind == NUMBERED or not -(2**63) <= value < 2**63:
            return NUMBERED, self._numbers[value]
        return kind, int(value)

    def _of_one_kind(self, kind: int, bits: Bits) -> Column:
        if kind == NONE:
            return [None] * len(bits)
        if kind == NUMBERED:
            return list(map(self._numbers.value.__getitem__, bits.tolist()))
        if kind == FLOAT:
            return bits.view(np.float64)
        return bits if kind == INT else bits.astype(np.bool_)


class _Numbers(dict[Target, int]):
    """The number of each value; a value that is new gets the next one."""

    def __init__(self, values: Iterable[Target]) -> None:
        self.value = list(values)
        super().__init__((value, number) for number, value in enumerate(self.value))

    def __missing__(self, value: Target) -> int:
        self.value.append(value)
        return self.setdefault(value, len(self))


@fused()
def same(kind: int, bits: int, other_kind: int, other_bits: int) -> bool:
    """Whether Python calls two values equal; of integers beyond 64 bits, only to their like."""
    if (kind == NUMBERED) != (other_kind == NUMBERED):
        return False
    if kind == FLOAT and other_kind == FLOAT:
        return _float(bits) == _float(other_bits)
    if kind == FLOAT:
        return _equal(other_bits, _float(bits))
    if other_kind == FLOAT:
        return _equal(bits, _float(other_bits))
    return bits == other_bits


@fused()
def _equal(whole: int, number: float) -> bool:
    # 2**63 is the first float beyond int64; below it a whole float is an int64 exactly.
    return -(2.0**63) <= number < 2.0**63 and number == np.floor(number) and whole == int(number)


@fused()
def _float(bits: int) -> float:
    return np.int64(bits).view(np.float64)
