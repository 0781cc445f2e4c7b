"""What a histogram of scores and labels looks like drawn: precision over recall, reliability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.intervals import wilson
from models.ranking import Ranking

__all__ = ["Claim", "precision_recall", "reliability"]

_CLAIMS = 12
_POSITIVES = 5
_POINTS = 200


class Claim(NamedTuple):
    """Events with about one score.

    Attributes:
        predicted: their mean probability, to within 0.3 % of its odds.
        observed: share of positives among them.
        low: lower end of the 95 % interval of that.
        high: upper end.
        labels: how many they are.
    """

    predicted: float
    observed: float
    low: float
    high: float
    labels: int


def reliability(ranking: Ranking) -> list[Claim]:
    """What became of probabilities: about a dozen groups of equally many positives, by score.

    Positives are the rarer ones: groups of equally many events would nearly all be of scores near
    zero, and have none.
    """
    total = ranking.positive + ranking.negative
    share = max(_POSITIVES, ranking.positives / _CLAIMS)
    probability = ranking.probabilities()
    claims, begin = [], 0
    done = np.cumsum(ranking.positive)
    while begin < len(total):
        before = int(done[begin - 1]) if begin else 0
        end = int(np.searchsorted(done, before + share)) + 1
        if end > len(total) or done[-1] - done[end - 1] < _POSITIVES:
            end = len(total)
        count, positives = int(total[begin:end].sum()), int(ranking.positive[begin:end].sum())
        if count:
            mean = float(total[begin:end] @ probability[begin:end]) / count
            claims.append(Claim(mean, positives / count, *wilson(positives, count), count))
        begin = end
    return claims


def precision_recall(ranking: Ranking) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision of acting on the highest scores, some two hundred points of each.

    Empty where nothing is positive.
    """
    if not ranking.positives:
        return np.empty(0), np.empty(0)
    caught = np.cumsum(ranking.positive[::-1])
    acted = caught + np.cumsum(ranking.negative[::-1])
    places = np.searchsorted(caught, np.linspace(1, ranking.positives, _POINTS))
    places = np.unique(places)
    return caught[places] / ranking.positives, caught[places] / acted[places]
