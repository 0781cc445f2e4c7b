"""Whether values fall where they used to: the population stability index, window by window."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.kernels import sigmoid
from models.protocol import Kind, State

__all__ = ["SCORE_BINS", "Stability", "score_bins", "shift"]

_FADING = 0.1
_LOG_ODDS = np.array([sigmoid(float(odds)) for odds in range(-10, 11)])
_EXPONENTS = 16
SCORE_BINS = 4 * _EXPONENTS + 4


class Stability:
    """Counts of values by bin, in windows of so many values, beside the windows before.

    Older windows fade by a tenth with each new one. All that is kept are counts: any cut of the
    values leaves the same bits.
    """

    def __init__(self, bins: int, window: int) -> None:
        self._window = window
        self._filled = 0
        self._counts = np.zeros((3, bins))  # the window that fills, the last one, those before

    def take(self, bins: NDArray[np.int64]) -> None:
        """Count further values, int64[k], each by its bin."""
        start = 0
        while start < len(bins):
            part = bins[start : start + self._window - self._filled]
            self._counts[0] += np.bincount(part, minlength=self._counts.shape[1])
            start += len(part)
            self._filled += len(part)
            if self._filled == self._window:
                self._turn()

    def _turn(self) -> None:
        filling, last, before = self._counts
        before *= 1 - _FADING
        before += last
        last[:] = filling
        filling[:] = 0
        self._filled = 0

    @property
    def index(self) -> float:
        """The population stability index of the last window, 0 as long as there is none before.

        Σ (p - q) ln(p / q) over the bins, half a value added to each. By custom below 0.1 nothing
        has changed and above 0.25 much has (Siddiqi 2006, "Credit Risk Scorecards", chapter 9).
        """
        _, last, before = self._counts
        return _index(last, before) if before.any() else 0.0

    def ratio(self, place: int) -> float:
        """A bin's share in the last window to that before; 1 where none is known."""
        _, last, before = self._counts
        if not before[place]:
            return 1.0
        return float(last[place] / last.sum() / (before[place] / before.sum()))

    def state(self) -> State:
        """Everything `restore` needs."""
        return {"counts": self._counts.copy(), "filled": self._filled}

    def restore(self, state: State) -> None:
        """Take over a state made by `state`."""
        self._counts, self._filled = state["counts"].copy(), state["filled"]


def shift(new: NDArray[np.int64], old: NDArray[np.int64]) -> float:
    """The population stability index of counts by bin, less what chance makes of equal ones.

    Of n and m values that fall alike into B bins it is (B - 1) (1/n + 1/m) in the mean (Yurdakul
    2018, "Statistical Properties of Population Stability Index"). NaN where there are none.
    """
    n, m = int(new.sum()), int(old.sum())
    if not n or not m:
        return math.nan
    by_chance = (int(np.count_nonzero(new + old)) - 1) * (1 / n + 1 / m)
    return max(_index(new, old) - by_chance, 0.0)


def score_bins(kind: Kind, score: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of each score, below `SCORE_BINS`; NaN has the last one.

    A probability's by its log-odds, rounded down, from -10 to 10; another number's by its sign and
    the power of two above it, from 2⁻¹⁵ to 2¹⁶.
    """
    if kind == "binary":
        bins = np.searchsorted(_LOG_ODDS, score, side="right")
    else:
        powers = np.clip(np.frexp(score)[1], 1 - _EXPONENTS, _EXPONENTS) + _EXPONENTS
        bins = np.where(score < 0, powers, powers + 2 * _EXPONENTS + 1)
    return np.where(np.isnan(score), SCORE_BINS - 1, bins).astype(np.int64)


def _index(new: NDArray[Any], old: NDArray[Any]) -> float:
    met = (new + old) > 0
    p, q = new[met] + 0.5, old[met] + 0.5
    p, q = p / p.sum(), q / q.sum()
    terms = zip(p.tolist(), q.tolist(), strict=True)
    return math.fsum((new - old) * math.log(new / old) for new, old in terms)
