"""Models for rare classes: fewer labels of the common class, or more weight for the rare one.

Either changes the base rate that is learned, and so the scores; they are corrected for it, so that
a score is still the probability: p = b·s / (b·s − s + 1), where s is what was learned and b by how
much the odds were changed.

Source: Dal Pozzolo, Caelen, Johnson, Bontempi 2015, "Calibrating Probability with Undersampling for
Unbalanced Classification", IEEE SSCI, equation 4. The same holds of weights (Elkan 2001, "The
Foundations of Cost-Sensitive Learning", IJCAI, theorem 2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.column import where_known
from models.compiled import compiled
from models.protocol import LEARN, Learner, Plan, Scores, State
from models.wrapped import Wrapped, WrappedLearner

__all__ = ["Undersampled", "Weighted"]


class Undersampled(Wrapped):
    """A model that learns only a share of the labels of one class, its scores corrected.

    Which ones is decided by a hash of the number of the event's row in its partition: the same in
    every replay. For our own models and for River's; it costs less time as well.

    Args:
        model: for two classes.
        keep: share of the labels that is learned, between 0 and 1.
        of: the class it is of, usually the common one.
        seed: another one keeps other labels.
        correct: the scores, for the changed base rate.

    Raises:
        ValueError: the model is not for two classes, or `keep` is no such share.

    >>> from models import Logistic
    >>> Undersampled(Logistic(), keep=0.1).describe()["keep"]
    0.1
    """

    def __init__(
        self, model: Any, keep: float, *, of: int = 0, seed: int = 0, correct: bool = True
    ) -> None:
        super().__init__(model)
        _check_two_classes(self)
        if not 0.0 < keep <= 1.0:
            raise ValueError(
                f"Undersampled(…, keep={keep!r}): it is the share of labels that is learned; "
                "write keep=0.1 for a tenth of them"
            )
        if of not in (0, 1):
            raise ValueError(f"Undersampled(…, of={of!r}): there are two classes; write of=0")
        self.keep, self.of, self.salt, self.correct = float(keep), int(of), seed, correct

    def describe(self) -> Mapping[str, Any]:
        """What is kept, and of which model."""
        return {
            "model": type(self).__name__,
            "of": self.of,
            "keep": self.keep,
            "seed": self.salt,
            "correct": self.correct,
            "inner": self.model.describe(),
        }

    def new(self, seed: int) -> UndersampledLearner:
        """A fresh learner; of two seeds, each keeps labels of its own."""
        odds = self.keep if self.of == 0 else 1.0 / self.keep
        odds = odds if self.correct else 1.0
        return UndersampledLearner(self.model.new(seed), self.keep, self.of, self.salt + seed, odds)


class Weighted(Wrapped):
    """A model that counts labels of one class more than those of the other, its scores corrected.

    Args:
        model: for two classes, that learns with weights: our own, or a River estimator with
            ``learn_one(x, y, w=…)``.
        weights: by class; one that is not named has the weight 1.
        correct: the scores, for the changed base rate.

    Raises:
        ValueError: the model cannot do it, or a weight is not positive and finite.

    >>> from models import Logistic
    >>> Weighted(Logistic(), {1: 10.0}).describe()["weights"]
    [1.0, 10.0]
    """

    def __init__(self, model: Any, weights: Mapping[int, float], *, correct: bool = True) -> None:
        super().__init__(model)
        _check_two_classes(self)
        if not self.weighs:
            raise ValueError(
                f"Weighted({self.model}, …): its learn_one takes no weight, w=…; write "
                f"Undersampled(…, keep={_rounded(weights)}), which gives the classes the same "
                "balance and works with any model"
            )
        for one, weight in weights.items():
            if one not in (0, 1) or not (weight > 0 and math.isfinite(weight)):
                raise ValueError(
                    f"Weighted(…, {{{one!r}: {weight!r}}}): a positive weight for the class 0 or "
                    "1; write {1: 10.0}"
                )
        self.weights = float(weights.get(0, 1.0)), float(weights.get(1, 1.0))
        self.correct = correct

    def describe(self) -> Mapping[str, Any]:
        """The weights, and of which model."""
        return {
            "model": type(self).__name__,
            "weights": list(self.weights),
            "correct": self.correct,
            "inner": self.model.describe(),
        }

    def new(self, seed: int) -> WeightedLearner:
        """A fresh learner."""
        odds = self.weights[0] / self.weights[1] if self.correct else 1.0
        return WeightedLearner(self.model.new(seed), self.weights, odds)


class UndersampledLearner(WrappedLearner):
    """Has a learner carry out a part of each plan."""

    def __init__(self, inner: Learner[Any], keep: float, of: int, seed: int, odds: float) -> None:
        super().__init__(inner)
        self._keep, self._of, self._seed, self._odds = keep, of, seed, odds

    def run(self, plan: Plan, rows: Any) -> Scores:
        """Carry out the plan without the labels that are not kept, strictly in order."""
        op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
        learns, steps = op == LEARN, np.ones(len(op), np.bool_)
        target = np.asarray(plan.target, np.float64)
        steps[learns] = (target != self._of) | _kept(row[learns], self._keep, self._seed)
        return _corrected(self._inner.run(plan.only(steps), rows), self._odds)

    def state(self) -> State:
        """The state of the learner inside, and what the choice is seeded with."""
        return {"seed": self._seed, "inner": self._inner.state()}

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""
        self._seed = state["seed"]
        self._inner.restore(state["inner"])


class WeightedLearner(WrappedLearner):
    """Has a learner count each label by its class."""

    def __init__(self, inner: Learner[Any], weights: tuple[float, float], odds: float) -> None:
        super().__init__(inner)
        self._weights, self._odds = np.array(weights), odds

    def run(self, plan: Plan, rows: Any) -> Scores:
        """Carry out the plan, strictly in order; weights it has already are multiplied."""
        weight = self._weights[np.asarray(plan.target, np.int64)]
        if plan.weight is not None:
            weight *= plan.weight
        return _corrected(self._inner.run(replace(plan, weight=weight), rows), self._odds)


def _corrected(scores: Scores, odds: float) -> Scores:
    """Scores over classes whose odds were divided by `odds`, as probabilities again."""
    learned = scores.value
    value = odds * learned / (odds * learned - learned + 1.0)
    return Scores(value, where_known(value > 0.5, ~np.isnan(value)))


@compiled
def _kept(row: NDArray[np.int64], keep: float, seed: int) -> NDArray[np.bool_]:
    """Whether each row is of the share that is kept: by SplitMix64 of its number (Steele 2014)."""
    kept = np.empty(len(row), np.bool_)
    for n in range(len(row)):
        mixed = np.uint64(row[n]) + np.uint64(seed) * np.uint64(0xD1B54A32D192ED03)
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
        kept[n] = float(mixed >> np.uint64(11)) * 2.0**-53 < keep
    return kept


def _check_two_classes(model: Wrapped) -> None:
    if model.kind != "binary":
        raise ValueError(
            f"{type(model).__name__}(…) of a {model.kind} model: there are no two classes to "
            "balance; write it around a model of two classes"
        )


def _rounded(weights: Mapping[int, float]) -> str:
    return f"{float(weights.get(0, 1.0)) / float(weights.get(1, 1.0) or 1.0):.2g}"
