"""What was published against what is computed again: byte for byte, a column at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from models.bytecolumn import ByteColumn
from models.column import whole_numbers
from streams.errors import UNREADABLE
from streams.published import Published, Row, is_before, is_behind, offset_of, rows
from streams.slices import Records

__all__ = ["Comparison", "Difference", "apart"]

_SHOWN = 5


class Difference(msgspec.Struct, frozen=True):
    """A prediction that is not what it should be.

    Attributes:
        partition: of the event.
        offset: of the event.
        published: the value that stands in the topic; None: there is none.
        recomputed: what it should be; None: there should be none.
        apart: what differs, in words.
    """

    partition: int
    offset: int
    published: str | None
    recomputed: str | None
    apart: str


@dataclass(slots=True)
class Comparison:
    """Counts what is equal and what is not.

    Attributes:
        partition: of the events.
        compared: predictions that were published and computed again.
        differing: how many of them differ in a byte.
        missing: computed, but not published.
        unexpected: published, but not computed.
        first: the first differences.
    """

    partition: int
    compared: int = 0
    differing: int = 0
    missing: int = 0
    unexpected: int = 0
    first: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether there is no difference."""
        return not (self.differing or self.missing or self.unexpected)

    async def add(self, recomputed: Records, published: Published) -> None:
        """Hold the next predictions against those that were published."""
        found = await published.take(len(recomputed))
        if _same(found, recomputed):
            self.compared += len(recomputed)
            return
        published.put_back(found)
        for wanted in rows(recomputed):
            at = offset_of(wanted.value) or 0
            while (row := await published.peek()) is not None and is_before(row.value, at):
                self._note(offset_of(row.value) or 0, row, None)
                await published.take(1)
            if row is None or is_behind(row.value, at):
                self._note(at, None, wanted)
                continue
            await published.take(1)
            self.compared += 1
            if row != wanted:
                self._note(at, row, wanted)

    async def close(self, published: Published) -> None:
        """There are no more predictions: all that was published besides is one too many."""
        while len(rest := await published.take(1 << 14)):
            for row in rows(rest):
                self._note(offset_of(row.value) or 0, row, None)

    def _note(self, at: int, published: Row | None, recomputed: Row | None) -> None:
        if published is None:
            self.missing += 1
        elif recomputed is None:
            self.unexpected += 1
        else:
            self.differing += 1
        if len(self.first) < _SHOWN:
            self.first.append(
                Difference(
                    self.partition,
                    at,
                    _text(published),
                    _text(recomputed),
                    apart(published, recomputed),
                )
            )


def _same(one: Records, other: Records) -> bool:
    return (
        len(one) == len(other)
        and np.array_equal(whole_numbers(one.timestamps), whole_numbers(other.timestamps))
        and _same_bytes(one.values, other.values)
        and _same_bytes(one.keys, other.keys)
        and (
            (one.headers is None and other.headers is None)
            or [row.headers for row in rows(one)] == [row.headers for row in rows(other)]
        )
    )


def _same_bytes(one: Any, other: Any) -> bool:
    mine, its = ByteColumn.of(one), ByteColumn.of(other)
    there = np.flatnonzero(mine.lengths >= 0)
    return (
        np.array_equal(mine.lengths, its.lengths)
        and mine.take(there).joined() == its.take(there).joined()
    )


def _text(row: Row | None) -> str | None:
    return None if row is None else (row.value or b"").decode(errors="replace")


def apart(published: Row | None, recomputed: Row | None) -> str:
    """What differs, in words: fields of the value, key, timestamp, headers."""
    if published is None:
        return "not published"
    if recomputed is None:
        return "published without reason"
    names = [name for name in Row._fields if getattr(published, name) != getattr(recomputed, name)]
    if "value" in names:
        one, other = _fields(published.value), _fields(recomputed.value)
        apart = [name for name, value in other.items() if one.get(name) != value]
        names[names.index("value") : names.index("value") + 1] = apart or ["value"]
    return ", ".join(names)


def _fields(value: bytes | None) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(value or b"")
    except UNREADABLE:
        return {}
    return found if isinstance(found, dict) else {}
