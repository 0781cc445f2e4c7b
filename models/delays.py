"""How long labels take to arrive."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.exact import ExactSums

__all__ = ["Delays"]

_SHORTEST, _LONGEST = 2.0**-10, 2.0**30  # a millisecond, 34 years


class Delays:
    """Seconds from an event to its label: exact mean, median to within 3.2 %.

    A delay below a millisecond (also a negative one, from clocks that differ) counts as none for
    the median; one that is not known (NaN) is not counted at all.
    """

    __slots__ = ("_bins", "_sums")

    def __init__(self) -> None:
        self._bins: NDArray[np.int64] = np.zeros(_BINS, np.int64)
        self._sums = ExactSums(["delay"])

    def add(self, delay: NDArray[np.float64]) -> None:
        """Count float64[k] seconds."""
        known = delay[np.isfinite(delay)]
        if not len(known):
            return
        self._sums.add("delay", known)
        clipped = np.clip(known, _BELOW, _LONGEST)
        self._bins += np.bincount(_code(clipped) - _FIRST, minlength=_BINS)

    def merge(self, other: Delays) -> None:
        """Count what `other` counted."""
        self._bins += other._bins
        self._sums.merge(other._sums)

    def mean(self) -> float:
        """Mean delay in seconds; NaN while none is known."""
        count = int(self._bins.sum())
        return float(self._sums["delay"] / count) if count else math.nan

    def median(self) -> float:
        """Middle (the lower of two) of the delays in seconds; NaN while none is known."""
        count = int(self._bins.sum())
        if not count:
            return math.nan
        at = int(np.searchsorted(np.cumsum(self._bins), (count + 1) // 2))
        return _middle(at + _FIRST) if at else 0.0

    def measures(self) -> dict[str, float]:
        """Both figures by name."""
        return {"label_delay_seconds": self.mean(), "label_delay_p50_seconds": self.median()}

    def state(self) -> Mapping[str, Any]:
        """Everything `restore` needs."""
        return {"bins": self._bins.copy(), "sums": self._sums.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state made by `state`."""
        self._bins[:] = state["bins"]
        self._sums.restore(state["sums"])


def _code(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """The leading 16 bits: exponent and four bits of mantissa, so 16 bins an octave."""
    return seconds.view(np.int64) >> 48


def _middle(code: int) -> float:
    edges = (np.array([code, code + 1], np.int64) << 48).view(np.float64)
    return float(edges.mean())


_BELOW = float(np.nextafter(_SHORTEST, 0.0))
_FIRST = int(_code(np.array([_BELOW]))[0])
_BINS = int(_code(np.array([_LONGEST]))[0]) - _FIRST + 1
