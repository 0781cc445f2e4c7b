"""Sliding windows over the events of each key: one call answers, and remembers, many events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models import (
    expansions,
    idtable,
    intrinsics,
    scaling,
    windowfigures,
    windowkeys,
    windowmemory,
    windoworder,
)
from models.compiled import fused
from models.idtable import find, foresee, likely
from models.intrinsics import prefetch
from models.windowfigures import (
    A_SECOND,
    behind,
    compare,
    look,
    running_sum,
    tell,
    tell_nothing,
    tell_streak,
)
from models.windowkeys import (
    adopt,
    discard,
    drop_first,
    enough_room,
    foresee_events,
    forget_oldest,
    include,
    make_room,
    most_recent,
    reserve,
)
from models.windowmemory import (
    FIRST_SEEN,
    LATER,
    LINE,
    NEVER,
    NOWHERE,
    SINCE_LAST,
    Memory,
    Rules,
)
from models.windoworder import drop_old, include_late, insert, late, leave, reach

__all__ = ["fold", "slide"]

_AHEAD = 8
"""Events between one step to have in the cache what one of them will need, and the next."""

_kernel = fused(
    expansions,
    idtable,
    intrinsics,
    scaling,
    windowmemory,
    windowkeys,
    windowfigures,
    windoworder,
)


@_kernel
def slide(
    memory: Memory,
    rules: Rules,
    ids: NDArray[np.uint64],
    keyed: NDArray[np.bool_],
    times: NDArray[np.int64],
    bits: NDArray[np.int64],
    present: NDArray[np.bool_],
    begin: int,
    out: NDArray[np.float64],
) -> int:
    """Answer for events, in order of the log, and remember them.

    An event without a key has no answers. One without a value is answered, and not remembered.
    Where the windows lag, the answers are for the events without a value; the others have none.

    Args:
        memory: of the events before.
        rules: what is asked.
        ids: uint64[n, 2], digests of the keys.
        keyed: bool[n], whether there is a key.
        times: int64[n], microseconds.
        bits: int64[n], the values.
        present: bool[n], whether there is a value; no more of an event that came too late.
        begin: the first event that was not answered yet.
        out: float64[n, p], NaN wherever there is no answer.

    Returns:
        The first event that was not answered: the memory is to be laid out anew for it; or n.
    """
    for n in range(begin, len(times)):
        _foresee(memory, rules, ids, n)
        if not keyed[n]:
            continue
        slot = find(memory.keys, memory.table, ids[n, 0], ids[n, 1])
        if rules.lag > 0 and present[n]:
            if not enough_room(memory, rules, slot):
                return n
            memory.book[0].now = times[n]
            _keep(memory, rules, slot, ids[n, 0], ids[n, 1], times[n], bits[n])
            continue
        if slot != NOWHERE and times[n] < memory.keys[slot].end - rules.late:
            memory.book[0].too_late += 1
            present[n] = False
            continue
        if not present[n]:
            _answer_only(memory, rules, slot, times[n])
        elif not enough_room(memory, rules, slot):
            return n
        else:
            memory.book[0].now = times[n]
            _take(memory, rules, slot, ids[n, 0], ids[n, 1], times[n], bits[n])
        for p in range(len(rules.stat)):
            out[n, p] = memory.found[rules.window[p], rules.stat[p]]
    return len(times)


@_kernel
def fold(
    memory: Memory,
    rules: Rules,
    ids: NDArray[np.uint64],
    times: NDArray[np.int64],
    bits: NDArray[np.int64],
    begin: int,
) -> int:
    """Remember events of other partitions, which count for the own ones that they are not behind.

    Arguments and result as those of `slide`; each has a key and a value.
    """
    for n in range(begin, len(times)):
        _foresee(memory, rules, ids, n)
        slot = find(memory.keys, memory.table, ids[n, 0], ids[n, 1])
        if not enough_room(memory, rules, slot):
            return n
        if slot != NOWHERE:
            memory.keys[slot].first = min(memory.keys[slot].first, times[n])
        _keep(memory, rules, slot, ids[n, 0], ids[n, 1], times[n], bits[n])
    return len(times)


@_kernel
def _foresee(memory: Memory, rules: Rules, ids: NDArray[np.uint64], n: int) -> None:
    """Have in the cache soon what events after the n-th will need, one thing after another."""
    if n + 3 * _AHEAD < len(ids):
        foresee(memory.table, ids[n + 3 * _AHEAD, 0])
    if n + 2 * _AHEAD < len(ids):
        slot = likely(memory.table, ids[n + 2 * _AHEAD, 0])
        if slot != NOWHERE:
            for line in range(0, memory.rows.shape[1], LINE):
                prefetch(memory.rows[slot], line)
    if n + _AHEAD < len(ids):
        slot = likely(memory.table, ids[n + _AHEAD, 0])
        if slot != NOWHERE:
            foresee_events(memory, rules, slot)


@_kernel
def _take(
    memory: Memory, rules: Rules, slot: int, low: np.uint64, high: np.uint64, at: int, bits: int
) -> None:
    """Answer for an event with a value, and remember it."""
    new = slot == NOWHERE
    if new:
        slot = _meet(memory, rules, low, high, at)
        memory.keys[slot].end = at
    most_recent(memory, slot)
    key = memory.keys[slot]
    if at > key.end and (at < key.newest or key.ahead > 0):
        reach(memory, rules, slot, at)
        drop_old(memory, rules, slot, at)
    if at < key.newest:
        late(memory, rules, slot, at, bits)
    else:
        _next(memory, rules, slot, at, bits)
    if new:
        memory.found[0, SINCE_LAST] = np.nan
    _sweep(memory, rules, at)


@_kernel
def _keep(
    memory: Memory, rules: Rules, slot: int, low: np.uint64, high: np.uint64, at: int, bits: int
) -> None:
    """Remember an event that nothing is asked at, where it is not too old for all windows."""
    now = memory.book[0].now
    if slot == NOWHERE:
        slot = _meet(memory, rules, low, high, at)
        memory.keys[slot].end = NEVER
    elif at <= memory.keys[slot].end - rules.longest - rules.late:
        return
    most_recent(memory, slot)
    make_room(memory, rules, slot, now)
    key = memory.keys[slot]
    place = insert(memory, rules, slot, at, bits)
    key.length += 1
    key.newest = max(key.newest, at)
    memory.book[0].events += 1
    if at > key.end:
        key.ahead += 1
    else:
        include_late(memory, rules, slot, at, place)
    _sweep(memory, rules, now)


@_kernel
def _meet(memory: Memory, rules: Rules, low: np.uint64, high: np.uint64, at: int) -> int:
    """The slot of a new key."""
    if memory.book[0].keys >= rules.remember:
        forget_oldest(memory, rules, memory.book[0].now - rules.lag - rules.longest)
    slot: int = adopt(memory, rules, low, high)
    memory.keys[slot].first = memory.keys[slot].newest = at
    return slot


@_kernel
def _next(memory: Memory, rules: Rules, slot: int, at: int, bits: int) -> None:
    """An event that is not older than its key's newest."""
    key = memory.keys[slot]
    memory.found[0, SINCE_LAST] = (at - key.newest) / A_SECOND
    memory.found[0, FIRST_SEEN] = (at - key.first) / A_SECOND
    for w in range(len(rules.over)):
        leave(memory, rules, slot, w, at - rules.over[w])
    drop_old(memory, rules, slot, at)
    make_room(memory, rules, slot, at)
    for w in range(len(rules.over)):
        if rules.ratio:
            memory.past[w] = running_sum(memory, slot, w)
    reserve(memory, rules, slot)
    place = key.start + key.head + key.length
    event = memory.events[place]
    event.time, event.bits = at, bits
    if rules.distinct:
        memory.until[place] = LATER
        _enter_value(memory, rules, slot, place)
    key.newest = key.end = at
    key.length += 1
    memory.book[0].events += 1
    for w in range(len(rules.over)):
        include(memory, rules, slot, w, place, 1)
        if rules.extremes:
            compare(memory, slot, w, place)
        tell(memory, rules, slot, w, memory.events[place].value)


