"""What a joiner remembers, in arrays that are used again: entries, in order of arrival.

An entry is known by its slot, and is in one *chain*: a doubly linked list in order of arrival. The
functions are pieces of the kernels in `streams.joining`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import idtable, intrinsics
from models.compiled import fused
from models.idtable import enter, erase, foresee
from models.intrinsics import prefetch

__all__ = [
    "EARLY",
    "FREE",
    "MOST_BYTES",
    "NOWHERE",
    "PENDING",
    "SETTLED",
    "WAITING",
    "Memory",
    "columns",
    "empty",
    "forget",
    "free",
    "grown",
    "link",
    "pass_by",
    "room",
    "take",
    "unlink",
]

NOWHERE = -1
"""No slot."""

_SPARE = 8
"""Slots for each entry that there is to be room for, where more are needed."""

FREE, PENDING, SETTLED, EARLY, WAITING = range(5)
"""The chains: unused slots, scored events, learned ids, labels without event, labels to come."""

_BOOK = np.dtype(
    [
        ("watermark", "f8"),
        ("newest", "f8"),
        ("opens", "f8"),
        ("arrivals", "i8"),
        ("fresh", "i8"),  # the first slot that was never used
        ("free", "i8"),  # the last one that was freed, which has the one before it
        ("heaped", "i8"),
        ("taught", "i8"),  # how many of the pending have been learned
        ("steps", "i8"),
        ("learned", "i8"),
        ("releases", "?"),  # whether there may be more that the watermark has reached
    ]
)
_CHAIN = np.dtype(
    [
        ("first", "i8"),
        ("last", "i8"),
        ("length", "i8"),
        ("next", "i8"),  # the first one that is due and not in the heap
        ("latest", "f8"),  # date of the last such
    ]
)
_ENTRY = np.dtype(
    [
        ("low", "u8"),
        ("high", "u8"),
        ("at", "f8"),
        ("number", "i8"),
        ("bits", "i8"),
        ("before", "i4"),
        ("after", "i4"),
        ("kind", "i1"),
        ("chain", "i1"),
        ("heaped", "?"),
        ("held", "?"),  # whether its label waits until the event matures
        ("taught", "?"),  # whether it was learned, and is kept for a correction
    ],
    align=True,
)
_ITEM = np.dtype([("at", "f8"), ("number", "i8"), ("slot", "i4")])

MOST_BYTES = _ENTRY.itemsize + 24
"""Of an entry, with its part of a table that has just been made twice as large as it had to be."""


class Memory(NamedTuple):
    """The arrays.

    Attributes:
        book: one record: the clocks, and how much of the other arrays is used.
        chains: one record a chain.
        outcomes: int64, how often each outcome occurred.
        entries: one record a slot: the id's digest, date and number (of the row, or of the label),
            the label as `models.scalars` writes it, the neighbours and the chain.
        table: int64, finds the entries of all chains but `WAITING`; see `streams.idtable`.
        heap: entries that came out of order; those that have left their chain are skipped.
    """

    book: NDArray[Any]
    chains: NDArray[Any]
    outcomes: NDArray[np.int64]
    entries: NDArray[Any]
    table: NDArray[np.int64]
    heap: NDArray[Any]


def empty(slots: int, outcomes: int) -> Memory:
    """Memory for so many entries; what is not used of it costs nothing yet."""
    book, chains = np.zeros(1, _BOOK), np.zeros(WAITING + 1, _CHAIN)
    book["watermark"] = book["newest"] = -np.inf
    book["opens"] = np.inf
    book["free"] = NOWHERE
    for name in ("first", "last", "next"):
        chains[name] = NOWHERE
    return Memory(
        book,
        chains,
        np.zeros(outcomes, np.int64),
        np.zeros(slots, _ENTRY),
        _table(slots),
        np.zeros(slots // 8, _ITEM),
    )


def room(memory: Memory) -> int:
    """How many entries it is for."""
    return min(len(memory.entries), 2 * len(memory.table) // 3)


def grown(memory: Memory, slots: int) -> Memory:
    """The same with room for so many entries.

    There are slots for more than the table is for: those that are not used cost nothing, and
    to copy entries to memory that was never used takes longer than to enter them.
    """
    entries = memory.entries
    if slots > len(entries):
        entries = np.zeros(_SPARE * slots, _ENTRY)
        kept = memory.entries.view(np.uint8)  # NumPy copies records field by field
        entries.view(np.uint8)[: len(kept)] = kept
    wider = memory._replace(entries=entries, table=_table(slots))
    _enter_all(wider)
    return wider


def _table(slots: int) -> NDArray[np.int64]:
    return np.zeros(slots + slots // 2, np.int64)


def columns(memory: Memory, name: int) -> dict[str, NDArray[Any]]:
    """The entries of a chain, from first to last: copies, and nothing in them tells of slots.

    ``id`` is uint64[n, 2], ``at`` float64[n], ``number`` and ``bits`` int64[n], ``kind`` int8[n],
    ``held`` and ``taught`` bool[n].
    """
    n = int(memory.chains[name]["length"])
    found: dict[str, NDArray[Any]] = {"id": np.empty((n, 2), np.uint64)}
    for field in ("at", "number", "kind", "bits", "held", "taught"):
        found[field] = np.empty(n, _ENTRY[field])
    _gather(memory, name, *found.values())
    return found


@fused(idtable, intrinsics)
def _gather(
    memory: Memory,
    name: int,
    ids: NDArray[np.uint64],
    at: NDArray[np.float64],
    number: NDArray[np.int64],
    kind: NDArray[np.int8],
    bits: NDArray[np.int64],
    held: NDArray[np.bool_],
    taught: NDArray[np.bool_],
) -> None:
    slot = memory.chains[name].first
    for n in range(len(ids)):
        entry = memory.entries[slot]
        ids[n, 0], ids[n, 1] = entry.low, entry.high
        at[n], number[n] = entry.at, entry.number
        kind[n], bits[n] = entry.kind, entry.bits
        held[n], taught[n] = entry.held, entry.taught
        slot = entry.after


@fused(idtable, intrinsics)
def _enter_all(memory: Memory) -> None:
    entries, table, slots = memory.entries, memory.table, memory.book[0].fresh
    for slot in range(slots):
        foresee(table, entries[min(slot + 16, slots - 1)].low)
        if entries[slot].chain != FREE and entries[slot].chain != WAITING:
            enter(entries, table, slot)


@fused(idtable, intrinsics)
def take(
    memory: Memory, low: np.uint64, high: np.uint64, at: float, number: int, kind: int, bits: int
) -> int:
    """Fill a slot that is in no chain; the caller has seen to it that there is one."""
    book, slot = memory.book[0], int(memory.book[0].free)
    if slot == NOWHERE:
        slot = book.fresh
        book.fresh += 1
    else:
        book.free = memory.entries[slot].before
    entry = memory.entries[slot]
    entry.low, entry.high = low, high
    entry.at, entry.number = at, number
    entry.kind, entry.bits = kind, bits
    entry.heaped = entry.held = entry.taught = False
    return slot


@fused(idtable, intrinsics)
def free(memory: Memory, slot: int) -> None:
    """Take an entry out of its chain for good; its slot, still in the cache, is the next taken."""
    unlink(memory, slot)
    entry, book = memory.entries[slot], memory.book[0]
    entry.chain = FREE
    entry.before = book.free
    book.free = slot


@fused(idtable, intrinsics)
def forget(memory: Memory, slot: int) -> None:
    """Free the slot of an id that was entered."""
    entries, table = memory.entries, memory.table
    following = entries[slot].after
    if following != NOWHERE:  # most likely the next to be forgotten
        foresee(table, entries[following].low)
        prefetch(entries, entries[following].after)
    erase(entries, table, slot)
    free(memory, slot)


@fused(idtable, intrinsics)
def link(memory: Memory, slot: int, name: int) -> None:
    """Put an entry at the end of a chain."""
    chain, entry = memory.chains[name], memory.entries[slot]
    entry.chain = name
    entry.before, entry.after = chain.last, NOWHERE
    if chain.last == NOWHERE:
        chain.first = slot
    else:
        memory.entries[chain.last].after = slot
    chain.last = slot
    chain.length += 1


@fused(idtable, intrinsics)
def pass_by(memory: Memory, slot: int) -> None:
    """Make what comes behind the next entry of a chain the next one that is due."""
    entries = memory.entries
    following = entries[slot].after
    while following != NOWHERE and entries[following].heaped:
        following = entries[following].after
    memory.chains[entries[slot].chain].next = following


@fused(idtable, intrinsics)
def unlink(memory: Memory, slot: int) -> None:
    """Take an entry out of its chain, and so off the agenda."""
    entries, entry = memory.entries, memory.entries[slot]
    chain = memory.chains[entry.chain]
    if chain.next == slot:
        pass_by(memory, slot)
    if entry.before == NOWHERE:
        chain.first = entry.after
    else:
        entries[entry.before].after = entry.after
    if entry.after == NOWHERE:
        chain.last = entry.before
    else:
        entries[entry.after].before = entry.before
    chain.length -= 1
