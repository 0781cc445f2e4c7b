"""The figures of sliding windows: running ones, and those that every event is looked at for.

Sums are exact and rounded once, so a figure depends on which events are in the window, and on
nothing else. Pieces of the kernel in `models.windowing`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models import expansions, idtable, intrinsics, scaling, windowkeys, windowmemory
from models.compiled import fused
from models.expansions import add, add_product, grow, rounded, two_product
from models.scaling import LARGEST
from models.windowkeys import windows_stop
from models.windowmemory import (
    COUNT,
    DISTINCT,
    FIRST_SEEN,
    MAX,
    MEAN,
    MIN,
    NOWHERE,
    RATIO,
    SINCE_LAST,
    SINCE_POSITIVE,
    SQUARE_PARTS,
    STATS,
    STD,
    STREAK,
    SUM,
    SUM_PARTS,
    Memory,
    Rules,
)

__all__ = [
    "A_SECOND",
    "behind",
    "compare",
    "look",
    "running_sum",
    "tell",
    "tell_nothing",
    "tell_streak",
]

A_SECOND = 1e6

_MODULES = (expansions, idtable, intrinsics, scaling, windowmemory, windowkeys)
_kernel, _rare = fused(*_MODULES), fused(*_MODULES, inline=False)


@_kernel
def tell(memory: Memory, rules: Rules, slot: int, w: int, x: float) -> None:
    """The running figures of a window; x is the value of its last event."""
    found, count = memory.found, memory.counts[slot, w]
    if count == 0:
        tell_nothing(memory, w)
        return
    found[w, COUNT] = count
    if rules.sums:
        found[w, SUM] = running_sum(memory, slot, w)
        found[w, MEAN] = found[w, SUM] / count
    if rules.squares:
        found[w, STD] = _deviation(memory, slot, w)
    if rules.extremes:
        stop = windows_stop(memory, slot)
        _find_extremes(memory, slot, w, stop - count, stop)
        found[w, MIN] = memory.events[memory.extremes[slot, w, 0]].value
        found[w, MAX] = memory.events[memory.extremes[slot, w, 1]].value
    if rules.distinct:
        found[w, DISTINCT] = memory.distinct[slot, w]
    if rules.ratio:
        found[w, RATIO] = _ratio(x, memory.past[w], count - 1)


@_kernel
def tell_nothing(memory: Memory, w: int) -> None:
    """The figures of a window without events."""
    for stat in range(len(STATS)):
        memory.found[w, stat] = np.nan
    memory.found[w, COUNT] = memory.found[w, SUM] = memory.found[w, DISTINCT] = 0.0


@_kernel
def compare(memory: Memory, slot: int, w: int, place: int) -> None:
    """Whether a window's newest event is its least, or its greatest; of equal ones it is."""
    left, x = place + 1 - memory.counts[slot, w], memory.events[place].value
    least, greatest = memory.extremes[slot, w, 0], memory.extremes[slot, w, 1]
    if left == place or (least >= left and x <= memory.events[least].value):
        memory.extremes[slot, w, 0] = place
    if left == place or (greatest >= left and x >= memory.events[greatest].value):
        memory.extremes[slot, w, 1] = place


@_rare
def _find_extremes(memory: Memory, slot: int, w: int, left: int, stop: int) -> None:
    """Where the least and the greatest value lie, where that is not known."""
    for which in range(2):
        if memory.extremes[slot, w, which] < left:
            best = left
            for place in range(left + 1, stop):
                if which == 0:
                    better = memory.events[place].value <= memory.events[best].value
                else:
                    better = memory.events[place].value >= memory.events[best].value
                if better:
                    best = place
            memory.extremes[slot, w, which] = best


@_kernel
def running_sum(memory: Memory, slot: int, w: int) -> float:
    """The exact sum, rounded once."""
    sums = memory.sums[slot, w]
    if math.isnan(sums[0]):
        n = _add_up(memory, slot, w)
        _refill(sums, SUM_PARTS, memory.total, n)
        if math.isnan(sums[0]):
            return rounded(memory.total, n)
    total: float = sums[0]
    return total


@_rare
def _deviation(memory: Memory, slot: int, w: int) -> float:
    """The standard deviation, of an exact sum and an exact sum of squares."""
    sums, squares, count = memory.sums[slot, w], memory.squares[slot, w], memory.counts[slot, w]
    if math.isnan(sums[0]) or math.isnan(squares[0]):
        n = _add_up(memory, slot, w)
        stop = windows_stop(memory, slot)
        m = _add_up_squares(memory, stop - count, stop)
        _refill(sums, SUM_PARTS, memory.total, n)
        _refill(squares, SQUARE_PARTS, memory.total_squares, m)
        return _spread(memory, memory.total, n, memory.total_squares, m, count)
    return _spread(memory, sums, SUM_PARTS, squares, SQUARE_PARTS, count)


@_kernel
def _add_up(memory: Memory, slot: int, w: int) -> int:
    stop = windows_stop(memory, slot)
    return _add_up_values(memory, stop - memory.counts[slot, w], stop)


