"""What falls due next: labels that wait for their date, and events that mature.

As long as dates rise along a chain, the next entry that is due is found by walking it. What comes
out of order goes into a binary heap beside the chains, by date and then by number. The functions
are pieces of the kernels in `streams.joining`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import idtable
from models.compiled import fused
from models.idtable import enter
from streams import remembered
from streams.remembered import NOWHERE, PENDING, WAITING, Memory, link, pass_by, take

__all__ = ["done", "due", "put_back", "schedule", "sweep"]


@fused(idtable, remembered)
def schedule(memory: Memory, slot: int) -> None:
    """Make the last entry of a chain due at its date."""
    entry = memory.entries[slot]
    chain = memory.chains[entry.chain]
    entry.heaped = chain.next != NOWHERE and entry.at < chain.latest
    if entry.heaped:
        book = memory.book[0]
        book.heaped += 1
        _rise(memory.heap, book.heaped - 1, entry.at, entry.number, slot)
        return
    chain.latest = entry.at
    if chain.next == NOWHERE:
        chain.next = slot


@fused(idtable, remembered)
def put_back(
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
    """Fill an empty chain with what `remembered.columns` took out of one."""
    for n in range(len(ids)):
        slot = take(memory, ids[n, 0], ids[n, 1], at[n], number[n], kind[n], bits[n])
        entry = memory.entries[slot]
        entry.held, entry.taught = held[n], taught[n]
        memory.book[0].taught += taught[n]
        link(memory, slot, name)
        if name != WAITING:
            enter(memory.entries, memory.table, slot)
        if name == WAITING or (name == PENDING and at[n] < np.inf):
            schedule(memory, slot)


@fused(idtable, remembered)
def due(memory: Memory) -> int:
    """The entry that is due first: by date, then by number; `NOWHERE` if none is."""
    book, entries, heap = memory.book[0], memory.entries, memory.heap
    while book.heaped > 0 and _stale(memory, heap[0]):
        _pop(memory)
    found = _first(entries, memory.chains[WAITING].next, memory.chains[PENDING].next)
    return _first(entries, found, heap[0].slot) if book.heaped > 0 else found


@fused(idtable, remembered)
def done(memory: Memory, slot: int) -> None:
    """Take the entry that is due first off the agenda, and leave it in its chain."""
    if memory.entries[slot].heaped:
        _pop(memory)
    else:
        pass_by(memory, slot)


@fused(idtable, remembered)
def sweep(memory: Memory) -> None:
    """Drop from the heap what has left its chain."""
    book, heap, kept = memory.book[0], memory.heap, 0
    for place in range(book.heaped):
        item = heap[place]
        if not _stale(memory, item):
            _rise(heap, kept, item.at, item.number, item.slot)
            kept += 1
    book.heaped = kept


@fused(idtable, remembered)
def _pop(memory: Memory) -> None:
    book, heap = memory.book[0], memory.heap
    book.heaped -= 1
    last = heap[book.heaped]
    _sink(heap, book.heaped, 0, last.at, last.number, last.slot)


@fused(idtable, remembered)
def _stale(memory: Memory, item: Any) -> bool:
    entry = memory.entries[item.slot]
    waits = entry.chain == PENDING or entry.chain == WAITING
    return not (waits and entry.heaped and entry.number == item.number)


@fused(idtable, remembered)
def _first(entries: NDArray[Any], one: int, other: int) -> int:
    if one == NOWHERE or other == NOWHERE:
        return max(one, other)
    a, b = entries[one], entries[other]
    return one if _before(a, b.at, b.number) else other


@fused(idtable, remembered)
def _rise(heap: NDArray[Any], place: int, at: float, number: int, slot: int) -> None:
    """Put an item at a free place, or above it."""
    while place > 0:
        above = heap[(place - 1) // 2]
        if _before(above, at, number):
            break
        _set(heap[place], above.at, above.number, above.slot)
        place = (place - 1) // 2
    _set(heap[place], at, number, slot)


@fused(idtable, remembered)
def _sink(heap: NDArray[Any], size: int, place: int, at: float, number: int, slot: int) -> None:
    """Put an item at a free place, or below it."""
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and _before(heap[child + 1], heap[child].at, heap[child].number):
            child += 1
        below = heap[child]
        if not _before(below, at, number):
            break
        _set(heap[place], below.at, below.number, below.slot)
        place = child
    _set(heap[place], at, number, slot)


@fused(idtable, remembered)
def _before(item: Any, at: float, number: int) -> bool:
    return bool(item.at < at or (item.at == at and item.number < number))


@fused(idtable, remembered)
def _set(item: Any, at: float, number: int, slot: int) -> None:
    item.at, item.number, item.slot = at, number, slot
