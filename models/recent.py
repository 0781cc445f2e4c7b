"""The last verdicts, in a ring of fixed size."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.protocol import State
from models.verdicts import Verdicts

__all__ = ["Recent"]


class Recent:
    """Remembers the last `capacity` verdicts; memory is taken once, 24 to 32 bytes each."""

    __slots__ = ("_next", "_ring", "_size")

    def __init__(self, capacity: int, fields: np.dtype[np.void]) -> None:
        self._ring: Verdicts = np.zeros(capacity, fields)
        self._next = 0
        self._size = 0

    @property
    def capacity(self) -> int:
        """How many verdicts are remembered at most."""
        return len(self._ring)

    def push(self, verdicts: Verdicts) -> None:
        """Remember verdicts, and forget as many of the oldest as do not fit any more."""
        kept = verdicts[-self.capacity :]
        head = kept[: self.capacity - self._next]
        tail = kept[len(head) :]
        self._ring[self._next : self._next + len(head)] = head
        self._ring[: len(tail)] = tail
        self._next = (self._next + len(kept)) % self.capacity
        self._size = min(self._size + len(kept), self.capacity)

    def verdicts(self) -> Verdicts:
        """What is remembered, oldest first."""
        if self._size < self.capacity:
            return self._ring[: self._size].copy()
        return np.concatenate((self._ring[self._next :], self._ring[: self._next]))

    def merge(self, verdicts: Verdicts, capacity: int) -> None:
        """Make room for `capacity` more and remember `verdicts` beside what is here."""
        mine = self.verdicts()
        self._ring = np.zeros(self.capacity + capacity, self._ring.dtype)
        self._next = self._size = 0
        self.push(mine)
        self.push(verdicts)

    def state(self) -> State:
        """Everything `restore` needs: a column for each field, oldest first."""
        verdicts = self.verdicts()
        return {name: verdicts[name].copy() for name in self._names}

    def restore(self, state: State) -> None:
        """Take over a state made by `state`; of a larger ring, the last verdicts that fit."""
        columns: dict[str, Any] = {name: state[name] for name in self._names}
        verdicts = np.zeros(len(columns["score"]), self._ring.dtype)
        for name, column in columns.items():
            verdicts[name] = column
        self._next = self._size = 0
        self.push(verdicts)

    @property
    def _names(self) -> tuple[str, ...]:
        return self._ring.dtype.names or ()
