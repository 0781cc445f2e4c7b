"""Card precision@k: of the k cards a day that would be alerted, how many held a fraud.

As in the Fraud Detection Handbook (Le Borgne et al. 2022, chapter 4): for each day of event time, a
card is as suspicious as its highest score; cards detected on an earlier day (among its k, with a
fraud) are left out; of the k highest cards the share with a fraud that day; the mean over the days.
Beside it what a perfect score would get, and one that knows nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.intervals import beside, wilson
from models.protocol import State

__all__ = ["DAY", "CardDays", "Day"]

DAY = 86_400
"""Seconds; days are those of UTC."""

_GRACE = 3_600
"""An event that comes more than an hour of event time after its day is not counted."""

_ENTRY = np.dtype([("day", "i4"), ("card", "u8"), ("score", "f8"), ("fraud", "i1")])
_OVER = np.dtype([("day", "i4"), ("row", "i8")])
_COUNT = np.dtype([("day", "i4"), ("cards", "i8"), ("frauds", "i8")])
_FOLDED_TOGETHER = 65_536
_LONG_AGO = -(2**31)


class Day(NamedTuple):
    """How one day went.

    Attributes:
        day: since 1970.
        alerts: cards alerted, `k` or all there were.
        caught: those with a fraud.
        most: those a perfect score would have caught, of as many alerts.
        base_rate: share of all cards with a fraud.
    """

    day: int
    alerts: int
    caught: int
    most: int
    base_rate: float


class CardDays:
    """Cards and days, as their labels come in any order.

    A day is over when an event is dated an hour after it, and its figure is final when no event
    scored up to there waits for its label any more. Until then one entry is kept for each of its
    cards; of a final day, those that could be among the `k` whatever was detected before.

    The state is a function of the rows scored and of the labels, not of cuts. Figures of merged
    partitions are those of one that had all events, also where partitions share cards.

    Args:
        k: cards alerted a day, in all partitions together.
        days: how many final days are looked back on; before the first none is detected.
    """

    def __init__(self, k: int, days: int = 7) -> None:
        self._k, self._days = k, days
        self._watermark = -math.inf
        self._begun = False
        self._final = 0  # the first day that is not final
        self._kept = _LONG_AGO  # the first day that nothing was forgotten of
        self._over = np.zeros(0, _OVER)
        self._open = np.zeros(0, _ENTRY)
        self._more: list[NDArray[np.void]] = []
        self._gathered = 0
        self._closed = np.zeros(0, _ENTRY)
        self._counts = np.zeros(0, _COUNT)

    def scored(self, at: NDArray[np.float64], first: int) -> NDArray[np.int32]:
        """The day of each event, int32[n]; -2^31 for one that comes too late to be counted.

        Args:
            at: float64[n], event times in seconds since 1970.
            first: row number of the first event; the others follow.
        """
        if not len(at):
            return np.zeros(0, np.int32)
        watermark = np.maximum.accumulate(np.maximum(at, self._watermark))
        self._watermark = float(watermark[-1])
        begins = np.floor((watermark - _GRACE) / DAY).astype(np.int32)
        if not self._begun:
            self._begun, self._final = True, int(begins[0])
        before = self._over["day"][-1] if len(self._over) else self._final
        rose = np.flatnonzero(np.diff(begins, prepend=before))
        over = np.zeros(len(rose), _OVER)
        over["day"], over["row"] = begins[rose], first + rose
        self._over = np.concatenate((self._over, over))
        day = np.floor(at / DAY).astype(np.int32)
        return np.where(day < begins, _LONG_AGO, day).astype(np.int32)

    def add(
        self,
        day: NDArray[np.int32],
        card: NDArray[np.uint64],
        score: NDArray[np.float64],
        outcome: NDArray[np.int8],
    ) -> None:
        """Count labelled events with the day that `scored` gave them, if their score is finite."""
        counted = (day > _LONG_AGO) & np.isfinite(score)
        entries = np.zeros(int(np.count_nonzero(counted)), _ENTRY)
        entries["day"], entries["card"] = day[counted], card[counted]
        entries["score"] = score[counted] + 0.0  # -0.0 and 0.0 are one score
        entries["fraud"] = outcome[counted]
        self._more.append(entries)
        self._gathered += len(entries)
        if self._gathered > max(_FOLDED_TOGETHER, len(self._open)):
            self._fold()

    def settled(self, row: int) -> None:
        """No event of a row below waits any more: make final what can be."""
        done = int(np.searchsorted(self._over["row"], row, side="right"))
        if not done:
            return
        self._fold()
        final = int(self._over["day"][done - 1])
        self._over = self._over[done:]
        closing = self._open[self._open["day"] < final]
        self._open = self._open[self._open["day"] >= final]
        days, starts = np.unique(closing["day"], return_index=True)
        counts = np.zeros(len(days), _COUNT)
        counts["day"] = days
        parts = np.split(closing, starts[1:]) if len(days) else []
        counts["cards"] = [len(part) for part in parts]
        counts["frauds"] = [int(part["fraud"].sum()) for part in parts]
        self._final = final
        self._kept = max(self._kept, final - self._days)
        self._closed = self._since(self._closed, *map(self._candidates, parts))
        self._counts = self._since(self._counts, counts)

    def each(self) -> list[Day]:
        """The final days that are looked back on, in order; days without a label are left out."""
        return self._in_turn(self._kept, self._final)

    def rolling(self, days: int) -> list[Day]:
        """Each of these days as the last of so many, of which the first begins anew."""
        known = [day.day for day in self.each()]
        return [self._in_turn(day - days + 1, day + 1)[-1] for day in known]

    def _in_turn(self, begin: int, end: int) -> list[Day]:
        found, detected, perfect = [], np.zeros(0, np.uint64), np.zeros(0, np.uint64)
        for day in np.unique(self._closed["day"]).tolist():
            if not max(begin, self._kept) <= day < min(end, self._final):
                continue
            cards = self._closed[self._closed["day"] == day]
            left = cards[~np.isin(cards["card"], detected)]
            alerts = _highest(left, self._k)
            caught = alerts["card"][alerts["fraud"] == 1]
            detected = np.concatenate((detected, caught))
            possible = cards[~np.isin(cards["card"], perfect) & (cards["fraud"] == 1)]
            possible = possible["card"][: self._k]
            perfect = np.concatenate((perfect, possible))
            [count] = self._counts[self._counts["day"] == day]
            rate = float(count["frauds"] / count["cards"])
            found.append(Day(day, len(alerts), len(caught), len(possible), rate))
        return found

    def measures(self, name: str) -> dict[str, float]:
        """The mean over the days, its interval, ceiling and base rate; NaN before the first."""
        days = [day for day in self.each() if day.alerts]
        alerts, caught = sum(day.alerts for day in days), sum(day.caught for day in days)
        return {
            name: _mean([day.caught / day.alerts for day in days]),
            **beside(name, wilson(caught, alerts)),
            f"{name}_ceiling": _mean([min(day.most / day.alerts, 1.0) for day in days]),
            f"{name}_base_rate": _mean([day.base_rate for day in days]),
            f"{name}_days": len(days),
        }

    def merge(self, other: CardDays) -> None:
        """Take in the final days of another partition, as far as they are final here too."""
        if not other._begun:
            return
        if self._begun:
            self._final = min(self._final, other._final)
            self._kept = max(self._kept, other._kept)
        else:
            self._begun, self._final, self._kept = True, other._final, other._kept
        self._closed = _folded(np.concatenate((self._closed, other._closed)))
        both = np.concatenate((self._counts, other._counts))
        self._counts = np.zeros(len(np.unique(both["day"])), _COUNT)
        self._counts["day"], place = np.unique(both["day"], return_inverse=True)
        for name in ("cards", "frauds"):
            np.add.at(self._counts[name], place, both[name])

    def state(self) -> State:
        """Everything `restore` needs."""
        self._fold()
        tables = {
            "over": self._over, "open": self._open, "closed": self._closed, "counts": self._counts,
        }  # fmt: skip
        return {
            "watermark": self._watermark,
            "begun": self._begun,
            "final": self._final,
            "kept": self._kept,
            **{name: _columns(table) for name, table in tables.items()},
        }

    def restore(self, state: State) -> None:
        """Take over a state made by `state` with the same `k` and `days`."""
        self._watermark, self._begun = state["watermark"], state["begun"]
        self._final, self._kept = state["final"], state["kept"]
        self._over, self._open = _table(state["over"], _OVER), _table(state["open"], _ENTRY)
        self._closed = _table(state["closed"], _ENTRY)
        self._counts = _table(state["counts"], _COUNT)
        self._more, self._gathered = [], 0

    def _fold(self) -> None:
        if self._more:
            self._open = _folded(np.concatenate((self._open, *self._more)))
            self._more, self._gathered = [], 0

    def _candidates(self, cards: NDArray[np.void]) -> NDArray[np.void]:
        # On each of the other days at most k cards are detected, by this score or by a perfect one.
        most = self._k * self._days
        if len(cards) <= most:
            return cards
        kept = np.concatenate((_highest(cards, most), cards[cards["fraud"] == 1][:most]))
        return _folded(kept)

    def _since(self, table: NDArray[np.void], *more: NDArray[np.void]) -> NDArray[np.void]:
        table = np.concatenate((table, *more))
        return table[table["day"] >= self._kept]


def _highest(cards: NDArray[np.void], k: int) -> NDArray[np.void]:
    """The k cards with the highest scores; of equal ones, those with the lowest numbers."""
    return cards[np.lexsort((cards["card"], -cards["score"]))[:k]]


def _folded(entries: NDArray[np.void]) -> NDArray[np.void]:
    """One entry for each day and card, in that order: its highest score, and whether any is one."""
    if not len(entries):
        return entries
    entries = entries[np.lexsort((entries["card"], entries["day"]))]
    new = (np.diff(entries["day"]) != 0) | (entries["card"][1:] != entries["card"][:-1])
    starts = np.flatnonzero(np.concatenate(([True], new)))
    folded = entries[starts]
    for name in ("score", "fraud"):
        folded[name] = np.maximum.reduceat(entries[name], starts)
    return folded


def _columns(table: NDArray[np.void]) -> State:
    return {name: table[name].copy() for name in table.dtype.names or ()}


def _table(columns: State, fields: np.dtype[np.void]) -> NDArray[np.void]:
    names = fields.names or ()
    table = np.zeros(len(columns[names[0]]), fields)
    for name in names:
        table[name] = columns[name]
    return table


def _mean(figures: list[float]) -> float:
    return sum(figures) / len(figures) if figures else math.nan