@_kernel
def _add_up_values(memory: Memory, start: int, stop: int) -> int:
    """The sum of some values: how many parts of `total` it has."""
    n = 0
    for place in range(start, stop):
        n = grow(memory.total, n, memory.events[place].value)
    return n


@_kernel
def _add_up_squares(memory: Memory, start: int, stop: int) -> int:
    """The same of their squares, in `total_squares`."""
    n = 0
    for place in range(start, stop):
        x = memory.events[place].value
        square, error = two_product(x, x)
        n = grow(memory.total_squares, grow(memory.total_squares, n, square), error)
    return n


@_kernel
def _refill(sums: NDArray[np.float64], width: int, parts: NDArray[np.float64], n: int) -> None:
    """A running sum from an expansion; NaN if it does not fit."""
    for part in range(width):
        sums[part] = 0.0
    for part in range(n - 1, -1, -1):
        if not add(sums, width, parts[part]):
            sums[0] = np.nan
            return


@_kernel
def _spread(
    memory: Memory,
    sums: NDArray[np.float64],
    n: int,
    squares: NDArray[np.float64],
    m: int,
    count: int,
) -> float:
    """√(count·Σx² − (Σx)²) / count, the difference rounded once: 0 if all values are equal."""
    difference, parts = memory.difference, 0
    for i in range(m):
        parts = add_product(difference, parts, float(count), squares[i])
    for i in range(n):
        for j in range(n):
            parts = add_product(difference, parts, -sums[i], sums[j])
    return math.sqrt(max(rounded(difference, parts), 0.0)) / count


@_kernel
def _ratio(x: float, past: float, count: int) -> float:
    mean = past / count if count > 0 else 0.0
    if mean == 0.0 or not abs(x) <= abs(mean) * LARGEST:
        return np.nan
    return x / mean


@_kernel
def behind(memory: Memory, slot: int, at: int) -> int:
    """The place behind all events of a time and before."""
    key = memory.keys[slot]
    low, high = key.start + key.head, key.start + key.head + key.length
    while low < high:
        middle = (low + high) // 2
        if memory.events[middle].time <= at:
            low = middle + 1
        else:
            high = middle
    place: int = low
    return place


@_rare
def look(memory: Memory, rules: Rules, slot: int, at: int, stop: int, own: int) -> None:
    """The figures of windows that end anywhere: to add them up, each event is looked at.

    `stop` is behind the last of them; `own` is the event that asks, or `NOWHERE`.
    """
    found, key = memory.found, memory.keys[slot]
    begin = key.start + key.head
    previous = stop - 1 if own == NOWHERE else own - 1
    found[0, SINCE_LAST] = found[0, FIRST_SEEN] = np.nan
    if at >= key.newest:
        found[0, SINCE_LAST] = (at - key.newest) / A_SECOND
    elif previous >= begin:
        found[0, SINCE_LAST] = (at - memory.events[previous].time) / A_SECOND
    if at >= key.first:
        found[0, FIRST_SEEN] = (at - key.first) / A_SECOND
    for w in range(len(rules.over)):
        left = behind(memory, slot, at - rules.over[w])
        count = stop - left
        found[w, COUNT] = count
        if rules.sums:
            n = _add_up_values(memory, left, stop)
            found[w, SUM] = rounded(memory.total, n)
            found[w, MEAN] = found[w, SUM] / count if count > 0 else np.nan
            if rules.squares:
                m = _add_up_squares(memory, left, stop)
                squares = memory.total_squares
                found[w, STD] = (
                    _spread(memory, memory.total, n, squares, m, count) if count > 0 else np.nan
                )
        if rules.ratio:
            found[w, RATIO] = np.nan
            if own != NOWHERE:
                past = rounded(memory.total, _add_up_values(memory, left, own))
                found[w, RATIO] = _ratio(memory.events[own].value, past, own - left)
        if rules.extremes:
            found[w, MIN] = found[w, MAX] = np.nan
            for place in range(left, stop):
                x = memory.events[place].value
                if place == left or x < found[w, MIN]:
                    found[w, MIN] = x
                if place == left or x > found[w, MAX]:
                    found[w, MAX] = x
        if rules.distinct:
            distinct = 0
            for place in range(left, stop):
                distinct += memory.until[place] > at
            found[w, DISTINCT] = distinct


@_kernel
def tell_streak(memory: Memory, rules: Rules, slot: int, at: int) -> None:
    """How long ago the last of a window's values was, and the first of those like it before.

    Where the last is not positive, there is none. Only values of a streak are looked at: few, as
    positive ones are.
    """
    found, key = memory.found, memory.keys[slot]
    for w in range(len(rules.over)):
        found[w, SINCE_POSITIVE] = found[w, STREAK] = np.nan
    stop = behind(memory, slot, at)
    if stop == key.start + key.head or not memory.events[stop - 1].value > 0.0:
        return
    for w in range(len(rules.over)):
        left = behind(memory, slot, at - rules.over[w])
        place = stop
        while place > left and memory.events[place - 1].value > 0.0:
            place -= 1
        if place < stop:
            now = at + rules.lag
            found[w, SINCE_POSITIVE] = (now - memory.events[stop - 1].time) / A_SECOND
            found[w, STREAK] = (now - memory.events[place].time) / A_SECOND
