"""Models that answer together: what `models.averaged` and `models.bysource` share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models import kernels
from models.column import where_known
from models.compiled import fused
from models.kernels import sigmoid
from models.protocol import Kind, Learner, Scores, State
from models.sharing import Shared

__all__ = ["Average", "Averaging", "AveragingLearner"]

Average = Literal["probability", "log-odds"]
"""What is averaged; of a regression, ``"probability"`` means the prediction itself."""

# Nearer to 0 and 1 a probability counts as this one: its log-odds stay finite.
_SUREST = 1e-15


class Averaging(Shared):
    """Models whose answers are averaged, each with a weight.

    Args:
        models: by name; for two classes or a number, and of the same rows.
        weights: how much each one's answer counts, by name; 1 where nothing is said.

    Raises:
        TypeError: one of them is no model.
        ValueError: they do not go together; the text says what to write instead.
    """

    def __init__(self, models: Mapping[str, Any], weights: Mapping[str, float] | None) -> None:
        super().__init__(models)
        name = type(self).__name__
        if self.kind not in ("binary", "regression"):
            raise ValueError(
                f"{name}: {self.kind} answers cannot be averaged; write models of two classes"
            )
        for one, weight in (weights or {}).items():
            if one not in self.models or not (weight > 0 and math.isfinite(weight)):
                raise ValueError(
                    f"{name}(weights={{{one!r}: {weight!r}}}): each weight is a positive number "
                    f"for one of {', '.join(self.models)}; write weights={{{next(iter(models))!r}: "
                    "2.0}"
                )
        self.weights = {it: float((weights or {}).get(it, 1.0)) for it in self.models}
        self.weighs = all(getattr(model, "weighs", False) for model in self.models.values())

    def parts(self, seed: int) -> dict[str, Any]:
        """A fresh learner of each; they have seeds of their own."""
        return {name: model.new(seed + n) for n, (name, model) in enumerate(self.models.items())}


class AveragingLearner:
    """Several learners at work.

    Args:
        kind: of all.
        parts: the learners, by name.
        weights: of each.
        average: what is averaged.
    """

    def __init__(
        self,
        kind: Kind,
        parts: Mapping[str, Learner[Any]],
        weights: Sequence[float],
        average: Average,
    ) -> None:
        self.kind = kind
        self._parts = parts
        self._weights = np.array(weights, np.float64)
        self._log_odds = average == "log-odds"

    @property
    def memory(self) -> int | None:
        """Bytes of all weight tables; None where a model has none."""
        sizes = [getattr(part, "memory", None) for part in self._parts.values()]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def state(self) -> State:
        """The states of all."""
        return {"parts": {name: part.state() for name, part in self._parts.items()}}

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""
        for name, part in self._parts.items():
            part.restore(state["parts"][name])

    def _averaged(self, answers: NDArray[np.float64]) -> Scores:
        """The average of each column of answers, float64[parts, n]; NaN has no say in it."""
        value = np.empty(answers.shape[1])
        _average(answers, self._weights, self._log_odds, value)
        if self.kind != "binary":
            return Scores(value, None)
        return Scores(value, where_known(value > 0.5, ~np.isnan(value)))


@fused(kernels)
def _average(
    answers: NDArray[np.float64],
    weights: NDArray[np.float64],
    log_odds: bool,
    value: NDArray[np.float64],
) -> None:
    for n in range(answers.shape[1]):
        total = weight = 0.0
        for k in range(len(weights)):
            answer = answers[k, n]
            if math.isnan(answer):
                continue
            if log_odds:
                answer = min(max(answer, _SUREST), 1.0 - _SUREST)
                answer = math.log(answer / (1.0 - answer))
            total += weights[k] * answer
            weight += weights[k]
        value[n] = total / weight if weight > 0.0 else math.nan
        if log_odds and weight > 0.0:
            value[n] = sigmoid(value[n])