@_kernel
def _sweep(memory: Memory, rules: Rules, at: int) -> None:
    """Free the events of two idle keys, if need be: more than there can be new ones.

    Not of all: one event from the far future would free everything.
    """
    since = at - rules.lag - rules.longest - rules.late
    for _ in range(2):
        slot = memory.book[0].holding
        if slot != NOWHERE and memory.keys[slot].newest < since:
            discard(memory, rules, at)


@_kernel
def _enter_value(memory: Memory, rules: Rules, slot: int, place: int) -> None:
    """Note when an event's value came before, and that there is one more in the windows.

    The key's figures do not count the event yet; it lies at its place.
    """
    key, events = memory.keys[slot], memory.events
    stop, other = key.start + key.head + key.length, place - 1
    while other >= key.start + key.head and events[other].bits != events[place].bits:
        other -= 1
    known = other >= key.start + key.head
    if known:
        memory.until[other] = events[place].time
    for w in range(len(rules.over)):
        if not (known and other >= stop - memory.counts[slot, w]):
            memory.distinct[slot, w] += 1


@_kernel
def _answer_only(memory: Memory, rules: Rules, slot: int, at: int) -> None:
    """What a key's windows hold at some time."""
    if slot == NOWHERE:
        for w in range(len(rules.over)):
            tell_nothing(memory, w)
    elif rules.lag > 0 and at >= memory.keys[slot].end:
        _go_on(memory, rules, slot, at)
    else:
        look(memory, rules, slot, at, behind(memory, slot, at), NOWHERE)
    if rules.streaks and slot != NOWHERE:
        tell_streak(memory, rules, slot, at)


@_kernel
def _go_on(memory: Memory, rules: Rules, slot: int, at: int) -> None:
    """Have windows that lag end at a later time, and answer for that."""
    reach(memory, rules, slot, at)
    for w in range(len(rules.over)):
        tell(memory, rules, slot, w, np.nan)
    key, until = memory.keys[slot], at - rules.longest - rules.late
    while key.length > 1 and memory.events[key.start + key.head].time <= until:
        drop_first(memory, rules, slot)
