"""A window of records, numbered as the rows they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.spill import Spill, Spilled, let_go, stretches

__all__ = ["RowRecords"]

_ROOM = 4_096
_GROWTH, _FULL = 1.5, 3 / 4


class RowRecords:
    """A record for each row from `first` to `next`, in one array that is used again.

    Args:
        fields: of a record.
    """

    __slots__ = ("_base", "_file", "_records", "_spill", "first", "next")

    def __init__(self, fields: np.dtype[np.void]) -> None:
        self._base = self.first = self.next = 0
        self._records: NDArray[np.void] = np.zeros(0, fields)
        self._spill: Spill | None = None
        self._file: Spilled | None = None

    def spill_to(self, spill: Spill) -> None:
        """Keep the window in a file from now on, of which only so much stays in memory."""
        columns, self._spill = self.columns(self.first), spill
        self.restore(self.first, columns)

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
        if self._file is not None:
            self._file.forget_before(self.first - self._base)

    def clear(self) -> None:
        """Begin anew, with row 0."""
        self.restore(0, self.columns(self.next))

    @property
    def itemsize(self) -> int:
        """Bytes of a record."""
        return self._records.itemsize

    @property
    def memory(self) -> int:
        """Bytes of the window, wherever they are."""
        return self._records.nbytes if self._file is None else self._file.length

    def columns(self, first: int) -> dict[str, NDArray[Any]]:
        """Rows from `first` on, a copied column for each field."""
        kept = self.since(first)
        if self._spill is None:
            return {name: kept[name].copy() for name in self._names}
        n = len(kept)
        found = {}
        for name in self._names:
            field = kept.dtype[name]
            width = int(np.prod(field.shape, dtype=int))
            flat = self._spill.scratch(n * width, field.base)
            column = found[name] = flat.reshape(n, *field.shape)
            for some in stretches(n, kept.itemsize):
                column[some] = kept[name][some]
                let_go(column[some])
                self._spill.settle()
        return found

    def restore(self, first: int, columns: Mapping[str, NDArray[Any]]) -> None:
        """Take over rows from `first` on, as `columns` made them."""
        n = len(columns[self._names[0]])
        if self._spill is None:
            records = np.zeros(n, self._records.dtype)
            for name in self._names:
                records[name] = columns[name]
        else:
            self._file = self._spill.array(self._records.dtype)
            records = self._file.reserve(n)
            for some in stretches(n, records.itemsize):
                for name in self._names:
                    records[name][some] = columns[name][some]
                    let_go(columns[name][some])
                self._spill.settle()
        self._base = self.first = first
        self.next = first + n
        self._records = records

    @property
    def _names(self) -> tuple[str, ...]:
        return self._records.dtype.names or ()

    def _reserve(self, n: int) -> None:
        if self._file is not None:
            if self._file.crowded(self.next - self._base + n):
                self.restore(self.first, self.columns(self.first))
                assert self._file is not None
            self._records = self._file.reserve(self.next - self._base + n)
            return
        if self.next - self._base + n <= len(self._records):
            return
        kept, records = self.since(self.first), self._records
        if len(kept) + n > _FULL * len(records):
            records = np.empty(max(_ROOM, int((len(kept) + n) * _GROWTH)), records.dtype)
        records.view(np.uint8)[: kept.nbytes] = kept.view(np.uint8)
        self._base, self._records = self.first, records
