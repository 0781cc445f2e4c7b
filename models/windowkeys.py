"""The keys of sliding windows: who they are, when they were heard of, which events are theirs.

Pieces of the kernels in `models.windowing` and `models.windowlayout`.
"""

from __future__ import annotations

import numpy as np

from models import expansions, idtable, intrinsics, windowmemory
from models.compiled import fused
from models.expansions import add, two_product
from models.idtable import enter, erase
from models.intrinsics import prefetch
from models.windowmemory import NOWHERE, SQUARE_PARTS, SUM_PARTS, Memory, Rules

__all__ = [
    "FIRST_ROOM", "adopt", "clear_if_none", "discard", "drop_first", "enough_room",
    "foresee_events", "forget_oldest", "include", "make_room", "most_recent", "move", "reserve",
    "room_for", "stretch", "windows_stop",
]  # fmt: skip

FIRST_ROOM = 4
"""Events a key has room for at first."""

_kernel = fused(expansions, idtable, intrinsics, windowmemory)
_rare = fused(expansions, idtable, intrinsics, windowmemory, inline=False)


@_kernel
def adopt(memory: Memory, rules: Rules, low: np.uint64, high: np.uint64) -> int:
    """The slot of a new key, which becomes the last one."""
    book, slot = memory.book[0], int(memory.book[0].free)
    if slot == NOWHERE:
        slot = int(book.fresh)
        book.fresh += 1
    else:
        book.free = memory.keys[slot].before
    key = memory.keys[slot]
    key.low, key.high = low, high
    key.room = key.head = key.length = key.ahead = 0
    enter(memory.keys, memory.table, slot)
    _link(memory, slot)
    book.keys += 1
    for w in range(len(rules.over)):
        memory.counts[slot, w] = 0
        clear_if_none(memory, rules, slot, w)
    return slot


@_kernel
def most_recent(memory: Memory, slot: int) -> None:
    """Make a key that is about to have an event the last one."""
    book = memory.book[0]
    if book.last != slot:
        if book.holding == slot:
            book.holding = memory.keys[slot].after
        _unlink(memory, slot)
        _link(memory, slot)
    if book.holding == NOWHERE:
        book.holding = slot


@_kernel
def _link(memory: Memory, slot: int) -> None:
    book, key = memory.book[0], memory.keys[slot]
    key.before, key.after = book.last, NOWHERE
    if book.last == NOWHERE:
        book.first = slot
    else:
        memory.keys[book.last].after = slot
    book.last = slot


@_kernel
def _unlink(memory: Memory, slot: int) -> None:
    book, key = memory.book[0], memory.keys[slot]
    if key.before == NOWHERE:
        book.first = key.after
    else:
        memory.keys[key.before].after = key.after
    if key.after == NOWHERE:
        book.last = key.before
    else:
        memory.keys[key.after].before = key.before


@_kernel
def enough_room(memory: Memory, rules: Rules, slot: int) -> bool:
    """Whether an event of this key, or of a new one, finds a place without a wider memory."""
    book, left = memory.book[0], len(memory.events) - memory.book[0].used
    if slot == NOWHERE:
        left = max(left, FIRST_ROOM * (memory.spare[0] != NOWHERE))
        slots = book.free != NOWHERE or book.fresh < len(memory.keys)
        return bool(left >= FIRST_ROOM and (slots or book.keys >= rules.remember))
    key = memory.keys[slot]
    fits = key.head + key.length < key.room or (key.room > 0 and 2 * key.length <= key.room)
    room = max(FIRST_ROOM, 2 * key.room)
    return bool(fits or left >= room or memory.spare[_size(room)] != NOWHERE)


@_kernel
def reserve(memory: Memory, rules: Rules, slot: int) -> None:
    """See to it that a place is free behind the key's last event."""
    key = memory.keys[slot]
    if key.head + key.length < key.room:
        return
    start = key.start + key.head
    if 2 * key.length <= key.room and key.room > 0:
        move(memory, start, memory, key.start, key.length)
        key.head = 0
    else:
        old, room = key.start, key.room
        stretch(memory, slot, max(FIRST_ROOM, 2 * room))
        move(memory, start, memory, key.start, key.length)
        _give_back(memory, old, room)
    if rules.extremes:
        for w in range(len(rules.over)):
            memory.extremes[slot, w, 0] = memory.extremes[slot, w, 1] = NOWHERE


@_kernel
def stretch(memory: Memory, slot: int, room: int) -> None:
    """Give a key a stretch of its own: one that was given back, or one at the arena's end."""
    key, book, size = memory.keys[slot], memory.book[0], _size(room)
    key.start, key.room, key.head = memory.spare[size], room, 0
    if key.start == NOWHERE:
        key.start = book.used
        book.used += room
    else:
        memory.spare[size] = memory.events[key.start].time


