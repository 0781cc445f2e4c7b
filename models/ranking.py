"""How well scores rank: ROC AUC, average precision, precision at a budget, from a histogram."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled

__all__ = ["AtBudget", "Ranking", "area", "average_precision"]

_BINS_PER_UNIT = 2**13 / 36
_EDGE = 18.0
_BEYOND = 36.0


class AtBudget(NamedTuple):
    """What acting on the highest scores, and only on those, would have caught.

    Attributes:
        precision: share of positives among the scores acted on.
        recall: share of the positives that is among them.
        ceiling: the precision of a perfect ranking; below 1 where positives are fewer than actions.
        recall_ceiling: the recall of a perfect ranking; below 1 where actions are fewer.
        actions: how many scores were acted on.
    """

    precision: float
    recall: float
    ceiling: float
    recall_ceiling: float
    actions: int


class Ranking:
    """Counts of positives and negatives by score.

    Scores are binned on the log-odds scale, 8,192 bins over ±18, both ends clamped (1.5e-8 and
    1 - 1.5e-8): scores closer together than 0.44 % of their odds are tied. With
    ``unbounded=True`` raw scores below 0 and above 1 have bins as well, on a scale that is
    monotone from -6.6e7 to 6.6e7: log-odds inside [0, 1], ``18 + log(x)`` above and
    ``-36 - log(-x)`` below, 20,480 bins in all.

    The error of AUC and of average precision is below 1e-3 (raw scores: 2e-3) where scores spread
    over a unit or more of log-odds, also with 0.1 % positives. A model whose scores all fall into a
    few bins looks tied, and its average precision too low. Counts are integers: results do not
    depend on order, cuts or merging.
    """

    __slots__ = ("_low", "negative", "positive")

    def __init__(self, *, unbounded: bool = False) -> None:
        self._low = -_EDGE - _BEYOND if unbounded else -_EDGE
        high = 2 * _EDGE if unbounded else _EDGE
        bins = round((high - self._low) * _BINS_PER_UNIT)
        self.positive: NDArray[np.int64] = np.zeros(bins, np.int64)
        self.negative: NDArray[np.int64] = np.zeros(bins, np.int64)

    def add(self, score: NDArray[np.float64], outcome: NDArray[np.int8]) -> None:
        """Count float64[k] scores, none NaN, with their outcomes, int8[k] of 0 and 1."""
        _count(
            np.ascontiguousarray(score),
            np.ascontiguousarray(outcome),
            self._low,
            self.positive,
            self.negative,
        )

    def merge(self, other: Ranking) -> None:
        """Count what `other` counted."""
        self.positive += other.positive
        self.negative += other.negative

    @property
    def positives(self) -> int:
        """How many positives were counted."""
        return int(self.positive.sum())

    @property
    def negatives(self) -> int:
        """How many negatives were counted."""
        return int(self.negative.sum())

    def places(self, score: NDArray[np.float64]) -> NDArray[np.int64]:
        """The bin of each of float64[k] scores, none NaN."""
        return _places(np.ascontiguousarray(score), self._low, len(self.positive))

    def probabilities(self) -> NDArray[np.float64]:
        """The probability in the middle of each bin; of a ranking that is not unbounded."""
        odds = (np.arange(len(self.positive)) + 0.5) / _BINS_PER_UNIT + self._low
        shares: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-odds))
        return shares

    def auc(self) -> float:
        """Area under the ROC curve, a tie counting half; NaN until both outcomes were seen."""
        return area(self.positive, self.negative)

    def auc_error(self) -> float:
        """Standard error of `auc`; NaN until two of each outcome were seen.

        DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988): the spread of each positive's share
        of negatives below it, and of each negative's share of positives above it.
        """
        positives, negatives = self.positives, self.negatives
        if positives < 2 or negatives < 2:
            return math.nan
        auc = self.auc()
        below = (np.cumsum(self.negative) - 0.5 * self.negative) / negatives
        above = (positives - np.cumsum(self.positive) + 0.5 * self.positive) / positives
        among_positives = float(self.positive @ (below - auc) ** 2) / (positives - 1)
        among_negatives = float(self.negative @ (above - auc) ** 2) / (negatives - 1)
        return math.sqrt(among_positives / positives + among_negatives / negatives)

    def average_precision(self) -> float:
        """Sum over distinct scores of precision times the recall gained; NaN without positives."""
        return average_precision(self.positive, self.negative)

    def precision_error(self) -> float:
        """Standard error of `average_precision`, that of a share of the positives.

        Boyd, Eng and Page, *Area under the Precision-Recall Curve* (ECML 2013), the binomial one;
        NaN without positives.
        """
        share = self.average_precision()
        return math.sqrt(share * (1.0 - share) / self.positives) if self.positives else math.nan

    def at_budget(self, share: float) -> AtBudget:
        """Act on the top `share` of the scores, one at least; of ties, on each in proportion."""
        positives = self.positives
        total = positives + self.negatives
        if not total:
            return AtBudget(math.nan, math.nan, math.nan, math.nan, 0)
        actions = max(1, math.ceil(share * total))
        caught, acted = self._descending()
        last = int(np.searchsorted(acted, actions))
        sure, before = (int(caught[last - 1]), int(acted[last - 1])) if last else (0, 0)
        tied_hits, ties = int(caught[last]) - sure, int(acted[last]) - before
        hits = sure + (actions - before) * tied_hits / ties
        return AtBudget(
            hits / actions,
            hits / positives if positives else math.nan,
            min(1.0, positives / actions),
            min(1.0, actions / positives) if positives else math.nan,
            actions,
        )

    def state(self) -> Mapping[str, NDArray[np.int64]]:
        """Everything `restore` needs."""
        return {"positive": self.positive.copy(), "negative": self.negative.copy()}

    def restore(self, state: Mapping[str, NDArray[np.int64]]) -> None:
        """Take over a state made by `state` of a ranking of the same scale."""
        self.positive[:] = state["positive"]
        self.negative[:] = state["negative"]

    def _descending(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Positives, and all, counted down from the highest bin."""
        return _descending(self.positive, self.negative)


