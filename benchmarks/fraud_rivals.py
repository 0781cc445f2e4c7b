"""What River makes of the handbook's features: streaming, labels a week late, without Kafka."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray
from river import forest, imblearn, linear_model, preprocessing

from benchmarks.handbook import DELAY_DAYS, TEST_WEEK, Payments

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
    names, places, numbers = _read(features, known)
    at, fraud = known.at[places], known.fraud[places].tolist()
    score = np.full(len(known), np.nan)
    learned = 0
    for now in np.flatnonzero((at >= TEST_WEEK) & (at < TEST_WEEK + 7)).tolist():
        while at[learned] <= at[now] - np.timedelta64(DELAY_DAYS, "D"):
            model.learn_one(_row(names, numbers[learned]), fraud[learned])
            learned += 1
        score[places[now]] = model.predict_proba_one(_row(names, numbers[now])).get(True, 0.0)
    return score


def _read(
    file: Path, known: Payments
) -> tuple[Sequence[str], NDArray[np.int64], NDArray[np.float64]]:
    """The features' names, the places of their payments, ascending, and the rows: float64[m, d]."""
    table = parquet.read_table(file)
    order = np.argsort(known.id)
    places = order[np.searchsorted(known.id[order], table["TRANSACTION_ID"].to_numpy())]
    by_time = np.argsort(places)
    places, table = places[by_time], table.drop_columns("TRANSACTION_ID").take(by_time)
    numbers = [column.to_numpy() for column in table.columns]
    columns = [known.amount[places], *numbers]
    return ["TX_AMOUNT", *table.column_names], places, np.stack(columns, axis=1, dtype=np.float64)


def _row(names: Sequence[str], numbers: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(names, numbers.tolist(), strict=True))
