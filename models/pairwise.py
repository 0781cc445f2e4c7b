"""An additive model of numbers and of pairs of numbers, cut into bins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base

from models.hashing import MAX_BITS, sign, token
from models.named import entries
from models.optimizers import AdaGrad, check_penalty
from models.pairwise_learner import PairwiseLearner
from models.standalone import Standalone

__all__ = ["Pairwise"]

_MOST_BINS = 64


class Pairwise(Standalone, base.Classifier):  # type: ignore[misc]  # River ships no types
    """Logistic regression on bins of numbers and on all pairs of them, for two classes.

    Every number is cut into bins; each bin of a number, and each pair of bins of two numbers, has a
    weight of its own. So it learns steps and interactions that a linear model cannot, strictly one
    event after another, and what it says can be taken apart number by number. Categories (hashed
    texts) add a weight each, as in `Logistic`.

    A generalised additive model with pairwise interactions (Lou, Caruana, Gehrke, Hooker 2013,
    "Accurate Intelligible Models with Pairwise Interactions", KDD), all pairs of it, learned by
    AdaGrad. Coarse bins learn fast and fine ones see more: several models with bins of their own
    answer with the mean of their log-odds. The bins are quantiles of what was learned so far, of
    either class with a share of its own (`models.edges`).

    Parameters
    ----------
    bins
        Into how many bins each of the models cuts a number, from 2 to 64 each.
    optimizer
        ``AdaGrad(0.02)`` by default.
    l2
        Ridge penalty of the weights an event touches. It is also how fast what is confirmed no more
        is forgotten.
    l2_alone
        The same of the bins of single numbers; None: no other. What they say of most events lasts,
        and is little: a penalty that keeps pairs from learning noise takes that away, too.
    prior
        Share of the positive class that is expected: where the intercept begins. At a share that is
        far from it, all bins begin by learning that, those that are met often before others.
    positives
        Share of the positive class in the quantiles, from 0 to 1. The rarer it is, the more of the
        bins are to tell its numbers apart.
    bits
        The table of the categories has ``2**bits`` weights for each model.
    seed
        Of the hash.

    Examples
    --------
    >>> from river import datasets, evaluate, metrics
    >>> model = Pairwise(optimizer=AdaGrad(0.1), l2=0.001, positives=0.5)
    >>> evaluate.progressive_val_score(datasets.Phishing(), model, metrics.Accuracy())
    Accuracy: 89.04%

    """

    kind = "binary"
    slots = True
    weighs = True

    def __init__(
        self,
        bins: Sequence[int] = (6, 24),
        optimizer: AdaGrad | None = None,
        l2: float = 0.1,
        positives: float = 0.75,
        bits: int = 18,
        seed: int = 0,
        l2_alone: float | None = None,
        prior: float = 0.5,
    ) -> None:
        if optimizer is None:
            optimizer = AdaGrad(0.02)
        if not isinstance(optimizer, AdaGrad):
            raise TypeError(
                f"Pairwise(optimizer={optimizer!r}): the bins of a number are met so unequally "
                "often that each needs a rate of its own; write Pairwise(optimizer=AdaGrad(0.02))"
            )
        if not bins or not all(type(it) is int and 2 <= it <= _MOST_BINS for it in bins):
            raise ValueError(
                f"Pairwise(bins={bins!r}): a sequence of whole numbers from 2 to {_MOST_BINS}, one "
                "for each model; write Pairwise(bins=(6, 24))"
            )
        if not (isinstance(bits, int) and 1 <= bits <= MAX_BITS):
            raise ValueError(
                f"Pairwise(bits={bits!r}): the categories have 2**bits weights, bits from 1 to "
                f"{MAX_BITS}; write Pairwise(bits=18)"
            )
        if not 0.0 <= positives <= 1.0:
            raise ValueError(
                f"Pairwise(positives={positives!r}): a share, from 0 to 1; write "
                "Pairwise(positives=0.75)"
            )
        if not 0.0 < prior < 1.0:
            raise ValueError(
                f"Pairwise(prior={prior!r}): a share between 0 and 1; write "
                "Pairwise(prior=0.01) for one in a hundred"
            )
        check_penalty("Pairwise", "l2", l2)
        if l2_alone is not None:
            check_penalty("Pairwise", "l2_alone", l2_alone)
        self.bins = tuple(bins)
        self.optimizer = optimizer
        self.l2 = l2
        self.positives = positives
        self.bits = bits
        self.seed = seed
        self.l2_alone = l2_alone
        self.prior = prior
        self._slots: dict[str, int] | None = None

    def describe(self) -> Mapping[str, Any]:
        """Every hyper-parameter; equal where two models learn the same from the same rows.

        `l2_alone` and `prior` only where they are other than usual, as they were not always there.
        """
        described = {
            "model": type(self).__name__,
            "bins": list(self.bins),
            "optimizer": self.optimizer.describe(),
            "l2": self.l2,
            "positives": self.positives,
            "bits": self.bits,
            "seed": self.seed,
        }
        if self.l2_alone is not None:
            described["l2_alone"] = self.l2_alone
        if self.prior != 0.5:
            described["prior"] = self.prior
        return described

    def new(self, seed: int) -> PairwiseLearner:  # noqa: ARG002 - it draws no numbers
        """A fresh learner; all begin alike, whatever the seed."""
        l2 = self.l2, self.l2 if self.l2_alone is None else self.l2_alone
        begin = math.log(self.prior / (1.0 - self.prior))
        return PairwiseLearner(self.bins, self.bits, self.optimizer, l2, self.positives, begin)

    def predict_proba_one(self, x: Mapping[Any, Any]) -> dict[bool, float]:
        """The probabilities of False and True; none where the score is not finite."""
        p = self._step(x)
        return {} if math.isnan(p) else {False: 1.0 - p, True: p}

    def _entries(self, x: Mapping[Any, Any]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Outside of a task its numbers are those of the first event; others are passed over."""
        found = list(entries(x))
        if self._slots is None:
            names = sorted(one.name for one in found if not one.categories)
            self._slots = {name: -1 - slot for slot, name in enumerate(names)}
        index, value = [], []
        for name, categories, number in found:
            if categories and name not in self._slots:
                hashed = token(name, categories, self.seed)
                index.append(hashed & ((1 << self.bits) - 1))
                value.append(number * sign(hashed))
            elif name in self._slots:
                index.append(self._slots[name])
                value.append(math.nan if categories else number)
        for name, slot in self._slots.items():
            if name not in x:
                index.append(slot)
                value.append(math.nan)
        return np.array(index, np.int32), np.array(value, np.float64)
