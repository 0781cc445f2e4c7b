"""What each system with River does with one payment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from river.linear_model import LogisticRegression
from river.optim import SGD
from river.preprocessing import FeatureHasher

from benchmarks.systems import BITS, CATEGORIES, LEARNING_RATE

__all__ = ["Scorer"]


class Scorer:
    """River's hashed logistic regression."""

    def __init__(self) -> None:
        self._model = FeatureHasher(2**BITS, seed=0) | LogisticRegression(SGD(LEARNING_RATE))

    def answer(self, payment: Mapping[str, Any], partition: int, offset: int) -> dict[str, Any]:
        """Score a payment, then learn its label; answers the prediction to publish."""
        x = {name: payment[name] for name in CATEGORIES}
        x["amount"] = math.log1p(payment["amount"])
        score = self._model.predict_proba_one(x)[True]
        self._model.learn_one(x, payment["fraud"] == 1)
        return {
            "id": payment["id"],
            "score": score,
            "decision": int(score > 0.5),
            "at": payment["at"],
            "partition": partition,
            "offset": offset,
        }
