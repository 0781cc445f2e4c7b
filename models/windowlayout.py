"""Lays the memory of sliding windows out anew, wider, and takes it in and out of an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models import expansions, idtable, intrinsics, windowkeys, windowmemory
from models.compiled import fused
from models.windowkeys import FIRST_ROOM, adopt, clear_if_none, move, room_for, stretch
from models.windowmemory import NOWHERE, Memory, Rules, empty

__all__ = ["MOST_PLACES", "gather", "laid_out", "places", "scatter"]

_PER_EVENT, _PER_KEY = 5, 2 * FIRST_ROOM
MOST_PLACES = _PER_EVENT + _PER_KEY
"""Places in the arena for each event and key: less would have to be laid out anew more often."""

_SPARE = 64
"""Events there is room for besides, so that a small memory is not laid out all the time."""

_kernel = fused(expansions, idtable, intrinsics, windowmemory, windowkeys)


def places(events: int, keys: int) -> int:
    """How wide an arena for so many should be."""
    return _SPARE + _PER_EVENT * events + _PER_KEY * keys


def laid_out(memory: Memory, rules: Rules) -> Memory:
    """The same with room for more: of each array that is nearly full, twice as much."""
    book = memory.book[0]
    keys, slots = int(book["keys"]), len(memory.keys)
    if book["free"] == NOWHERE and book["fresh"] == slots:
        slots = min(2 * slots, max(rules.remember, 1))
    wider = empty(rules, slots, places(int(book["events"]), keys))
    _copy(memory, wider, rules)
    return wider


@_kernel
def _copy(memory: Memory, wider: Memory, rules: Rules) -> None:
    """Keys and events from one memory to another, the keys in their order."""
    book, slot = memory.book[0], memory.book[0].first
    while slot != NOWHERE:
        key = memory.keys[slot]
        other = adopt(wider, rules, key.low, key.high)
        copy = wider.keys[other]
        copy.first, copy.newest, copy.end = key.first, key.newest, key.end
        if slot == book.holding:
            wider.book[0].holding = other
        if key.length > 0:
            stretch(wider, other, room_for(key.length))
            copy.length = key.length
            move(memory, key.start + key.head, wider, copy.start, key.length)
        _count(wider, rules, other)
        slot = key.after
    wide = wider.book[0]
    wide.events = book.events
    wide.evicted, wide.forgotten, wide.too_late = book.evicted, book.forgotten, book.too_late
    wide.now = book.now


@_kernel
def _count(memory: Memory, rules: Rules, slot: int) -> None:
    """Make a key's running figures anew from its events, or have them made when needed."""
    key = memory.keys[slot]
    stop = key.start + key.head + key.length
    key.ahead = 0
    while key.ahead < key.length and memory.events[stop - 1].time > key.end:
        key.ahead += 1
        stop -= 1
    most = key.length - key.ahead
    for w in range(len(rules.over)):
        count = distinct = 0
        while count < most and memory.events[stop - 1 - count].time > key.end - rules.over[w]:
            count += 1
            if rules.distinct:
                distinct += memory.until[stop - count] > key.end
        memory.counts[slot, w] = count
        if rules.sums:
            memory.sums[slot, w, 0] = np.nan
        if rules.squares:
            memory.squares[slot, w, 0] = np.nan
        if rules.distinct:
            memory.distinct[slot, w] = distinct
        if rules.extremes:
            memory.extremes[slot, w, 0] = memory.extremes[slot, w, 1] = NOWHERE
        clear_if_none(memory, rules, slot, w)


@_kernel
def gather(
    memory: Memory,
    ids: NDArray[np.uint64],
    ends: NDArray[np.int64],
    lengths: NDArray[np.int64],
    times: NDArray[np.int64],
    bits: NDArray[np.int64],
    until: NDArray[np.int64],
) -> None:
    """Keys and events, the keys in their order: nothing in it tells of slots or stretches."""
    slot, at = memory.book[0].first, 0
    for n in range(len(ids)):
        key = memory.keys[slot]
        ids[n, 0], ids[n, 1] = key.low, key.high
        ends[n, 0], ends[n, 1] = key.first, key.newest
        if ends.shape[1] > 2:
            ends[n, 2] = key.end
        lengths[n] = key.length
        for place in range(key.start + key.head, key.start + key.head + key.length):
            event = memory.events[place]
            times[at], bits[at] = event.time, event.bits
            if len(until):
                until[at] = memory.until[place]
            at += 1
        slot = key.after


@_kernel
def scatter(
    memory: Memory,
    rules: Rules,
    ids: NDArray[np.uint64],
    ends: NDArray[np.int64],
    lengths: NDArray[np.int64],
    times: NDArray[np.int64],
    bits: NDArray[np.int64],
    until: NDArray[np.int64],
) -> None:
    """Take over what `gather` gave; the memory is empty and wide enough."""
    at = 0
    for n in range(len(ids)):
        slot = adopt(memory, rules, ids[n, 0], ids[n, 1])
        key = memory.keys[slot]
        key.first, key.newest = ends[n, 0], ends[n, 1]
        key.end = ends[n, -1]
        if lengths[n] > 0:
            stretch(memory, slot, room_for(lengths[n]))
            key.length = lengths[n]
            if memory.book[0].holding == NOWHERE:
                memory.book[0].holding = slot
        for place in range(key.start, key.start + key.length):
            event = memory.events[place]
            event.time, event.bits = times[at], bits[at]
            if len(until):
                memory.until[place] = until[at]
            at += 1
        _count(memory, rules, slot)
    memory.book[0].events = at
