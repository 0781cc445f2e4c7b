"""The rules by which labels join events, compiled; what they are, `streams.joiner.Joiner` says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import idtable, intrinsics, protocol, scalars
from models.compiled import fused
from models.idtable import enter, find, foresee
from models.intrinsics import prefetch
from models.protocol import LEARN, SCORE
from models.scalars import NONE
from streams import agenda, remembered
from streams.agenda import done, due, schedule
from streams.remembered import (
    EARLY,
    NOWHERE,
    PENDING,
    SETTLED,
    WAITING,
    Memory,
    forget,
    free,
    link,
    take,
    unlink,
)

__all__ = ["Rules", "Steps", "take_events", "take_labels"]

# In the order of `streams.joiner.Outcome`.
_JOINED, _EARLY, _MATURED, _DUPLICATE, _REVISED, _ORPHAN, _EVICTED, _REPEATED = range(8)

_AHEAD = 8
"""So many ids on is the table asked for: it takes as long to come as some of them to be joined."""

_kernel = fused(idtable, remembered, agenda, intrinsics, protocol, scalars)


class Rules(NamedTuple):
    """How long to wait, and for how much.

    Attributes:
        matures_after: seconds; infinite: never.
        kind: of the label that silence means, as `models.scalars` writes it; `NONE`: silence means
            nothing, and what matures without a label is not learned.
        bits: of the same.
        remember: the most entries a chain may hold.
        correctable: seconds for which an event is kept once it has matured, and learned again if
            its label is corrected; negative: it is not kept.
    """

    matures_after: float
    kind: int
    bits: int
    remember: int
    correctable: float


class Steps(NamedTuple):
    """A plan as it is written, with the watermark at each `LEARN` step; NaN for a correction."""

    op: NDArray[np.int8]
    row: NDArray[np.int64]
    kind: NDArray[np.int8]
    bits: NDArray[np.int64]
    at: NDArray[np.float64]


@_kernel
def take_events(
    memory: Memory,
    steps: Steps,
    rules: Rules,
    ids: NDArray[np.uint64],
    times: NDArray[np.float64],
    first: int,
    start: int,
) -> int:
    """Score each event from `start` on, after what falls due at its time, and remember it.

    Returns where it stopped: at the end, or where `steps` were nearly full.
    """
    book, pending = memory.book[0], memory.chains[PENDING]
    book.steps = book.learned = 0
    _prepare(memory, times[-1] if len(times) else book.watermark)
    for n in range(start, len(times)):
        if times[n] > book.watermark:
            book.watermark = times[n]
            book.releases = True
        if book.releases:
            _release(memory, steps, rules)
        if _full(memory, steps):
            return n
        book.releases = False
        steps.op[book.steps] = SCORE
        steps.row[book.steps] = first + n
        book.steps += 1
        if n + _AHEAD < len(ids):
            foresee(memory.table, ids[n + _AHEAD, 0])
        low, high = ids[n, 0], ids[n, 1]
        matures = times[n] + rules.matures_after
        slot = find(memory.entries, memory.table, low, high)
        if slot == NOWHERE:
            slot = take(memory, low, high, matures, first + n, NONE, 0)
            enter(memory.entries, memory.table, slot)
        elif memory.entries[slot].chain == EARLY:
            unlink(memory, slot)
            memory.entries[slot].at = matures
            memory.entries[slot].number = first + n
        else:
            memory.outcomes[_REPEATED] += 1
            continue
        link(memory, slot, PENDING)
        entry = memory.entries[slot]
        if rules.matures_after < np.inf:
            schedule(memory, slot)
        if entry.kind != NONE and not entry.held and book.watermark >= book.opens:
            _settle(memory, steps, rules, slot, _JOINED)
        if pending.length > rules.remember:
            if memory.entries[pending.first].taught:
                _retire(memory, rules, pending.first)
            else:
                forget(memory, pending.first)
                memory.outcomes[_EVICTED] += 1
    return len(times)


@_kernel
def take_labels(
    memory: Memory,
    steps: Steps,
    rules: Rules,
    ids: NDArray[np.uint64],
    times: NDArray[np.float64],
    kinds: NDArray[np.int8],
    bits: NDArray[np.int64],
    held: NDArray[np.bool_],
    start: int,
) -> int:
    """Apply each label from `start` on if its date has come, else keep it until then.

    One that is `held` waits, once applied, until its event matures.

    Returns where it stopped: at the end, or where `steps` were nearly full.
    """
    book = memory.book[0]
    book.steps = book.learned = 0
    for n in range(start, len(times)):
        if _full(memory, steps):
            return n
        book.newest = max(book.newest, times[n])
        if n + _AHEAD < len(ids):
            foresee(memory.table, ids[n + _AHEAD, 0])
        low, high = ids[n, 0], ids[n, 1]
        if times[n] <= book.watermark:
            _apply(memory, steps, rules, low, high, kinds[n], bits[n], held[n])
        else:
            slot = take(memory, low, high, times[n], book.arrivals, kinds[n], bits[n])
            memory.entries[slot].held = held[n]
            book.arrivals += 1
            link(memory, slot, WAITING)
            schedule(memory, slot)
    return len(times)


@_kernel
def _full(memory: Memory, steps: Steps) -> bool:
    return bool(len(steps.op) < memory.book[0].steps + 2)  # to score an event, and to learn it


@_kernel
def _prepare(memory: Memory, until: float) -> None:
    """Have in the cache what the labels until then will need: for all at once it is faster."""
    entries, table = memory.entries, memory.table
    for look in range(3):
        slot = memory.chains[WAITING].next
        while slot != NOWHERE and entries[slot].at <= until:
            entry = entries[slot]
            if look == 0:
                foresee(table, entry.low)
            else:
                found = find(entries, table, entry.low, entry.high)
                if look == 1:
                    prefetch(entries, found)
                elif found != NOWHERE:
                    prefetch(entries, entries[found].before)
                    prefetch(entries, entries[found].after)
            slot = entry.after


@_kernel
def _release(memory: Memory, steps: Steps, rules: Rules) -> None:
    """Apply, by date, the labels and the maturities that the watermark has reached."""
    now = memory.book[0].watermark
    slot = due(memory)
    while slot != NOWHERE and memory.entries[slot].at <= now and not _full(memory, steps):
        entry = memory.entries[slot]
        if entry.chain == WAITING:
            free(memory, slot)
            low, high, kind, bits = entry.low, entry.high, entry.kind, entry.bits
            _apply(memory, steps, rules, low, high, kind, bits, entry.held)
        elif entry.taught:
            done(memory, slot)
        elif entry.kind == NONE and rules.kind == NONE:
            _retire(memory, rules, slot)
        else:
            outcome = _JOINED
            if entry.kind == NONE:
                entry.kind, entry.bits, entry.held = rules.kind, rules.bits, True
                outcome = _MATURED
            if rules.correctable >= 0:
                done(memory, slot)
            _settle(memory, steps, rules, slot, outcome)
        slot = due(memory)
    if rules.correctable >= 0 and not _full(memory, steps):  # else there may be more that is due
        _retire_old(memory, rules)


@_kernel
def _retire_old(memory: Memory, rules: Rules) -> None:
    """Let go of events that can be corrected no longer, the oldest rows first."""
    now, pending = memory.book[0].watermark, memory.chains[PENDING]
    while pending.first != NOWHERE:
        entry = memory.entries[pending.first]
        if not entry.taught or entry.at + rules.correctable > now:
            break
        _retire(memory, rules, pending.first)


@_kernel
def _apply(
    memory: Memory,
    steps: Steps,
    rules: Rules,
    low: np.uint64,
    high: np.uint64,
    kind: int,
    bits: int,
    held: bool,
) -> None:
    """Do with a label whose date has come what is to be done."""
    book, outcomes, early = memory.book[0], memory.outcomes, memory.chains[EARLY]
    slot = find(memory.entries, memory.table, low, high)
    retracts = kind == NONE
    if slot == NOWHERE:
        if retracts:
            return
        slot = take(memory, low, high, 0.0, 0, kind, bits)
        memory.entries[slot].held = held
        enter(memory.entries, memory.table, slot)
        link(memory, slot, EARLY)
        outcomes[_EARLY] += 1
        if early.length > rules.remember:
            forget(memory, early.first)
            outcomes[_ORPHAN] += 1
        return
    entry = memory.entries[slot]
    if entry.kind != NONE:
        again = not retracts and scalars.same(entry.kind, entry.bits, kind, bits)
        outcomes[_DUPLICATE if again else _REVISED] += 1
    first = entry.kind == NONE or entry.held
    if entry.chain == SETTLED or (held and not first):
        return
    if entry.taught:
        entry.held = held
        if not (retracts or scalars.same(entry.kind, entry.bits, kind, bits)):
            entry.kind, entry.bits = kind, bits
            _learn(memory, steps, slot, np.nan)
        return
    if retracts and entry.chain == EARLY:
        forget(memory, slot)
        return
    entry.kind, entry.bits, entry.held = kind, bits, held
    settles = first and not held and not retracts
    if settles and entry.chain == PENDING and book.watermark >= book.opens:
        _settle(memory, steps, rules, slot, _JOINED)


@_kernel
def _settle(memory: Memory, steps: Steps, rules: Rules, slot: int, outcome: int) -> None:
    """Learn an event with the label that is in its entry."""
    book, entry = memory.book[0], memory.entries[slot]
    memory.outcomes[outcome] += 1
    _learn(memory, steps, slot, book.watermark)
    if rules.correctable >= 0:
        entry.taught = True
        book.taught += 1
    else:
        _retire(memory, rules, slot)


@_kernel
def _learn(memory: Memory, steps: Steps, slot: int, at: float) -> None:
    book, entry = memory.book[0], memory.entries[slot]
    steps.op[book.steps] = LEARN
    steps.row[book.steps] = entry.number
    steps.kind[book.learned] = entry.kind
    steps.bits[book.learned] = entry.bits
    steps.at[book.learned] = at
    book.steps += 1
    book.learned += 1


@_kernel
def _retire(memory: Memory, rules: Rules, slot: int) -> None:
    """Wait no longer for an event; its id is kept, so that it is not remembered twice."""
    entry, settled = memory.entries[slot], memory.chains[SETTLED]
    if entry.taught:
        entry.taught = False
        memory.book[0].taught -= 1
    unlink(memory, slot)
    link(memory, slot, SETTLED)
    if settled.length > rules.remember:
        forget(memory, settled.first)
