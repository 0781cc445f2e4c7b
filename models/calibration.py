"""Scores made probabilities: how often what was scored like this turned out positive, of late."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.protocol import State
from models.ranking import Ranking

__all__ = ["Calibration"]


class Calibration:
    """A rising map from scores to probabilities, fitted to a stream of scores and labels.

    Isotonic regression (Zadrozny and Elkan, *Transforming classifier scores into accurate
    multiclass probability estimates*, KDD 2002) over the bins of `models.ranking.Ranking`. Each
    step of it is drawn to the base rate by one label's weight (Cestnik's m-estimate, 1990), so that
    three positives of three are not a certainty; between two steps it rises in a straight line of
    log-odds.

    It forgets: a map rests on the last one to two `span` of labels. The state is a function of
    their sequence, however that was cut, and holds counts only. Merging adds counts; the map of a
    merge is the same in any order.

    >>> calibration = Calibration()
    >>> score = np.repeat([0.2, 0.6], 1000)
    >>> outcome = (np.arange(2000) % np.repeat([100, 4], 1000) == 0).astype(np.int8)
    >>> calibration.add(score, outcome)
    >>> calibration.map(np.array([0.1, 0.2, 0.6, 0.9])).round(3).tolist()
    [0.01, 0.01, 0.25, 0.25]

    Args:
        span: labels after which what was learned before the last so many is forgotten.
        unbounded: whether scores may lie outside [0, 1], as those of anomaly detectors do.
    """

    __slots__ = ("_fresh", "_past", "_span", "_unbounded")

    def __init__(self, *, span: int = 50_000, unbounded: bool = False) -> None:
        if span < 1:
            raise ValueError(f"span={span} holds no label: write span=50_000")
        self._span = span
        self._unbounded = unbounded
        self._fresh = Ranking(unbounded=unbounded)
        self._past = Ranking(unbounded=unbounded)

    def add(self, score: NDArray[np.float64], outcome: NDArray[np.int8]) -> None:
        """Learn float64[k] scores, none NaN, and what came of them, int8[k] of 0 and 1."""
        while len(score):
            # None is left where more has been merged in.
            room = max(self._span - (self._fresh.positives + self._fresh.negatives), 0)
            self._fresh.add(score[:room], outcome[:room])
            score, outcome = score[room:], outcome[room:]
            if self._fresh.positives + self._fresh.negatives >= self._span:
                self._past, self._fresh = self._fresh, Ranking(unbounded=self._unbounded)

    @property
    def bins(self) -> int:
        """How many places `curve` has."""
        return len(self._fresh.positive)

    def places(self, score: NDArray[np.float64]) -> NDArray[np.int64]:
        """The place of each of float64[k] scores, none NaN, in `curve`."""
        return self._fresh.places(score)

    def curve(self) -> NDArray[np.float64]:
        """The probability at each place, never falling; NaN before the first label."""
        positive = self._fresh.positive + self._past.positive
        return _isotonic(positive, positive + self._fresh.negative + self._past.negative)

    def map(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability for each of float64[k] scores; NaN for NaN, and before any label."""
        known = ~np.isnan(score)
        probability = np.full(len(score), math.nan)
        probability[known] = self.curve()[self.places(score[known])]
        return probability

    def merge(self, other: Calibration) -> None:
        """Learn what `other` has learned and not forgotten."""
        self._fresh.merge(other._fresh)
        self._past.merge(other._past)

    def state(self) -> State:
        """Everything `restore` needs."""
        return {"fresh": self._fresh.state(), "past": self._past.state()}

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a calibration of the same kind of scores."""
        self._fresh.restore(state["fresh"])
        self._past.restore(state["past"])


@compiled
def _isotonic(positive: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    # Pool adjacent violators (Ayer et al. 1955); bins without a label stand between the blocks.
    bins = len(total)
    first, last = np.empty(bins, np.int64), np.empty(bins, np.int64)
    hits, weight = np.empty(bins, np.int64), np.empty(bins, np.int64)
    blocks = 0
    for place in range(bins):
        if total[place] == 0:
            continue
        first[blocks] = last[blocks] = place
        hits[blocks], weight[blocks] = positive[place], total[place]
        blocks += 1
        while blocks > 1:
            one, two = blocks - 2, blocks - 1
            if hits[one] * weight[two] < hits[two] * weight[one]:
                break
            last[one] = last[two]
            hits[one] += hits[two]
            weight[one] += weight[two]
            blocks -= 1
    curve = np.full(bins, np.nan)
    if blocks == 0:
        return curve
    base = np.sum(positive) / np.sum(total)
    before, behind = 0.0, -1
    for block in range(blocks):
        rate = max((hits[block] + base) / (weight[block] + 1.0), before)
        for place in range(first[block], last[block] + 1):
            curve[place] = rate
        for place in range(behind + 1, first[block]):
            if behind < 0:
                curve[place] = rate
            else:
                share = (place - behind) / (first[block] - behind)
                curve[place] = before + (rate - before) * share
        before, behind = rate, last[block]
    for place in range(behind + 1, bins):
        curve[place] = before
    return curve
