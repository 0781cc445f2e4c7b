"""How far probabilities can be trusted: log loss, Brier score, calibration."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.exact import ExactSums
from models.protocol import State

__all__ = ["Confidence"]

_CERTAIN = 1e-15  # as River: a certain and wrong answer costs 34.5, not infinity


class Confidence:
    """Probabilities against what came true.

    Probabilities are clamped to [0, 1] and, for the log loss, to 1e-15 from its ends. Sums are
    exact: results do not depend on order, cuts or merging.
    """

    __slots__ = ("_count", "_happened", "_sums")

    def __init__(self) -> None:
        self._count = 0
        self._happened = 0
        self._sums = ExactSums(["log_loss", "brier", "probability"])

    def add(self, probability: NDArray[np.float64], outcome: NDArray[np.int8]) -> None:
        """Count float64[k], none NaN, with what happened, int8[k] of 0 and 1."""
        self._count += len(outcome)
        self._happened += int(np.count_nonzero(outcome))
        clamped = np.clip(probability, 0.0, 1.0)
        self._sums.add("probability", clamped)
        self._sums.add("brier", (clamped - outcome) ** 2)
        self._sums.add("log_loss", _log_losses(clamped, np.ascontiguousarray(outcome)))

    def merge(self, other: Confidence) -> None:
        """Count what `other` counted."""
        self._count += other._count
        self._happened += other._happened
        self._sums.merge(other._sums)

    def measures(self) -> dict[str, float]:
        """Mean ``log_loss``, ``brier``, and ``calibration``, mean predicted over mean observed."""
        if not self._count:
            return dict.fromkeys(("log_loss", "brier", "calibration"), math.nan)
        predicted = self._sums["probability"]
        return {
            "log_loss": float(self._sums["log_loss"] / self._count),
            "brier": float(self._sums["brier"] / self._count),
            "calibration": float(predicted / self._happened) if self._happened else math.nan,
        }

    def state(self) -> State:
        """Everything `restore` needs."""
        return {"count": self._count, "happened": self._happened, "sums": self._sums.state()}

    def restore(self, state: State) -> None:
        """Take over a state made by `state`."""
        self._count, self._happened = state["count"], state["happened"]
        self._sums.restore(state["sums"])


@compiled
def _log_losses(probability: NDArray[np.float64], outcome: NDArray[np.int8]) -> NDArray[np.float64]:
    # A scalar loop: NumPy's logarithm may differ in the last bit between the body and the tail of
    # an array, and so between cuts.
    losses = np.empty(len(probability))
    for i in range(len(probability)):
        p = min(max(probability[i], _CERTAIN), 1.0 - _CERTAIN)
        losses[i] = -math.log(p) if outcome[i] == 1 else -math.log1p(-p)
    return losses
