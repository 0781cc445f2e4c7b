"""What sliding windows remember of their keys, in arrays that are used again.

A key has a slot. Its events lie in order of time in one stretch of the arena, ``[start, start +
room)``, of which ``[start + head, start + head + length)`` is in use. A stretch that is full moves
to one twice as wide, and its own is given back; where the arena ends, it is laid out anew. A key's
windows end with its newest event, or, where they lag, where they were asked for last, or, where
they are shared, with the newest event of the own partition; the events behind that end are its last
`ahead`, and those in a window are the last `counts` before them.

What is used together lies together: all of a key in one row, and all of an event in one pair. With
many keys, what an event costs is the cache lines it touches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "COUNT", "DISTINCT", "FIRST_SEEN", "LATER", "LINE", "MAX", "MEAN", "MIN", "NEVER", "NOWHERE",
    "RATIO", "SINCE_LAST", "SINCE_POSITIVE", "SQUARE_PARTS", "STATS", "STD", "STREAK", "SUM",
    "SUM_PARTS", "Memory", "Rules", "empty", "size",
]  # fmt: skip

STATS = (
    "count", "sum", "mean", "std", "min", "max", "distinct", "ratio", "since_last", "first_seen",
    "since_positive", "streak",
)  # fmt: skip
COUNT, SUM, MEAN, STD, MIN, MAX, DISTINCT, RATIO, SINCE_LAST, FIRST_SEEN = range(10)
SINCE_POSITIVE, STREAK = 10, 11

NOWHERE = -1
LATER = np.iinfo(np.int64).max
"""When a value comes again that has not yet."""
NEVER = -(2**62)
"""Where windows end that were not asked for yet, and when there was no event yet."""

SUM_PARTS, SQUARE_PARTS = 2, 4
"""Widths of running sums: enough for numbers that a float tells apart within 2^50 of each other."""

_SCRATCH = 64

LINE = 64
"""Bytes that memory moves at a time."""

_BOOK = np.dtype(
    [
        ("used", "i8"),  # of the arena
        ("events", "i8"),
        ("keys", "i8"),
        ("fresh", "i8"),  # the first slot that was never used
        ("free", "i8"),  # the last one that was freed, which has the one before it
        ("first", "i8"),  # the key that was heard of least recently
        ("last", "i8"),
        ("holding", "i8"),  # the first key that has events; those before it have none
        ("evicted", "i8"),
        ("forgotten", "i8"),
        ("too_late", "i8"),
        ("now", "i8"),  # time of the last event that was not another partition's
    ]
)
_KEY = np.dtype(
    [
        ("low", "u8"),
        ("high", "u8"),
        ("first", "i8"),  # time of its first event, and of its newest
        ("newest", "i8"),
        ("end", "i8"),  # of its windows
        ("start", "i8"),
        ("room", "i8"),
        ("head", "i8"),
        ("length", "i8"),
        ("ahead", "i8"),
        ("before", "i8"),
        ("after", "i8"),
    ]
)
_EVENT = np.dtype(
    {
        "names": ["time", "bits", "value"],
        "formats": ["i8", "i8", "f8"],
        "offsets": [0, 8, 8],  # the value is what the bits are of
    }
)


class Rules(NamedTuple):
    """What is asked of the windows; times in microseconds.

    Attributes:
        over: int64[w], how long each window is.
        longest: of them.
        lag: how far before now they end: where they are asked for, and events come when they may,
            until then or behind it; 0: with their key's newest event.
        late: how far before the end of its key's windows an event may be.
        remember: so many events, and so many keys.
        sums, squares, extremes, distinct, ratio, streaks: whether they are needed.
        stat, window: int64[p] each, what to put into which column.
    """

    over: NDArray[np.int64]
    longest: int
    lag: int
    late: int
    remember: int
    sums: bool
    squares: bool
    extremes: bool
    distinct: bool
    ratio: bool
    streaks: bool
    stat: NDArray[np.int64]
    window: NDArray[np.int64]


class Memory(NamedTuple):
    """The arrays; s slots, w windows, and an arena of a events. What is not needed takes no room.

    Attributes:
        book: one record: how much of the other arrays is used, ends of the list of keys, counters.
        rows: uint8[s, bytes], whole cache lines; `keys` to `distinct` are parts of them.
        keys: one record a slot.
        counts: int64[s, w].
        sums: float64[s, w, SUM_PARTS], expansions; NaN first: to be made anew.
        squares: float64[s, w, SQUARE_PARTS], the same.
        extremes: int64[s, w, 2], places of the least and the greatest value; -1: to be found.
        distinct: int64[s, w].
        table: finds a slot; see `models.idtable`.
        spare: int64[64], the last stretch of each size that was given back, or -1.
        events: one record a place of the arena: the time in microseconds (in a stretch that was
            given back, the one before it), and 64 bits: a number's, or a text's digest.
        until: int64[a], when the same value came to the key again, or `LATER`.
        total, total_squares, difference: float64[64] each, for expansions that are being made.
        past: float64[w], sums without the event at hand.
        found: float64[w, len(STATS)], the answers for one event.
    """

    book: NDArray[Any]
    rows: NDArray[np.uint8]
    keys: NDArray[Any]
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    extremes: NDArray[np.int64]
    distinct: NDArray[np.int64]
    table: NDArray[np.int64]
    spare: NDArray[np.int64]
    events: NDArray[Any]
    until: NDArray[np.int64]
    total: NDArray[np.float64]
    total_squares: NDArray[np.float64]
    difference: NDArray[np.float64]
    past: NDArray[np.float64]
    found: NDArray[np.float64]


def empty(rules: Rules, slots: int, arena: int) -> Memory:
    """Memory for so many keys and events; what is not used of it costs nothing yet."""
    book = np.zeros(1, _BOOK)
    for name in ("free", "first", "last", "holding"):
        book[name] = NOWHERE
    book["now"] = NEVER
    w, row = len(rules.over), _row(rules)
    # Of a single row, the parts would be arrays of another type, which kernels are compiled for
    # anew; so would those that are not needed be, had they no items.
    slots = max(slots, 2)
    rows = _lines(slots, row.itemsize)
    parts = rows.view(row)[:, 0]
    return Memory(
        book,
        rows,
        parts["keys"],
        parts["counts"],
        parts["sums"],
        parts["squares"],
        parts["extremes"],
        parts["distinct"],
        np.zeros(slots + slots // 2 + 1, np.int64),
        np.full(64, NOWHERE, np.int64),
        _lines(arena, _EVENT.itemsize).view(_EVENT)[:, 0],
        np.zeros(arena * rules.distinct, np.int64),
        np.zeros(_SCRATCH),
        np.zeros(_SCRATCH),
        np.zeros(_SCRATCH),
        np.zeros(w),
        np.zeros((w, len(STATS))),
    )


def size(memory: Memory) -> int:
    """Bytes of all arrays."""
    owners = [array if array.base is None else array.base for array in memory]
    return sum({id(owner): owner.nbytes for owner in owners}.values())


def _row(rules: Rules) -> np.dtype[Any]:
    """What is kept of a key; a part that is not needed shares its place with the first."""
    w = len(rules.over)
    parts: list[tuple[str, Any, tuple[int, ...], bool]] = [
        ("keys", _KEY, (), True),
        ("counts", "i8", (w,), True),
        ("sums", "f8", (w, SUM_PARTS), rules.sums),
        ("squares", "f8", (w, SQUARE_PARTS), rules.squares),
        ("extremes", "i8", (w, 2), rules.extremes),
        ("distinct", "i8", (w,), rules.distinct),
    ]
    formats, offsets, width = [], [], 0
    for _, kind, shape, needed in parts:
        formats.append(np.dtype((kind, shape if needed else (1, *shape[1:]))))
        offsets.append(width if needed else 0)
        width += formats[-1].itemsize * needed
    names, lines = [name for name, *_ in parts], -(-width // LINE)
    layout: Any = {"names": names, "formats": formats, "offsets": offsets, "itemsize": lines * LINE}
    row: np.dtype[Any] = np.dtype(layout)
    return row


def _lines(n: int, size: int) -> NDArray[np.uint8]:
    """Zeros, uint8[n, size], from the beginning of a cache line on."""
    room = np.zeros(n * size + LINE, np.uint8)
    begin = -room.ctypes.data % LINE
    return room[begin : begin + n * size].reshape(n, size)
