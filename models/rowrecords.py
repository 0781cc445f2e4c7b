"""A window of records, numbered as the rows they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RowRecords"]

_ROOM = 4_096
_GROWTH, _FULL = 1.5, 3 / 4


class RowRecords:
    """A record for each row from `first` to `next`, in one array that is used again.

    Args:
        fields: of a record.
    """

    __slots__ = ("_base", "_records", "first", "next")

    def __init__(self, fields: np.dtype[np.void]) -> None:
        self._base = self.first = self.next = 0
        self._records: NDArray[np.void] = np.zeros(0, fields)

    def append(self, n: int) -> NDArray[np.void]:
        """Records of the next `n` rows, to be filled in."""
        self._reserve(n)
        new = self._records[self.next - self._base :][:n]
        self.next += n
        return new

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.void]:
        """Copies of the records of these rows."""
        # Ten times as fast as with brackets, which copy records field by field.
        return self._records.take(rows - self._base)

    def since(self, first: int) -> NDArray[np.void]:
        """The records of all rows from `first` on, not copied."""
        return self._records[first - self._base : self.next - self._base]

    def drop_before(self, row: int) -> None:
        """Forget rows below `row`; their memory is used again."""
        self.first = max(self.first, min(row, self.next))

    @property
    def memory(self) -> int:
        """Bytes of the window."""
        return self._records.nbytes

    def columns(self, first: int) -> dict[str, NDArray[Any]]:
        """Rows from `first` on, a copied column for each field."""
        kept = self.since(first)
        return {name: kept[name].copy() for name in self._names}

    def restore(self, first: int, columns: Mapping[str, NDArray[Any]]) -> None:
        """Take over rows from `first` on, as `columns` made them."""
        records = np.zeros(len(columns[self._names[0]]), self._records.dtype)
        for name in self._names:
            records[name] = columns[name]
        self._base = self.first = first
        self.next = first + len(records)
        self._records = records

    @property
    def _names(self) -> tuple[str, ...]:
        return self._records.dtype.names or ()

    def _reserve(self, n: int) -> None:
        if self.next - self._base + n <= len(self._records):
            return
        kept, records = self.since(self.first), self._records
        if len(kept) + n > _FULL * len(records):
            records = np.empty(max(_ROOM, int((len(kept) + n) * _GROWTH)), records.dtype)
        records.view(np.uint8)[: kept.nbytes] = kept.view(np.uint8)
        self._base, self._records = self.first, records
