"""What River makes of the handbook's features: streaming, labels a week late, without Kafka."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import forest, imblearn, linear_model, preprocessing

from benchmarks.handbook import DELAY_DAYS, TEST_WEEK, Payments, read_features

__all__ = ["RIVALS", "progressive"]


def logistic_regression() -> Any:
    return preprocessing.StandardScaler() | linear_model.LogisticRegression()


def random_forest() -> Any:
    """On all frauds and as many genuine payments as make nine tenths; the order stays the same."""
    return imblearn.RandomUnderSampler(
        forest.ARFClassifier(n_models=10, seed=1), desired_dist={False: 0.9, True: 0.1}, seed=1
    )


RIVALS: Mapping[str, Callable[[], Any]] = {
    "River logistic regression": logistic_regression,
    "River adaptive random forest": random_forest,
}


def progressive(model: Any, known: Payments, features: Path) -> NDArray[np.float64]:
    """Scores of the test week's payments, float64[n], NaN of all others.

    Args:
        model: learns each payment when it is known what it was, before those of that moment are
            scored.
        known: all payments.
        features: ``handbook_features.parquet``, which begins on 2018-06-11.
    """
    names, places, numbers = read_features(features, known)
    at, fraud = known.at[places], known.fraud[places].tolist()
    score = np.full(len(known), np.nan)
    learned = 0
    for now in np.flatnonzero((at >= TEST_WEEK) & (at < TEST_WEEK + 7)).tolist():
        while at[learned] <= at[now] - np.timedelta64(DELAY_DAYS, "D"):
            model.learn_one(_row(names, numbers[learned]), fraud[learned])
            learned += 1
        score[places[now]] = model.predict_proba_one(_row(names, numbers[now])).get(True, 0.0)
    return score


def _row(names: Sequence[str], numbers: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(names, numbers.tolist(), strict=True))
