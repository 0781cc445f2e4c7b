"""Sparse feature rows, the form in which every kernel reads features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.protocol import State
from models.spill import Spill, Spilled, let_go, stretches

__all__ = ["Rows"]

_GROWTH, _FULL = 1.75, 2 / 3
_USUAL_BYTES = 512
"""Of a row, about; to know how many rows are a stretch."""


class Rows:
    """A growing window of sparse rows, addressed by sequence number.

    Rows are numbered 0, 1, 2, … in the order they are appended, for ever. `drop_before`
    forgets the oldest, so the store holds the window ``[first, next)``. In memory it is a CSR
    matrix: row ``s`` has its buckets in ``index[indptr[s - base]:indptr[s - base + 1]]`` and its
    values at the same places of ``value``.

    Attributes:
        base: sequence number that ``indptr[0]`` belongs to.
        indptr: int64, one longer than the number of rows in memory.
        index: int32, buckets of the weight table.
        value: float64, feature values (a hashed token's is its sign).
    """

    __slots__ = ("_files", "_spill", "base", "first", "index", "indptr", "next", "value")

    def __init__(self) -> None:
        self.base = 0
        self.first = 0
        self.next = 0
        self.indptr: NDArray[np.int64] = np.zeros(1024, np.int64)
        self.index: NDArray[np.int32] = np.zeros(8192, np.int32)
        self.value: NDArray[np.float64] = np.zeros(8192, np.float64)
        self._spill: Spill | None = None
        self._files: tuple[Spilled, ...] = ()

    def spill_to(self, spill: Spill) -> None:
        """Keep the window in files from now on, of which only so much stays in memory."""
        state, self._spill = self.state(), spill
        self.restore(state)

    def __len__(self) -> int:
        return self.next - self.first

    @property
    def memory(self) -> int:
        """Bytes of the rows of the window, wherever they are."""
        at = self.first - self.base
        entries = int(self.indptr[self.next - self.base] - self.indptr[at])
        each = self.index.itemsize + self.value.itemsize
        return len(self) * self.indptr.itemsize + entries * each

    def append(
        self, lengths: NDArray[np.int64], index: NDArray[np.int32], value: NDArray[np.float64]
    ) -> int:
        """Add ``len(lengths)`` rows laid end to end; return the first one's sequence number.

        Args:
            lengths: int64[n], entries of each row.
            index: int32[sum(lengths)].
            value: float64[sum(lengths)].
        """
        start = self.next
        _, new_index, new_value = self.extend(lengths)
        new_index[:], new_value[:] = index, value
        return start

    def extend(
        self, lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """Add rows of these lengths, int64[n], laid end to end; their entries are to be filled in.

        Returns:
            Where each begins, and buckets and values, views that the next call may make stale.
        """
        n, entries = len(lengths), int(lengths.sum())
        self._reserve(n, entries, int(self.indptr[self.next - self.base]))
        at = self.next - self.base
        begin = int(self.indptr[at])
        _point(lengths, at, self.indptr)
        self.next += n
        span = slice(begin, begin + entries)
        return self.indptr[at : at + n] - begin, self.index[span], self.value[span]

    def drop_before(self, seq: int) -> None:
        """Forget all rows numbered below `seq`; their memory is reused by later appends."""
        self.first = max(self.first, min(seq, self.next))
        if self._files:
            place = self.first - self.base
            entry = int(self.indptr[place])
            for file, begin in zip(self._files, (place, entry, entry), strict=True):
                file.forget_before(begin)

    def window(
        self, start: int, stop: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """Lengths, buckets and values of rows ``start <= s < stop``, laid end to end.

        The buckets and values are views: the next append may move what lies there.
        """
        pointers = self.indptr[start - self.base : stop - self.base + 1]
        span = slice(int(pointers[0]), int(pointers[-1]))
        return np.diff(pointers), self.index[span], self.value[span]

    def check(self, rows: NDArray[np.int64]) -> None:
        """See that all of these are in the window.

        Raises:
            IndexError: one of them is not.
        """
        if not _within(rows, self.first, self.next):
            raise IndexError(
                f"the plan reads rows {rows.min()} to {rows.max()}, and the window holds "
                f"{self.first} to {self.next - 1}: drop a row only after its last step"
            )

    def lengths(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many entries each of these has."""
        at = rows - self.base
        return self.indptr[at + 1] - self.indptr[at]

    def entries(self, rows: NDArray[np.int64]) -> int:
        """How many entries these have together."""
        return int(self.lengths(rows).sum())

    def state(self) -> State:
        """The rows of the window, for an image."""
        if self._spill is not None:
            return self._spilled(self._spill)
        lengths, index, value = self.window(self.first, self.next)
        # Copies: the window's memory is used again while the image is being written.
        columns = {"lengths": lengths, "index": index.copy(), "value": value.copy()}
        return {"first": self.first, **columns}

    def restore(self, state: State) -> None:
        """Hold the window of `state` and nothing else."""
        self.base = self.first = self.next = state["first"]
        if self._spill is not None:
            columns = self.indptr, self.index, self.value
            self._files = tuple([self._spill.array(column.dtype) for column in columns])
            self._widen(0, 0)
        self.indptr[0] = 0
        lengths, index, value = state["lengths"], state["index"], state["value"]
        if self._spill is None:
            self.append(lengths, index, value)
            return
        begin = 0
        for some in stretches(len(lengths), _USUAL_BYTES):
            entries = slice(begin, begin + int(lengths[some].sum()))
            self.append(lengths[some], index[entries], value[entries])
            begin = entries.stop
            for done in (lengths[some], index[entries], value[entries]):
                let_go(done)
            self._spill.settle()

    def _widen(self, rows: int, used: int) -> None:
        """Have room in the files for so many rows with so many entries, forgotten ones included."""
        pointers, index, value = self._files
        self.indptr, self.index = pointers.reserve(rows + 1), index.reserve(used)
        self.value = value.reserve(used)

    def _spilled(self, spill: Spill) -> State:
        """The same state, no column of it in memory."""
        _, index, value = self._files
        at, n = self.first - self.base, len(self)
        lengths = spill.scratch(n, np.dtype(np.int64))
        for some in stretches(n, lengths.itemsize):
            np.subtract(
                self.indptr[at + some.start + 1 : at + some.stop + 1],
                self.indptr[at + some.start : at + some.stop],
                out=lengths[some],
            )
            let_go(lengths[some])
            spill.settle()
        span = int(self.indptr[at]), int(self.indptr[at + n])
        columns = {"lengths": lengths, "index": index.view(*span), "value": value.view(*span)}
        return {"first": self.first, **columns}

    def _reserve(self, rows: int, entries: int, used: int) -> None:
        if self._files:
            if self._files[-1].crowded(used + entries):
                self.restore(self.state())
                used = int(self.indptr[len(self)])
            self._widen(self.next - self.base + rows, used + entries)
            return
        if self.next - self.base + rows < len(self.indptr) and used + entries <= len(self.index):
            return
        begin, kept = int(self.indptr[self.first - self.base]), len(self)
        pointers, places = kept + rows + 1, used - begin + entries
        roomy = max(pointers / len(self.indptr), places / len(self.index)) <= _FULL
        # New memory costs more than moving what is there: it comes from the kernel page by page.
        indptr, index, value = self.indptr, self.index, self.value
        if not roomy:
            indptr = np.zeros(max(1024, int(pointers * _GROWTH)), np.int64)
            room = max(8192, int(places * _GROWTH))
            index, value = np.zeros(room, np.int32), np.zeros(room, np.float64)
        at = self.first - self.base
        _move(self.indptr, self.index, self.value, at, kept, indptr, index, value)
        self.base, self.indptr, self.index, self.value = self.first, indptr, index, value


@compiled
def _move(
    old_indptr: NDArray[np.int64],
    old_index: NDArray[np.int32],
    old_value: NDArray[np.float64],
    at: int,
    kept: int,
    indptr: NDArray[np.int64],
    index: NDArray[np.int32],
    value: NDArray[np.float64],
) -> None:
    """Put the `kept` rows from place `at` on to the front of arrays that may be the same."""
    begin = old_indptr[at]
    for entry in range(old_indptr[at + kept] - begin):
        index[entry] = old_index[begin + entry]
        value[entry] = old_value[begin + entry]
    for row in range(kept + 1):
        indptr[row] = old_indptr[at + row] - begin


@compiled
def _point(lengths: NDArray[np.int64], at: int, indptr: NDArray[np.int64]) -> None:
    """Write where rows end that come next."""
    for row in range(len(lengths)):
        indptr[at + row + 1] = indptr[at + row] + lengths[row]


@compiled
def _within(row: NDArray[np.int64], first: int, stop: int) -> bool:
    """Whether all of these rows are from `first` to below `stop`."""
    good = True
    for k in range(len(row)):
        good &= first <= row[k] < stop
    return good
