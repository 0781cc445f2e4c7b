"""What decisions were worth: the amounts of what was caught, missed, and stopped for nothing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.exact import ExactSums
from models.protocol import State
from models.verdicts import Verdicts

__all__ = ["Money"]


class Money:
    """Sums of amounts by decision and outcome; exact, so that no order or cut makes a difference.

    Counted is what was decided on and has a finite amount.
    """

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums = ExactSums(["caught", "missed", "stopped"])

    def add(self, verdicts: Verdicts, amount: NDArray[np.float64]) -> None:
        """Count binary verdicts with their amounts, float64[k]."""
        known = np.isfinite(amount)
        positive = known & (verdicts["outcome"] == 1)
        alerted = verdicts["decision"] == 1
        self._sums.add("caught", amount[positive & alerted])
        self._sums.add("missed", amount[positive & (verdicts["decision"] == 0)])
        self._sums.add("stopped", amount[known & alerted & (verdicts["outcome"] == 0)])

    def merge(self, other: Money) -> None:
        """Count what `other` counted."""
        self._sums.merge(other._sums)

    def measures(self) -> dict[str, float]:
        """Amounts of positives with and without an alert, the share caught, and of false alerts."""
        caught, missed = self._sums["caught"], self._sums["missed"]
        share = float(caught / (caught + missed)) if caught + missed else math.nan
        return {
            "money_caught": float(caught),
            "money_missed": float(missed),
            "money_recall": share,
            "money_stopped_for_nothing": float(self._sums["stopped"]),
        }

    def state(self) -> State:
        """Everything `restore` needs."""
        return self._sums.state()

    def restore(self, state: State) -> None:
        """Take over a state made by `state`."""
        self._sums.restore(state)
