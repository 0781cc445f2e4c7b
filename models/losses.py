"""What an answer costs once its label is known: bounded, so that no single label decides."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.column import listed
from models.compiled import compiled
from models.protocol import Kind, Plan, Scores, State, Target

__all__ = ["Losses"]

_SUREST = 1e-3
"""Log loss counts no probability as closer to 0 or 1."""

_UNANSWERED = -1.0
_SQRT_HALF = math.sqrt(0.5)
_LN2 = math.log(2.0)


class Losses:
    """The loss of each answer, in the order in which labels are learned.

    Binary: log loss, of probabilities from 0.001 to 0.999. Multiclass: 1 where the class is
    another. Regression: e / (e + s) of the absolute error e, where s is the mean of the targets'
    distances from their mean, over the labels before. Where a model had no answer, its answer
    counts as 1/2, as no class, and as 0.

    Labels of the classes of a binary model are of two ``groups``: how often each class is labelled,
    and how soon, is apart from how well it is predicted.

    Raises:
        ValueError: an anomaly score claims nothing that a label could be set against.
    """

    def __init__(self, kind: Kind, asked_by: str) -> None:
        if kind == "anomaly":
            raise ValueError(
                f"{asked_by} of an anomaly model: its scores are not probabilities of anything, so "
                "no loss can be counted; give it a classifier or a regressor"
            )
        self.kind = kind
        self.bound = -_log(_SUREST) if kind == "binary" else 1.0
        self.groups = 2 if kind == "binary" else 1
        self._classes: dict[Target, float] = {}
        self._spread = np.zeros(3)

    def answers(self, scores: Scores) -> NDArray[np.float64]:
        """What is to be remembered of answers, float64[n], all finite."""
        if self.kind == "multiclass":
            decided = [] if scores.decision is None else listed(scores.decision)
            return np.array([self._number(one) for one in decided], np.float64)
        silence = 0.5 if self.kind == "binary" else 0.0
        return np.where(np.isfinite(scores.value), scores.value, silence)

    def labels(self, plan: Plan) -> NDArray[np.float64]:
        """The labels of a plan with the scale of each one's error, float64[k, 2]."""
        labels = np.ones((len(plan.target), 2))
        if self.kind == "multiclass":
            labels[:, 0] = [self._number(one) for one in listed(plan.target)]
        else:
            labels[:, 0] = plan.target
        if self.kind == "regression":
            _scale(labels, self._spread)
        return labels

    def of(self, answer: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """The loss of each answer, float64[k], 0 to ``bound``."""
        if self.kind == "binary":
            return _log_losses(answer, labels)
        if self.kind == "multiclass":
            return np.not_equal(answer, labels[:, 0]).astype(np.float64)
        return _distances(answer, labels)

    def group(self, labels: NDArray[np.float64]) -> NDArray[np.int64]:
        """The group of each label, int64[k]."""
        if self.kind == "binary":
            return labels[:, 0].astype(np.int64)
        return np.zeros(len(labels), np.int64)

    def state(self) -> State:
        """Everything `restore` needs."""
        return {"classes": list(self._classes), "spread": self._spread.copy()}

    def restore(self, state: State) -> None:
        """Take over a state made by `state`."""
        self._classes = {name: float(number) for number, name in enumerate(state["classes"])}
        self._spread = state["spread"].copy()

    def _number(self, name: Target | None) -> float:
        if name is None:
            return _UNANSWERED
        return self._classes.setdefault(name, float(len(self._classes)))


@compiled
def _log(x: float) -> float:
    """The natural logarithm of a number from 1e-300 to 1.

    Made of what IEEE 754 defines to the bit, as C libraries differ: x = m·2ᵏ with m near 1, and
    log m = 2 artanh((m - 1) / (m + 1)) as a series, |(m - 1) / (m + 1)| < 0.172.
    """
    m, k = math.frexp(x)
    if m < _SQRT_HALF:
        m *= 2.0
        k -= 1
    z = (m - 1.0) / (m + 1.0)
    square = z * z
    series, term = 0.0, z
    for odd in range(1, 24, 2):
        series += term / odd
        term *= square
    return 2.0 * series + k * _LN2


@compiled
def _log_losses(
    probability: NDArray[np.float64], labels: NDArray[np.float64]
) -> NDArray[np.float64]:
    losses = np.empty(len(probability))
    for i in range(len(probability)):
        p = probability[i] if labels[i, 0] == 1.0 else 1.0 - probability[i]
        losses[i] = -_log(min(max(p, _SUREST), 1.0 - _SUREST))
    return losses


@compiled
def _distances(answer: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    losses = np.empty(len(answer))
    for i in range(len(answer)):
        error = abs(answer[i] - labels[i, 0])
        if error == 0.0:
            losses[i] = 0.0
        else:
            losses[i] = error / (error + labels[i, 1]) if math.isfinite(error) else 1.0
    return losses


@compiled
def _scale(labels: NDArray[np.float64], spread: NDArray[np.float64]) -> None:
    """Write each label's scale; `spread` holds count, mean and mean distance of those before."""
    for i in range(len(labels)):
        labels[i, 1] = spread[2]
        spread[0] += 1.0
        distance = abs(labels[i, 0] - spread[1])
        spread[1] += (labels[i, 0] - spread[1]) / spread[0]
        spread[2] += (distance - spread[2]) / spread[0]
