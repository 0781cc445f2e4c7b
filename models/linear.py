"""Hashed linear models: River estimators by themselves, compiled kernels inside a task.

One implementation: the estimator's `learn_one` is a plan of one step.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from river import base

from models.hashing import MAX_BITS
from models.linear_learner import LinearLearner
from models.named import hash_row
from models.optimizers import FTRL, SGD, AdaGrad, Optimizer, check_penalty
from models.protocol import Kind, Plan, Target
from models.rows import Rows
from models.targets import refusal

__all__ = ["HashedLinear", "Linear", "Logistic"]


class HashedLinear:
    """What `Logistic` and `Linear` share: the declaration, and a learner of one's own.

    Hyper-parameters cannot change after construction; `clone` makes a model with others.
    """

    kind: ClassVar[Kind]
    form: ClassVar[Literal["hashed"]] = "hashed"
    weighs: ClassVar[bool] = True

    def __init__(
        self,
        bits: int = 20,
        optimizer: Optimizer | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        intercept: bool = True,
        seed: int = 0,
    ) -> None:
        name = type(self).__name__
        if optimizer is None:
            optimizer = AdaGrad()
        if not isinstance(optimizer, (SGD, AdaGrad, FTRL)):
            raise TypeError(
                f"{name}(optimizer={optimizer!r}): a compiled model steps by thalweg's own "
                f"optimizers; write {name}(optimizer=AdaGrad(0.05)), or SGD, or FTRL"
            )
        if not (isinstance(bits, int) and 1 <= bits <= MAX_BITS):
            raise ValueError(
                f"{name}(bits={bits!r}): the table has 2**bits weights, bits from 1 to "
                f"{MAX_BITS}; write {name}(bits=20) for a million"
            )
        for penalty, number in (("l1", l1), ("l2", l2)):
            check_penalty(name, penalty, number)
        if isinstance(optimizer, FTRL) and (l1 or l2):
            raise ValueError(
                f"{name}(optimizer=FTRL(…), l1={l1}, l2={l2}): FTRL has penalties of its own; "
                f"write {name}(optimizer=FTRL(l1={l1}, l2={l2}))"
            )
        self.bits = bits
        self.optimizer: Optimizer = optimizer
        self.l1 = l1
        self.l2 = l2
        self.intercept = intercept
        self.seed = seed
        self._own: tuple[LinearLearner, Rows] | None = None

    def describe(self) -> Mapping[str, Any]:
        """Every hyper-parameter; equal where two models learn the same from the same rows."""
        return {
            "model": type(self).__name__,
            "bits": self.bits,
            "optimizer": self.optimizer.describe(),
            "l1": self.l1,
            "l2": self.l2,
            "intercept": self.intercept,
            "seed": self.seed,
        }

    def accepts(self, target: Target) -> str | None:
        """Why this label cannot be learned; None: it can."""
        return refusal(self.kind, target)

    def new(self, seed: int) -> LinearLearner:  # noqa: ARG002 - a linear model draws no numbers
        """A fresh learner; all begin with zeros, whatever the seed."""
        penalised = self.optimizer if isinstance(self.optimizer, FTRL) else self
        return LinearLearner(
            self.kind, self.bits, self.optimizer, penalised.l1, penalised.l2, self.intercept
        )

    def learn_one(self, x: Mapping[Any, Any], y: Target) -> None:
        """Learn one event outside a task."""
        if reason := self.accepts(y):
            raise ValueError(f"{type(self).__name__}.learn_one: {reason}")
        self._step(x, y)

    def _step(self, x: Mapping[Any, Any], y: Target | None = None) -> float:
        """Score one event, or learn it where there is a label."""
        if self._own is None:
            self._own = self.new(self.seed), Rows()
        learner, rows = self._own
        index, value = hash_row(x, self.bits, self.seed)
        row = rows.append(np.array([len(index)]), index, value)
        plan = Plan()
        if y is None:
            plan.score(row)
        else:
            plan.learn(row, y)
        scores = learner.run(plan, rows)
        rows.drop_before(rows.next)
        return float(scores.value[0]) if y is None else math.nan

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__ and name in inspect.signature(type(self)).parameters:
            raise AttributeError(
                f"{name} of a {type(self).__name__} is fixed once it is made; "
                f"write model.clone({{{name!r}: {value!r}}})"
            )
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        own = None if self._own is None else self._own[0].state()
        return {**self.__dict__, "_own": own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _own=None)
        if state["_own"] is not None:
            self._own = self.new(self.seed), Rows()
            self._own[0].restore(state["_own"])


class Logistic(HashedLinear, base.Classifier):  # type: ignore[misc]  # River ships no types
    """Logistic regression on hashed features, for two classes.

    Text values are hashed as categories, numbers weigh their feature's name. Strictly one event
    after another: any cut of a stream gives the same weights, to the bit.

    Parameters
    ----------
    bits
        The table has ``2**bits`` weights, bits from 1 to 30; float64, so 20 bits are 8 MB, twice
        that with AdaGrad and three times with FTRL.
    optimizer
        ``SGD``, ``AdaGrad`` or ``FTRL``; ``AdaGrad(0.05)`` by default.
    l1
        Lasso penalty of the weights an event touches (FTRL has its own).
    l2
        Ridge penalty of the weights an event touches (FTRL has its own).
    intercept
        Whether to learn one; it is never penalised.
    seed
        Of the hash. Fixed, so that two models put a feature into the same bucket.

    Examples
    --------
    >>> from river import datasets, evaluate, metrics, preprocessing
    >>> model = preprocessing.StandardScaler() | Logistic()
    >>> evaluate.progressive_val_score(datasets.Phishing(), model, metrics.Accuracy())
    Accuracy: 89.44%

    """

    kind = "binary"

    def predict_proba_one(self, x: Mapping[Any, Any]) -> dict[bool, float]:
        """The probabilities of False and True; none where the score is not finite."""
        p = self._step(x)
        return {} if math.isnan(p) else {False: 1.0 - p, True: p}


class Linear(HashedLinear, base.Regressor):  # type: ignore[misc]  # River ships no types
    """Linear regression by squared error on hashed features.

    Parameters
    ----------
    bits
        The table has ``2**bits`` weights, bits from 1 to 30; float64, so 20 bits are 8 MB, twice
        that with AdaGrad and three times with FTRL.
    optimizer
        ``SGD``, ``AdaGrad`` or ``FTRL``; ``AdaGrad(0.05)`` by default.
    l1
        Lasso penalty of the weights an event touches (FTRL has its own).
    l2
        Ridge penalty of the weights an event touches (FTRL has its own).
    intercept
        Whether to learn one; it is never penalised.
    seed
        Of the hash. Fixed, so that two models put a feature into the same bucket.

    Examples
    --------
    >>> from river import datasets, evaluate, metrics, preprocessing
    >>> model = preprocessing.StandardScaler() | Linear(optimizer=SGD(0.05))
    >>> evaluate.progressive_val_score(datasets.TrumpApproval(), model, metrics.MAE())
    MAE: 0.865422

    """

    kind = "regression"

    def predict_one(self, x: Mapping[Any, Any]) -> float:
        """The prediction; NaN where it is not finite."""
        return self._step(x)
