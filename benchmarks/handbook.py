"""The *Fraud Detection Handbook*'s payments, its test week, and its measures.

Le Borgne, Siblini, Lebichot, Bontempi 2022, "Reproducible Machine Learning for Credit Card Fraud
Detection", chapters 3.4 (which payments a week is measured on) and 4 (the measures).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray

__all__ = [
    "DELAY_DAYS",
    "EARLIER",
    "TEST_WEEK",
    "Figures",
    "Payments",
    "average_precision",
    "card_precision",
    "figures",
    "mean_figures",
    "measured",
    "read",
    "read_features",
    "roc_auc",
]

DELAY_DAYS = 7
"""After which it is known what a payment was."""

TEST_WEEK = np.datetime64("2018-08-08")
EARLIER = tuple(TEST_WEEK - 7 * back for back in range(12, 0, -1))
"""The first days of the weeks before it, on which everything was chosen."""

_WEEK = 7
_CARDS = 100  # that can be looked into on a day


@dataclass(frozen=True)
class Payments:
    """Columns of n payments, by time.

    Attributes:
        id: int64[n].
        at: datetime64[s][n].
        customer: int64[n].
        amount: float64[n].
        fraud: bool[n].
    """

    id: NDArray[np.int64]
    at: NDArray[np.datetime64]
    customer: NDArray[np.int64]
    amount: NDArray[np.float64]
    fraud: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.id)

    @property
    def day(self) -> NDArray[np.datetime64]:
        """datetime64[D][n]."""
        return self.at.astype("datetime64[D]")

    def before(self, day: np.datetime64) -> Payments:
        """Those of earlier days."""
        return self.at_places(slice(int(np.searchsorted(self.at, day))))

    def at_places(self, places: NDArray[np.int64] | slice) -> Payments:
        """Those at some places."""
        columns = (self.id, self.at, self.customer, self.amount, self.fraud)
        return Payments(*(column[places] for column in columns))


class Figures(NamedTuple):
    """Area under the ROC curve, average precision, and card precision at 100 a day."""

    auc: float
    ap: float
    cp100: float


def read(file: Path) -> Payments:
    """The payments of ``handbook_raw.parquet``."""
    names = ["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TX_AMOUNT", "TX_FRAUD"]
    ids, at, customer, amount, fraud = (
        column.to_numpy() for column in parquet.read_table(file, columns=names).columns
    )
    return Payments(
        ids.astype(np.int64),
        at.astype("datetime64[s]"),
        customer.astype(np.int64),
        amount.astype(np.float64),
        fraud.astype(np.bool_),
    )


def read_features(
    file: Path, known: Payments
) -> tuple[Sequence[str], NDArray[np.int64], NDArray[np.float64]]:
    """The columns of ``handbook_features.parquet``, which begins on 2018-06-11, after the amount.

    Answers their names, the places of their payments, ascending, and the rows: float64[m, d].
    """
    table = parquet.read_table(file)
    order = np.argsort(known.id)
    places = order[np.searchsorted(known.id[order], table["TRANSACTION_ID"].to_numpy())]
    by_time = np.argsort(places)
    places, table = places[by_time], table.drop_columns("TRANSACTION_ID").take(by_time)
    numbers = [column.to_numpy() for column in table.columns]
    columns = [known.amount[places], *numbers]
    return ["TX_AMOUNT", *table.column_names], places, np.stack(columns, axis=1, dtype=np.float64)


def measured(payments: Payments, week: np.datetime64) -> NDArray[np.int64]:
    """Places of the payments that a week is measured on, by time.

    Those of cards that were not known to be compromised: by a fraud in the week that ends with the
    delay before it, or, on its later days, by one that has become known meanwhile.
    """
    known: set[int] = set()
    places = []
    for day in np.arange(week, week + _WEEK):
        # Known in the morning is what happened until the delay and a day ago.
        since = week - DELAY_DAYS - _WEEK if not places else day - DELAY_DAYS - 1
        known.update(payments.customer[_of_days(payments, since, day - DELAY_DAYS)].tolist())
        todays = _of_days(payments, day, day + 1, frauds=False)
        fresh = ~np.isin(payments.customer[todays], list(known))
        places.append(todays[fresh])
    return np.concatenate(places)


def _of_days(
    payments: Payments, begin: np.datetime64, end: np.datetime64, *, frauds: bool = True
) -> NDArray[np.int64]:
    inside = (payments.day >= begin) & (payments.day < end)
    return np.flatnonzero(inside & payments.fraud if frauds else inside)


def figures(payments: Payments, score: NDArray[np.float64], week: np.datetime64) -> Figures:
    """Of a week; `score` is float64[n], one for each payment."""
    places = measured(payments, week)
    fraud, scored = payments.fraud[places], score[places]
    cards = card_precision(payments.day[places], payments.customer[places], fraud, scored, _CARDS)
    return Figures(roc_auc(fraud, scored), average_precision(fraud, scored), cards)


def mean_figures(payments: Payments, score: NDArray[np.float64]) -> Figures:
    """The mean over the twelve weeks before the test week."""
    return Figures(*np.mean([figures(payments, score, week) for week in EARLIER], axis=0).tolist())


def roc_auc(fraud: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """The chance that a fraud has a higher score than a genuine payment; equal scores are half."""
    values, inverse = np.unique(score, return_inverse=True)
    bad = np.bincount(inverse[fraud], minlength=len(values))
    good = np.bincount(inverse[~fraud], minlength=len(values))
    below = np.cumsum(good) - good
    return float((bad * (below + good / 2)).sum() / (bad.sum() * good.sum()))


def average_precision(fraud: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Precision at each score that there is, weighted by the recall it adds."""
    values, inverse = np.unique(-score, return_inverse=True)
    found = np.bincount(inverse[fraud], minlength=len(values))
    seen = np.bincount(inverse, minlength=len(values))
    return float((found * np.cumsum(found) / np.cumsum(seen)).sum() / found.sum())


