"""The rules by which labels join events, compiled: see `streams.joiner.Joiner` for what they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import protocol, scalars
from models.compiled import fused
from models.protocol import LEARN, SCORE
from models.scalars import NONE
from streams import agenda, remembered
from streams.agenda import due, schedule
from streams.remembered import (
    EARLY,
    NOWHERE,
    PENDING,
    SETTLED,
    WAITING,
    Memory,
    enter,
    find,
    forget,
    link,
    take,
    unlink,
)

__all__ = ["OUTCOMES", "Rules", "Steps", "take_events", "take_labels"]

OUTCOMES = (
    "joined",
    "early",
    "matured",
    "duplicate",
    "revised",
    "orphan",
    "evicted",
    "repeated-event",
)
_JOINED, _EARLY, _MATURED, _DUPLICATE, _REVISED, _ORPHAN, _EVICTED, _REPEATED = range(8)


class Rules(NamedTuple):
    """How long to wait, and for how much.

    Attributes:
        matures_after: seconds; infinite: never.
        kind: of the label that silence means, as `models.scalars` writes it.
        bits: of the same.
        remember: the most entries a chain may hold.
    """

    matures_after: float
    kind: int
    bits: int
    remember: int


class Steps(NamedTuple):
    """A plan as it is written, with the watermark at each `LEARN` step."""

    op: NDArray[np.int8]
    row: NDArray[np.int64]
    kind: NDArray[np.int8]
    bits: NDArray[np.int64]
    at: NDArray[np.float64]


@fused(remembered, agenda, scalars, protocol)
def take_events(
    memory: Memory,
    steps: Steps,
    rules: Rules,
    ids: NDArray[np.uint64],
    times: NDArray[np.float64],
    first: int,
) -> None:
    """Score each event, after what falls due at its time, and remember it."""
    book, pending = memory.book[0], memory.chains[PENDING]
    book.steps = book.learned = 0
    for n in range(len(times)):
        if times[n] > book.watermark:
            book.watermark = times[n]
            _release(memory, steps, rules)
        steps.op[book.steps] = SCORE
        steps.row[book.steps] = first + n
        book.steps += 1
        low, high = ids[n, 0], ids[n, 1]
        matures = times[n] + rules.matures_after
        slot = find(memory, low, high)
        if slot == NOWHERE:
            slot = take(memory, low, high, matures, first + n, NONE, 0)
            enter(memory, slot)
        elif memory.entries[slot].chain == EARLY:
            unlink(memory, slot)
            memory.entries[slot].at = matures
            memory.entries[slot].number = first + n
        else:
            memory.outcomes[_REPEATED] += 1
            continue
        link(memory, slot, PENDING)
        if memory.entries[slot].kind != NONE and book.watermark >= book.opens:
            _settle(memory, steps, rules, slot, _JOINED)
        elif rules.matures_after < np.inf:
            schedule(memory, slot)
        if pending.length > rules.remember:
            forget(memory, pending.first)
            memory.outcomes[_EVICTED] += 1


@fused(remembered, agenda, scalars, protocol)
def take_labels(
    memory: Memory,
    steps: Steps,
    rules: Rules,
    ids: NDArray[np.uint64],
    times: NDArray[np.float64],
    kinds: NDArray[np.int8],
    bits: NDArray[np.int64],
) -> None:
    """Apply each label whose date has come; keep the others until then."""
    book = memory.book[0]
    book.steps = book.learned = 0
    for n in range(len(times)):
        book.newest = max(book.newest, times[n])
        low, high = ids[n, 0], ids[n, 1]
        if times[n] <= book.watermark:
            _apply(memory, steps, rules, low, high, kinds[n], bits[n])
        else:
            slot = take(memory, low, high, times[n], book.arrivals, kinds[n], bits[n])
            book.arrivals += 1
            link(memory, slot, WAITING)
            schedule(memory, slot)


@fused(remembered, agenda, scalars, protocol)
def _release(memory: Memory, steps: Steps, rules: Rules) -> None:
    """Apply, by date, the labels and the maturities that the watermark has reached."""
    now = memory.book[0].watermark
    slot = due(memory)
    while slot != NOWHERE and memory.entries[slot].at <= now:
        entry = memory.entries[slot]
        if entry.chain == WAITING:
            unlink(memory, slot)
            link(memory, slot, remembered.FREE)
            _apply(memory, steps, rules, entry.low, entry.high, entry.kind, entry.bits)
        elif entry.kind == NONE:
            entry.kind, entry.bits = rules.kind, rules.bits
            _settle(memory, steps, rules, slot, _MATURED)
        else:
            _settle(memory, steps, rules, slot, _JOINED)
        slot = due(memory)


@fused(remembered, agenda, scalars, protocol)
def _apply(
    memory: Memory,
    steps: Steps,
    rules: Rules,
    low: np.uint64,
    high: np.uint64,
    kind: int,
    bits: int,
) -> None:
    """Do with a label whose date has come what is to be done."""
    book, outcomes, early = memory.book[0], memory.outcomes, memory.chains[EARLY]
    slot = find(memory, low, high)
    if slot == NOWHERE:
        slot = take(memory, low, high, 0.0, 0, kind, bits)
        enter(memory, slot)
        link(memory, slot, EARLY)
        outcomes[_EARLY] += 1
        if early.length > rules.remember:
            forget(memory, early.first)
            outcomes[_ORPHAN] += 1
        return
    entry = memory.entries[slot]
    if entry.kind != NONE:
        outcomes[_DUPLICATE if scalars.same(entry.kind, entry.bits, kind, bits) else _REVISED] += 1
    if entry.chain != SETTLED:
        first = entry.chain == PENDING and entry.kind == NONE
        entry.kind, entry.bits = kind, bits
        if first and book.watermark >= book.opens:
            _settle(memory, steps, rules, slot, _JOINED)


@fused(remembered, agenda, scalars, protocol)
def _settle(memory: Memory, steps: Steps, rules: Rules, slot: int, outcome: int) -> None:
    """Learn an event with the label that is in its entry."""
    book, entry, settled = memory.book[0], memory.entries[slot], memory.chains[SETTLED]
    unlink(memory, slot)
    link(memory, slot, SETTLED)
    steps.op[book.steps] = LEARN
    steps.row[book.steps] = entry.number
    steps.kind[book.learned] = entry.kind
    steps.bits[book.learned] = entry.bits
    steps.at[book.learned] = book.watermark
    book.steps += 1
    book.learned += 1
    memory.outcomes[outcome] += 1
    if settled.length > rules.remember:
        forget(memory, settled.first)