@_kernel
def _give_back(memory: Memory, start: int, room: int) -> None:
    """A stretch that is used no more leads to the one of its size that was given back before."""
    if room > 0:
        size = _size(room)
        memory.events[start].time = memory.spare[size]
        memory.spare[size] = start


@_kernel
def _size(room: int) -> int:
    """How often `FIRST_ROOM` was doubled."""
    size = 0
    while FIRST_ROOM << size < room:
        size += 1
    return size


@_kernel
def room_for(length: int) -> int:
    """Of a stretch that so many events can slide in: each is used for as many again."""
    room = FIRST_ROOM
    while room < 2 * length:
        room *= 2
    return room


@_kernel
def move(memory: Memory, source: int, other: Memory, target: int, length: int) -> None:
    """Events to a place that is not behind their own, or does not overlap it."""
    for n in range(length):
        other.events[target + n] = memory.events[source + n]
    if len(memory.until):
        for n in range(length):
            other.until[target + n] = memory.until[source + n]


@_kernel
def discard(memory: Memory, rules: Rules, since: int) -> None:
    """Drop all events of the first key that has any; those after `since` are a loss."""
    book = memory.book[0]
    slot = int(book.holding)
    key = memory.keys[slot]
    for place in range(key.start + key.head, key.start + key.head + key.length):
        book.evicted += memory.events[place].time > since
    book.events -= key.length
    _give_back(memory, key.start, key.room)
    key.room = key.head = key.length = key.ahead = 0
    for w in range(len(rules.over)):
        memory.counts[slot, w] = 0
        clear_if_none(memory, rules, slot, w)
    book.holding = key.after


@_rare
def forget_oldest(memory: Memory, rules: Rules, since: int) -> None:
    """Drop the key that was heard of least recently, and all that is known of it."""
    book = memory.book[0]
    slot = int(book.first)
    if book.holding == slot:
        discard(memory, rules, since)
    erase(memory.keys, memory.table, slot)
    _unlink(memory, slot)
    memory.keys[slot].before = book.free
    book.free = slot
    book.keys -= 1
    book.forgotten += 1


@_kernel
def drop_first(memory: Memory, rules: Rules, slot: int) -> None:
    """Drop a key's earliest event."""
    key = memory.keys[slot]
    if key.length == key.ahead:
        key.ahead -= 1
    else:
        for w in range(len(rules.over)):
            if memory.counts[slot, w] == key.length - key.ahead:
                include(memory, rules, slot, w, key.start + key.head, -1)
    key.head += 1
    key.length -= 1
    memory.book[0].events -= 1


@_kernel
def make_room(memory: Memory, rules: Rules, slot: int, at: int) -> None:
    """Drop what was heard of least recently, so that one more event is not one too many."""
    book = memory.book[0]
    while book.events >= rules.remember:
        if book.holding == slot:
            key = memory.keys[slot]
            first = memory.events[key.start + key.head].time
            book.evicted += first > at - rules.lag - rules.longest
            drop_first(memory, rules, slot)
        else:
            discard(memory, rules, at - rules.lag - rules.longest)


@_kernel
def foresee_events(memory: Memory, rules: Rules, slot: int) -> None:
    """Say that a key's first event, and those at both ends of its windows, will be needed soon."""
    key, stop = memory.keys[slot], windows_stop(memory, slot)
    prefetch(memory.events, key.start + key.head)
    prefetch(memory.events, stop)
    for w in range(len(rules.over)):
        prefetch(memory.events, stop - memory.counts[slot, w])


@_kernel
def windows_stop(memory: Memory, slot: int) -> int:
    """The place behind the last event that a key's windows can hold."""
    key = memory.keys[slot]
    stop: int = key.start + key.head + key.length - key.ahead
    return stop


@_kernel
def include(memory: Memory, rules: Rules, slot: int, w: int, place: int, by: int) -> None:
    """Count an event in a window (`by` = 1), or no more (-1)."""
    memory.counts[slot, w] += by
    x = memory.events[place].value
    if rules.sums and not add(memory.sums[slot, w], SUM_PARTS, by * x):
        memory.sums[slot, w, 0] = np.nan
    if rules.squares:
        square, error = two_product(x, x)
        squares = memory.squares[slot, w]
        one = add(squares, SQUARE_PARTS, by * square)
        other = add(squares, SQUARE_PARTS, by * error)
        if not (one and other):
            squares[0] = np.nan
    if rules.distinct and by < 0:
        memory.distinct[slot, w] -= memory.until[place] > memory.keys[slot].end
    clear_if_none(memory, rules, slot, w)


@_kernel
def clear_if_none(memory: Memory, rules: Rules, slot: int, w: int) -> None:
    """The sums of nothing."""
    if memory.counts[slot, w] > 0:
        return
    if rules.sums:
        for part in range(SUM_PARTS):
            memory.sums[slot, w, part] = 0.0
    if rules.squares:
        for part in range(SQUARE_PARTS):
            memory.squares[slot, w, part] = 0.0
    if rules.distinct:
        memory.distinct[slot, w] = 0
