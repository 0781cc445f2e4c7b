"""Hashed linear models: River estimators by themselves, compiled kernels inside a task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base

from models.hashing import MAX_BITS
from models.linear_learner import LinearLearner
from models.mixed_learner import MixedLinearLearner
from models.mixing import Mixing
from models.named import hash_row
from models.optimizers import FTRL, SGD, AdaGrad, Optimizer, check_penalty
from models.standalone import Standalone

__all__ = ["HashedLinear", "Linear", "Logistic"]


class HashedLinear(Standalone):
    """What `Logistic` and `Linear` share: hyper-parameters, and how a dict becomes a row."""

    weighs = True
    mixes = True

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

    def new(self, seed: int) -> LinearLearner:  # noqa: ARG002 - a linear model draws no numbers
        """A fresh learner; all begin with zeros, whatever the seed."""
        return LinearLearner(self.kind, self.bits, self.optimizer, *self._penalties, self.intercept)

    def new_mixed(self, seed: int, partition: int, mixing: Mixing) -> MixedLinearLearner:  # noqa: ARG002 - as above
        """A fresh learner for a partition, that mixes with those of the others."""
        declared = self.kind, self.bits, self.optimizer, *self._penalties, self.intercept
        return MixedLinearLearner(*declared, partition, mixing)

    @property
    def _penalties(self) -> tuple[float, float]:
        penalised = self.optimizer if isinstance(self.optimizer, FTRL) else self
        return penalised.l1, penalised.l2

    def _entries(self, x: Mapping[Any, Any]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        return hash_row(x, self.bits, self.seed)


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