def card_precision(
    day: NDArray[np.datetime64],
    customer: NDArray[np.int64],
    fraud: NDArray[np.bool_],
    score: NDArray[np.float64],
    most: int,
) -> float:
    """The mean over days of how many of the cards looked into had a fraud that day.

    Looked into are the `most` cards with the highest scores of their payments of the day, without
    those that were found on an earlier day; of cards with equal scores the lower number first.
    """
    found: set[int] = set()
    shares = []
    for places in _by_day(day):
        places = places[~np.isin(customer[places], list(found))]
        cards, inverse = np.unique(customer[places], return_inverse=True)
        highest = np.full(len(cards), -np.inf)
        np.maximum.at(highest, inverse, score[places])
        had_fraud = np.bincount(inverse[fraud[places]], minlength=len(cards)) > 0
        looked_into = np.argsort(-highest, kind="stable")[:most]
        right = cards[looked_into][had_fraud[looked_into]]
        found.update(right.tolist())
        shares.append(len(right) / most)
    return float(np.mean(shares))


def _by_day(day: NDArray[np.datetime64]) -> Iterator[NDArray[np.int64]]:
    for one in np.unique(day):
        yield np.flatnonzero(day == one)


PUBLISHED: Mapping[str, Figures] = {
    "logistic regression": Figures(0.871, 0.606, 0.291),
    "decision tree, depth 2": Figures(0.763, 0.496, 0.241),
    "random forest": Figures(0.867, 0.658, 0.287),
    "XGBoost": Figures(0.862, 0.639, 0.273),
    "XGBoost, tuned (chapter 5)": Figures(0.869, 0.687, 0.303),
    "balanced bagging (chapter 6)": Figures(0.879, 0.680, 0.305),
}
"""What the book says of models trained on 2018-07-25 to 07-31, in batch: chapter 3 or as named."""
