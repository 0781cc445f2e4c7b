"""Rows as dicts of named features, the form in which River estimators read an event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from models.protocol import State

__all__ = ["DictRows"]

_DATETIME, _INTEGER = 1, 2
_INT64 = range(-(2**63), 2**63)


class DictRows:
    """A growing window of rows ``[first, next)``, numbered for ever in order of arrival.

    A row is what it was when it was appended: reading it hands out a copy, for River pipelines
    may write into the dict they are given.
    """

    __slots__ = ("_base", "_rows", "first", "next")

    def __init__(self) -> None:
        self._base = 0
        self._rows: list[dict[str, Any]] = []
        self.first = 0
        self.next = 0

    def __len__(self) -> int:
        return self.next - self.first

    def __getitem__(self, seq: int) -> dict[str, Any]:
        """A copy of row `seq`."""
        if not self.first <= seq < self.next:
            raise IndexError(f"row {seq} is outside of the window [{self.first}, {self.next})")
        return dict(self._rows[seq - self._base])

    def append(self, rows: Sequence[dict[str, Any]]) -> int:
        """Add rows; return the first one's sequence number."""
        start = self.next
        self._rows.extend(rows)
        self.next += len(rows)
        return start

    def drop_before(self, seq: int) -> None:
        """Forget all rows numbered below `seq`."""
        self.first = max(self.first, min(seq, self.next))
        dead = self.first - self._base
        if 2 * dead > len(self._rows):  # each row moves at most once: amortised
            del self._rows[:dead]
            self._base = self.first

    def state(self) -> State:
        """The rows of the window, for an image; values of the types an event's fields can have."""
        rows = [
            {name: _plain(value) for name, value in row.items()}
            for row in self._rows[self.first - self._base :]
        ]
        return {"first": self.first, "rows": msgspec.msgpack.encode(rows)}

    def restore(self, state: State) -> None:
        """Hold the window of `state` and nothing else."""
        self._rows = _decoder.decode(state["rows"])
        self._base = self.first = state["first"]
        self.next = self.first + len(self._rows)


def _plain(value: Any) -> Any:
    """A value that comes back as it was: MessagePack forgets time zones and has 64-bit integers."""
    if isinstance(value, datetime):
        return msgspec.msgpack.Ext(_DATETIME, value.isoformat().encode())
    if type(value) is int and value not in _INT64:
        return msgspec.msgpack.Ext(_INTEGER, str(value).encode())
    return value


def _value(code: int, data: memoryview) -> Any:
    text = bytes(data).decode()
    return datetime.fromisoformat(text) if code == _DATETIME else int(text)


_decoder = msgspec.msgpack.Decoder(list[dict[str, Any]], ext_hook=_value)
