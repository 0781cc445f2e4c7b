"""Which events raise an alert, one strictly after the other, so that a day's budget lasts the day.

At every event the threshold is the score that, on the past days, so many cards a day reached as
there are alerts left for the share of a day's traffic that is still to come. That is the re-solving
heuristic for selection under a budget: Jasin and Kumar, *A Re-Solving Heuristic with Bounded
Revenue Loss for Network Revenue Management* (Mathematics of Operations Research 37, 2012).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import idtable, intrinsics
from models.compiled import fused
from models.idtable import enter, find

__all__ = [
    "BINS", "BY_EXPLORING", "BY_SCORE", "DAY", "EARLIER_ALERT", "EXPLORED", "FREE", "QUIET",
    "RAISED", "SPENT", "UNKNOWN", "Alerted", "Today", "alert", "readmit",
]  # fmt: skip

DAY = 86_400_000_000
"""Microseconds."""

BINS = 96
"""Parts of a day in which its traffic is counted."""

FREE, RAISED, QUIET, EXPLORED = range(4)
"""Whether an event is decided here, or was already: as an alert, or as none. One that is explored
is none, whatever its score."""

UNKNOWN, BY_SCORE, SPENT, EARLIER_ALERT, BY_EXPLORING = range(5)
"""Why an event is an alert, or is none. Unknown: it has no score."""

_IN_A_ROW = 4
"""So many events in a row dated after the day end it; fewer are taken for wrong dates."""


class Today(NamedTuple):
    """What is known of the day so far, and what was learned of the days before.

    Attributes:
        book: one record: the day and how much of the other arrays is used.
        alerted: one record for each key that had its alert.
        table: finds it; see `models.idtable`.
        highest: float64[m], scores above the book's floor.
        whose: uint64[m], the low half of the digests of their keys.
        keyed: bool[m], whether they have one.
        traffic: int64[BINS], events of the day.
        reached: float64[p], descending: scores that keys reached on past days.
        left: float64[BINS + 1], share of a day's traffic after the beginning of each part.
    """

    book: NDArray[Any]
    alerted: NDArray[Any]
    table: NDArray[np.int64]
    highest: NDArray[np.float64]
    whose: NDArray[np.uint64]
    keyed: NDArray[np.bool_]
    traffic: NDArray[np.int64]
    reached: NDArray[np.float64]
    left: NDArray[np.float64]


class Alerted(NamedTuple):
    """What is decided on n events, to be filled in.

    Attributes:
        alert: bool[n].
        threshold: float64[n], that the score was held against: NaN where the budget is spent.
        version: int64[n], of the threshold.
        why: int8[n].
    """

    alert: NDArray[np.bool_]
    threshold: NDArray[np.float64]
    version: NDArray[np.int64]
    why: NDArray[np.int8]


_kernel = fused(idtable, intrinsics)


@_kernel
def alert(
    today: Today,
    first: float,
    score: NDArray[np.float64],
    ids: NDArray[np.uint64],
    keyed: NDArray[np.bool_],
    micros: NDArray[np.int64],
    given: NDArray[np.int8],
    begin: int,
    out: Alerted,
) -> int:
    """Decide on events, in order of the log.

    Args:
        today: is changed.
        first: the threshold while nothing was learned.
        score: float64[n], NaN: none.
        ids: uint64[n, 2], digests of the keys.
        keyed: bool[n], whether there is a key.
        micros: int64[n], event times since 1970.
        given: int8[n], `FREE`, `RAISED` or `KEPT_QUIET`.
        begin: the first event that was not decided yet.
        out: is filled in.

    Returns:
        The first event that was not decided, for the day is over or `highest` is full; or n.
    """
    book = today.book[0]
    for n in range(begin, len(score)):
        if book.gathered == len(today.highest) or _over(book, micros[n]):
            return n
        if micros[n] // DAY == book.day:
            book.at = micros[n] - book.day * DAY
            today.traffic[book.at * BINS // DAY] += 1
        threshold = _threshold(today, first)
        out.threshold[n] = book.threshold = threshold
        out.version[n] = book.version
        if given[n] == RAISED or given[n] == QUIET:
            out.alert[n], out.why[n] = given[n] == RAISED, BY_SCORE
        elif np.isnan(score[n]):
            out.why[n] = UNKNOWN
        else:
            _gather(today, score[n], ids[n, 0], keyed[n])
            out.alert[n] = score[n] >= threshold
            out.why[n] = SPENT if book.left == 0 else BY_SCORE
        if not out.alert[n]:
            continue
        again = keyed[n] and find(today.alerted, today.table, ids[n, 0], ids[n, 1]) >= 0
        if given[n] == EXPLORED and not again:
            out.alert[n], out.why[n] = False, BY_EXPLORING
        elif again:
            out.alert[n], out.why[n] = given[n] == RAISED, EARLIER_ALERT
        elif book.left > 0:
            book.left -= 1
            if keyed[n]:
                _admit(today, ids[n, 0], ids[n, 1])
    return len(score)


@_kernel
def readmit(today: Today, low: NDArray[np.uint64], high: NDArray[np.uint64]) -> None:
    """Note that keys had their alert, by the halves of their digests."""
    for n in range(len(low)):
        _admit(today, low[n], high[n])


@_kernel
def _over(book: Any, micros: int) -> bool:
    """Whether the day is over: it is when several events in a row say so."""
    day = micros // DAY
    if day <= book.day:
        book.ahead = 0
        return False
    if book.ahead == 0 or day < book.next:
        book.next = day
    book.ahead += 1
    return bool(book.ahead >= _IN_A_ROW)


@_kernel
def _threshold(today: Today, first: float) -> float:
    """The score that as many keys are expected to reach as there are alerts left."""
    book, known = today.book[0], len(today.reached)
    if book.left == 0:
        return np.nan
    if known == 0:
        return first
    place = book.at * BINS // DAY
    within = (book.at * BINS - place * DAY) / DAY
    share = today.left[place] + within * (today.left[place + 1] - today.left[place])
    wanted = float(book.left * book.days)
    if wanted < share * known:
        return float(today.reached[max(int(wanted / share) - 1, 0)])
    # So far behind, the scores are others than on the past days: go by those of today.
    return float(min(today.reached[known - 1], book.floor))


@_kernel
def _gather(today: Today, score: float, whose: np.uint64, keyed: bool) -> None:
    """Note a score that may be among the day's highest."""
    book = today.book[0]
    if score > book.floor:
        today.highest[book.gathered] = score
        today.whose[book.gathered] = whose
        today.keyed[book.gathered] = keyed
        book.gathered += 1


@_kernel
def _admit(today: Today, low: np.uint64, high: np.uint64) -> None:
    book = today.book[0]
    slot = int(book.cards)
    today.alerted[slot].low, today.alerted[slot].high = low, high
    enter(today.alerted, today.table, slot)
    book.cards += 1
