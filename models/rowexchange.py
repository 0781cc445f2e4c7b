"""What the windows of one feature tell those of other partitions, and take over from them.

A row that was taken in is told at once. While a delta is under way, rows gather, and are told when
it has come back: there is never more than one under way, and never a row that nobody will tell.
So when what is told follows from the records alone, and how much is told at a time from how long a
delta takes to come back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.deltas import DeltaError
from models.protocol import State
from models.rowdeltas import RowDelta, decode, encode

__all__ = ["RowExchange"]

_ROW = np.dtype([("ids", "u8", (2,)), ("times", "i8"), ("bits", "i8")])


class RowExchange:
    """The rows of one partition's windows, on their way to the others.

    Args:
        most: rows that gather at most while a delta is under way. Beyond that the oldest are
            dropped: readers remember no more than that either.

    Attributes:
        under_way: the delta that was told and has not come back; empty: none.
        dropped: how many rows were never told.
        told_elsewhere: how many rows others have told.
    """

    def __init__(self, most: int) -> None:
        self.under_way = b""
        self.dropped = self.told_elsewhere = 0
        self._most = most
        self._rows: list[NDArray[np.void]] = []
        self._gathered = 0
        self._sequences: dict[int, int] = {}
        self._own = 0
        self._outbox: list[bytes] = []

    def __len__(self) -> int:
        """How many rows wait to be told."""
        return self._gathered

    @property
    def memory(self) -> int:
        """Bytes of the rows that wait, and of the delta under way."""
        return self._gathered * self.row_bytes + len(self.under_way)

    @property
    def row_bytes(self) -> int:
        """Of one row that waits."""
        return _ROW.itemsize

    def take(
        self, ids: NDArray[np.uint64], times: NDArray[np.int64], bits: NDArray[np.int64]
    ) -> None:
        """Tell of rows that were taken in, in the order of the log, or have them wait."""
        if not len(times):
            return
        rows = np.empty(len(times), _ROW)
        rows["ids"], rows["times"], rows["bits"] = ids, times, bits
        if not self.under_way:
            # The first alone: what a slice holds besides it is decided by chance.
            self._tell(rows[:1])
            rows = rows[1:]
        self._gather(rows)

    def fold(self, sender: int, delta: bytes, *, own: bool) -> RowDelta | None:
        """What is to be taken over of the delta that comes next in the log; None: one's own.

        Raises:
            DeltaError: it is none, or repeats or skips one of that sender; nothing was changed.
        """
        given, expected = decode(delta), self._sequences.get(sender, 0)
        if given.sequence != expected:
            raise DeltaError(
                f"delta {given.sequence} of rows of partition {sender} comes where its {expected} "
                "should: the log of deltas has lost or repeated one; each counts once or nothing "
                "is right"
            )
        if own and delta != self.under_way:
            raise DeltaError(
                f"delta {given.sequence} of rows of partition {sender} is not what it told: two "
                "workers write for one partition, or its state is of another log"
            )
        self._sequences[sender] = expected + 1
        if not own:
            self.told_elsewhere += len(given.times)
            return given
        self.under_way = b""
        if self._gathered:
            rows = self._joined()
            self._rows, self._gathered = [], 0
            self._tell(rows)
        return None

    def branch(self) -> None:
        """Be those of another partition, which told nothing; what of whom was taken over stays.

        Raises:
            RuntimeError: rows wait to be told, or are on their way: they would be counted twice.
        """
        if self.under_way or self._gathered:
            raise RuntimeError(
                f"{self._gathered} rows wait, and {len(self.under_way)} bytes are under way: take "
                "over one's own deltas first"
            )
        self._own = self.dropped = self.told_elsewhere = 0

    def outbox(self) -> list[bytes]:
        """The deltas that were made since it was asked last, to be published in this order."""
        made, self._outbox = self._outbox, []
        return made

    def state(self) -> State:
        """The rows that wait, what is under way, and what of whom was taken over."""
        rows = self._joined()
        return {
            **{name: rows[name].copy() for name in ("ids", "times", "bits")},
            "under_way": self.under_way,
            "own": self._own,
            "senders": np.array(list(self._sequences), np.int64),
            "sequences": np.array(list(self._sequences.values()), np.int64),
            "counts": np.array([self.dropped, self.told_elsewhere], np.int64),
        }

    def restore(self, state: State) -> None:
        """Take over what `state` made."""
        rows = np.empty(len(state["times"]), _ROW)
        for name in ("ids", "times", "bits"):
            rows[name] = state[name]
        self._rows, self._gathered = [rows], len(rows)
        self.under_way, self._own = state["under_way"], state["own"]
        sequences = zip(state["senders"].tolist(), state["sequences"].tolist(), strict=True)
        self._sequences = dict(sequences)
        self.dropped, self.told_elsewhere = state["counts"].tolist()
        self._outbox = []

    def _gather(self, rows: NDArray[np.void]) -> None:
        self._rows.append(rows)
        self._gathered += len(rows)
        if (over := self._gathered - self._most) > 0:
            self._rows = [self._joined()[over:]]
            self._gathered -= over
            self.dropped += over

    def _joined(self) -> NDArray[np.void]:
        return np.concatenate(self._rows) if self._rows else np.empty(0, _ROW)

    def _tell(self, rows: NDArray[np.void]) -> None:
        rows = rows[np.argsort(rows["times"], kind="stable")]
        columns = (np.ascontiguousarray(rows[name]) for name in ("ids", "times", "bits"))
        self.under_way = encode(RowDelta(self._own, *columns))
        self._own += 1
        self._outbox.append(self.under_way)
