"""Events of sliding windows that come in another order than that of their time.

Pieces of the kernels in `models.windowing`.
"""

from __future__ import annotations

from models import expansions, idtable, intrinsics, scaling, windowfigures, windowkeys, windowmemory
from models.compiled import fused
from models.windowfigures import behind, compare, look
from models.windowkeys import drop_first, include, make_room, reserve, windows_stop
from models.windowmemory import LATER, NOWHERE, Memory, Rules

__all__ = ["drop_old", "include_late", "insert", "late", "leave", "reach"]

_MODULES = (expansions, idtable, intrinsics, scaling, windowmemory, windowkeys, windowfigures)
_kernel, _rare = fused(*_MODULES), fused(*_MODULES, inline=False)


@_rare
def late(memory: Memory, rules: Rules, slot: int, at: int, bits: int) -> None:
    """An event that is older than its key's newest: it takes its place among them."""
    make_room(memory, rules, slot, at)
    place = insert(memory, rules, slot, at, bits)
    key = memory.keys[slot]
    key.length += 1
    key.first = min(key.first, at)
    memory.book[0].events += 1
    include_late(memory, rules, slot, at, place)
    look(memory, rules, slot, at, place + 1, place)


@_kernel
def insert(memory: Memory, rules: Rules, slot: int, at: int, bits: int) -> int:
    """Put an event in its place, which is returned; it does not count yet."""
    reserve(memory, rules, slot)
    key = memory.keys[slot]
    stop = key.start + key.head + key.length
    place: int = behind(memory, slot, at) if at < key.newest else stop
    for other in range(stop, place, -1):
        memory.events[other] = memory.events[other - 1]
    event = memory.events[place]
    event.time, event.bits = at, bits
    if rules.distinct:
        for other in range(stop, place, -1):
            memory.until[other] = memory.until[other - 1]
        _enter_late_value(memory, slot, place)
    return place


@_kernel
def _enter_late_value(memory: Memory, slot: int, place: int) -> None:
    """Note when the value came before and will come again, in a stretch that has one event more."""
    key, events = memory.keys[slot], memory.events
    begin, stop = key.start + key.head, key.start + key.head + key.length + 1
    memory.until[place] = LATER
    for other in range(place + 1, stop):
        if events[other].bits == events[place].bits:
            memory.until[place] = events[other].time
            break
    for other in range(place - 1, begin - 1, -1):
        if events[other].bits == events[place].bits:
            memory.until[other] = events[place].time
            break


@_kernel
def include_late(memory: Memory, rules: Rules, slot: int, at: int, place: int) -> None:
    """Count an event that is not the last one in the windows that hold it."""
    key = memory.keys[slot]
    for w in range(len(rules.over)):
        if at > key.end - rules.over[w]:
            include(memory, rules, slot, w, place, 1)
        if rules.extremes:
            memory.extremes[slot, w, 0] = memory.extremes[slot, w, 1] = NOWHERE
    _count_values(memory, rules, slot)


@_kernel
def _count_values(memory: Memory, rules: Rules, slot: int) -> None:
    """How many different values there are in each window, if that is asked."""
    if rules.distinct:
        key, stop = memory.keys[slot], windows_stop(memory, slot)
        for w in range(len(rules.over)):
            memory.distinct[slot, w] = 0
            for other in range(stop - memory.counts[slot, w], stop):
                memory.distinct[slot, w] += memory.until[other] > key.end


@_kernel
def reach(memory: Memory, rules: Rules, slot: int, at: int) -> None:
    """Have a key's windows end at a later time: what was ahead of them until then counts."""
    key = memory.keys[slot]
    key.end = at
    place = windows_stop(memory, slot)
    while key.ahead > 0 and memory.events[place].time <= at:
        key.ahead -= 1
        for w in range(len(rules.over)):
            include(memory, rules, slot, w, place, 1)
            if rules.extremes:
                compare(memory, slot, w, place)
        place += 1
    for w in range(len(rules.over)):
        leave(memory, rules, slot, w, at - rules.over[w])
    _count_values(memory, rules, slot)


@_kernel
def leave(memory: Memory, rules: Rules, slot: int, w: int, until: int) -> None:
    """Count no more what has become too old for a window."""
    stop = windows_stop(memory, slot)
    while memory.counts[slot, w] > 0:
        place = stop - memory.counts[slot, w]
        if memory.events[place].time > until:
            break
        include(memory, rules, slot, w, place, -1)


@_kernel
def drop_old(memory: Memory, rules: Rules, slot: int, at: int) -> None:
    """Drop what no event that may still come sees, but for the last one before that."""
    key = memory.keys[slot]
    while key.length > 1 and (
        memory.events[key.start + key.head].time <= at - rules.longest - rules.late
        and memory.events[key.start + key.head + 1].time <= at - rules.late
    ):
        drop_first(memory, rules, slot)