def area(positive: NDArray[Any], negative: NDArray[Any]) -> float:
    """`Ranking.auc` of counts, or of weights, by ascending score."""
    positives, negatives = float(positive.sum()), float(negative.sum())
    if not positives or not negatives:
        return math.nan
    below = np.cumsum(negative) - negative
    return float(positive @ (below + 0.5 * negative)) / positives / negatives


def average_precision(positive: NDArray[Any], negative: NDArray[Any]) -> float:
    """`Ranking.average_precision` of counts, or of weights, by ascending score."""
    positives = float(positive.sum())
    if not positives:
        return math.nan
    caught, acted = _descending(positive, negative)
    gained = np.diff(caught, prepend=0)
    some = gained > 0
    return float(np.sum(gained[some] * (caught[some] / acted[some]))) / positives


def _descending(
    positive: NDArray[Any], negative: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    caught = np.cumsum(positive[::-1])
    return caught, caught + np.cumsum(negative[::-1])


@compiled
def _place(x: float, low: float, bins: int) -> int:
    if x > 1.0:
        place = _EDGE + min(math.log(x), _EDGE)
    elif x < 0.0:
        place = -_EDGE - min(max(_EDGE + math.log(-x), 0.0), _BEYOND)
    elif 0.0 < x < 1.0:
        place = min(max(math.log(x) - math.log1p(-x), -_EDGE), _EDGE)
    else:
        place = _EDGE if x == 1.0 else -_EDGE
    return min(max(int((place - low) * _BINS_PER_UNIT), 0), bins - 1)


@compiled
def _places(score: NDArray[np.float64], low: float, bins: int) -> NDArray[np.int64]:
    places = np.empty(len(score), np.int64)
    for i in range(len(score)):
        places[i] = _place(score[i], low, bins)
    return places


@compiled
def _count(
    score: NDArray[np.float64],
    outcome: NDArray[np.int8],
    low: float,
    positive: NDArray[np.int64],
    negative: NDArray[np.int64],
) -> None:
    for i in range(len(score)):
        at = _place(score[i], low, len(positive))
        if outcome[i] == 1:
            positive[at] += 1
        else:
            negative[at] += 1
