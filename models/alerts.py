"""A budget of alerts a day, kept by a threshold that is learned from the days before."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.alerting import BINS, FREE, Alerted, Today, alert, readmit
from models.column import Column
from models.digests import identified
from models.protocol import State

__all__ = ["Alerts"]

_DEPTH = 8
"""For each alert of the budget, so many of a day's highest scores are remembered."""

_DAYS = 7
"""So many past days are learned from: a week has each of its days once."""

_BOOK = np.dtype(
    [
        ("day", "i8"),  # since 1970
        ("at", "i8"),  # microseconds of the day: when the last event was that is of this day
        ("next", "i8"),  # the earliest day of the last events, which are dated after this one
        ("ahead", "i8"),  # how many these are
        ("left", "i8"),  # of the budget
        ("cards", "i8"),  # keys that had their alert
        ("gathered", "i8"),  # scores that may be among the highest
        ("floor", "f8"),  # which no score up to here is
        ("days", "i8"),  # that were learned from
        ("version", "i8"),  # how often the threshold was learned anew
        ("threshold", "f8"),  # of the last event
    ]
)
_KEPT = ("day", "at", "next", "ahead", "floor", "version")
_KEY = np.dtype([("low", "u8"), ("high", "u8")])


class Alerts:
    """Decides which events raise an alert; bounded in memory by the budget.

    A day is one of UTC. It ends when several events in a row are dated after it; an event that is
    late counts to the day in which it comes. A key has one alert a day. What is decided here never
    exceeds the budget.

    Args:
        budget: alerts a day, at least 1.
        first: the threshold of the first day, when nothing is learned yet.
    """

    def __init__(self, budget: int, first: float) -> None:
        self._budget = budget
        self._first = first
        self._past: list[NDArray[np.float64]] = []
        self._traffic: list[NDArray[np.int64]] = []
        self._today = self._begun()

    def decide(
        self,
        score: NDArray[np.float64],
        keys: Column | None,
        micros: NDArray[np.int64],
        given: NDArray[np.int8] | None = None,
    ) -> Alerted:
        """Decide on n events, strictly one after the other.

        Args:
            score: float64[n], NaN: none, and no alert.
            keys: n, of which each has one alert a day; None: an event without one, or no such rule.
            micros: int64[n], event times since 1970.
            given: int8[n], what is decided otherwise; see `models.alerting`. An alert that is takes
                its place in the budget as long as there is one.
        """
        n, done = len(score), 0
        ids, keyed = np.zeros((n, 2), np.uint64), np.zeros(n, np.bool_)
        if keys is not None:
            ids, keyed = identified(keys)
        given = np.full(n, FREE, np.int8) if given is None else given
        out = Alerted(
            np.zeros(n, np.bool_), np.empty(n), np.empty(n, np.int64), np.empty(n, np.int8)
        )
        while True:
            done = alert(self._today, self._first, score, ids, keyed, micros, given, done, out)
            if done == n:
                return out
            book = self._today.book[0]
            if book["gathered"] == len(self._today.highest):
                self._keep_highest()
            else:
                self._turn(int(book["next"]))

    def summary(self) -> Mapping[str, float]:
        """Alerts ``today`` and their ``budget``; the last ``threshold`` and its ``version``."""
        book = self._today.book[0]
        return {
            "today": self._budget - int(book["left"]),
            "budget": self._budget,
            "threshold": float(book["threshold"]),
            "version": int(book["version"]),
        }

    def state(self) -> State:
        """The day so far and those before, in arrays."""
        today, book = self._today, self._today.book[0]
        gathered = int(book["gathered"])
        return {
            **{name: book[name].item() for name in _KEPT},
            "raised": self._budget - int(book["left"]),
            "low": today.alerted["low"][: book["cards"]].copy(),
            "high": today.alerted["high"][: book["cards"]].copy(),
            "highest": today.highest[:gathered].copy(),
            "whose": today.whose[:gathered].copy(),
            "keyed": today.keyed[:gathered].copy(),
            "traffic": today.traffic.copy(),
            "past": list(self._past),
            "past_traffic": list(self._traffic),
        }

    def restore(self, state: State) -> None:
        """Take over a state; the budget may be another one since."""
        self._past, self._traffic = list(state["past"]), list(state["past_traffic"])
        gathered = len(state["highest"])
        self._today = today = self._begun(gathered)
        for name in _KEPT:
            today.book[name] = state[name]
        today.book["left"] = max(self._budget - state["raised"], 0)
        today.book["gathered"] = gathered
        for name in ("highest", "whose", "keyed"):
            getattr(today, name)[:gathered] = state[name]
        today.traffic[:] = state["traffic"]
        # Where the budget was larger, none is left, and who had an alert does not matter.
        readmit(today, state["low"][: self._budget], state["high"][: self._budget])

    def _begun(self, gathered: int = 0) -> Today:
        """A new day, with room for so many scores at least."""
        days, room = len(self._past), max(2 * _DEPTH * self._budget, gathered)
        # Where nothing is known of a part of the day, it is like the others.
        traffic = np.sum([np.ones(BINS, np.int64), *self._traffic], axis=0)
        after = np.append(np.cumsum(traffic[::-1])[::-1], 0)
        book = np.zeros(1, _BOOK)
        book["left"], book["floor"], book["days"] = self._budget, -np.inf, days
        book["threshold"] = np.nan
        return Today(
            book=book,
            alerted=np.zeros(self._budget, _KEY),
            table=np.zeros(self._budget + self._budget // 2 + 1, np.int64),
            highest=np.zeros(room),
            whose=np.zeros(room, np.uint64),
            keyed=np.zeros(room, np.bool_),
            traffic=np.zeros(BINS, np.int64),
            reached=np.sort(np.concatenate(self._past))[::-1].copy() if days else np.empty(0),
            left=after / after[0],
        )

    def _turn(self, day: int) -> None:
        """Learn from the day that is over, and begin another."""
        self._keep_highest()
        over = self._today
        version = int(over.book[0]["version"])
        if over.traffic.any():
            highest = over.highest[: int(over.book[0]["gathered"])].copy()
            self._past = [*self._past, highest][-_DAYS:]
            self._traffic = [*self._traffic, over.traffic][-_DAYS:]
            version += 1
        self._today = self._begun()
        self._today.book["day"], self._today.book["version"] = day, version

    def _keep_highest(self) -> None:
        """Keep the highest score of each key, and of those the highest."""
        today, most = self._today, _DEPTH * self._budget
        n = int(today.book[0]["gathered"])
        order = np.argsort(-today.highest[:n], kind="stable")
        keyed = order[today.keyed[order]]
        _, first = np.unique(today.whose[keyed], return_index=True)
        best = ~today.keyed[:n]
        best[keyed[first]] = True
        kept = order[best[order]][:most]
        for column in (today.highest, today.whose, today.keyed):
            column[: len(kept)] = column[kept]
        today.book["gathered"] = len(kept)
        if len(kept) == most:
            today.book["floor"] = today.highest[most - 1]
