"""Finds the entry of an id: open addressing with linear probing, and no graves.

Knuth, The Art of Computer Programming, vol. 3, 6.4, algorithms L and R. A cell holds 31 bits of the
id's digest and the slot of its entry plus one; 0: it is empty. The functions are pieces of kernels
that remember something of each id.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models import intrinsics
from models.compiled import fused
from models.intrinsics import prefetch

__all__ = ["enter", "erase", "find", "foresee", "likely"]

Entries: TypeAlias = NDArray[Any]
"""Records with the digest, ``low`` and ``high``."""

Cells: TypeAlias = NDArray[np.int64]
"""The table; at least one cell stays empty."""


@fused(intrinsics)
def find(entries: Entries, table: Cells, low: np.uint64, high: np.uint64) -> int:
    """The slot of an id that was entered; -1 if none was."""
    tag = _tag(low)
    place = _home(tag, len(table))
    while table[place] != 0:
        if table[place] >> 32 == tag:
            slot = int(table[place] & 0xFFFFFFFF) - 1
            if entries[slot].low == low and entries[slot].high == high:
                return slot
        place = _following(place, len(table))
    return -1


@fused(intrinsics)
def enter(entries: Entries, table: Cells, slot: int) -> None:
    """Let an id be found."""
    tag = _tag(entries[slot].low)
    place = _home(tag, len(table))
    while table[place] != 0:
        place = _following(place, len(table))
    table[place] = tag << 32 | slot + 1


@fused(intrinsics)
def erase(entries: Entries, table: Cells, slot: int) -> None:
    """Let an id be found no more; the cells after it move up, so that no grave is left."""
    tag = _tag(entries[slot].low)
    size = len(table)
    hole = _home(tag, size)
    while table[hole] != tag << 32 | slot + 1:
        hole = _following(hole, size)
    place = _following(hole, size)
    while table[place] != 0:
        way = place - _home(table[place] >> 32, size)
        gap = place - hole
        if (way + size if way < 0 else way) >= (gap + size if gap < 0 else gap):
            table[hole] = table[place]
            hole = place
        place = _following(place, size)
    table[hole] = 0


@fused(intrinsics)
def foresee(table: Cells, low: np.uint64) -> None:
    """Say that an id will be looked for soon."""
    prefetch(table, _home(_tag(low), len(table)))


@fused(intrinsics)
def likely(table: Cells, low: np.uint64) -> int:
    """The slot that `find` will look at first; -1 if none. Entries are not read for it."""
    tag = _tag(low)
    place = _home(tag, len(table))
    while table[place] != 0:
        if table[place] >> 32 == tag:
            return int(table[place] & 0xFFFFFFFF) - 1
        place = _following(place, len(table))
    return -1


@fused(intrinsics)
def _tag(low: np.uint64) -> int:
    return int(low >> np.uint64(33))


@fused(intrinsics)
def _home(tag: int, size: int) -> int:
    # The tag as a fraction of the size: Lemire, Fast Random Integer Generation in an Interval, 2019
    return tag * size >> 31


@fused(intrinsics)
def _following(place: int, size: int) -> int:
    return place + 1 if place + 1 < size else 0
