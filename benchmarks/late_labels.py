"""What late, revised and few labels do to a model: ``python -m benchmarks.late_labels FOLDER``.

On the payments of the Fraud Detection Handbook, which are in that folder. Nothing is read of
the handbook's test week: figures are of the five weeks before it. Labels are learned once a day,
before the payments of that day are scored. Of each fraud it becomes known after one to sixty days,
each as likely.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models import AdaGrad, BySource, Clock, Cross, Hashed, Logistic, Number, Undersampled, Window
from models.column import EVENT_TIME
from models.encoders import HashedEncoder
from models.protocol import Plan
from models.quality import Quality
from models.rows import Rows

FIRST, MEASURED, STOP = date(2018, 4, 1), date(2018, 7, 4), date(2018, 8, 8)
MATURES, LATEST = 7, 60
INVESTIGATED = 100
BITS = 20

Learned = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]
"""Day on which it is learned, row, and as what."""


class Payments:
    """Rows, with their day, label and card, and the day on which a fraud becomes known."""

    def __init__(self, folder: Path) -> None:
        table = pq.read_table(folder / "handbook_raw.parquet")
        at = table["TX_DATETIME"]
        inside = pc.and_(pc.greater_equal(at, FIRST), pc.less(at, STOP))
        columns = {name: table[name].filter(inside).to_numpy() for name in table.column_names}
        at = columns["TX_DATETIME"].astype("datetime64[us]")
        self.day = (at.astype("datetime64[D]") - np.datetime64(FIRST)).astype(np.int64)
        self.fraud = columns["TX_FRAUD"].astype(np.bool_)
        self.card = columns["CUSTOMER_ID"].astype(np.int64)
        self.known = self.day + np.random.default_rng(1).integers(1, LATEST + 1, len(at))
        self.rows = Rows()
        encoder = HashedEncoder(_features(), BITS, 0)
        fields: dict[str, Any] = {
            "card": columns["CUSTOMER_ID"].astype(str).tolist(),
            "terminal": columns["TERMINAL_ID"].astype(str).tolist(),
            "amount": columns["TX_AMOUNT"].astype(np.float64),
            EVENT_TIME: at,
        }
        encoder.append(fields, len(at), self.rows)

    def once(self, matures: int) -> Learned:
        """Each payment once: as what is known of it by then, or a fraud as it becomes known."""
        told = self.fraud & (self.known <= self.day + matures)
        return np.where(told, self.known, self.day + matures), np.arange(len(self.day)), told

    def corrected(self, matures: int) -> Learned:
        """The same, and each fraud again that becomes known later."""
        day, row, told = self.once(matures)
        late = np.flatnonzero(self.fraud & ~told)
        return (
            np.concatenate([day, self.known[late]]),
            np.concatenate([row, late]),
            np.concatenate([told, np.ones(len(late), np.bool_)]),
        )

    def clean(self, matures: int) -> Learned:
        """Each payment as what it is, as if all were known by then."""
        return self.day + matures, np.arange(len(self.day)), self.fraud


def _features() -> list[Any]:
    over = ["1d", "7d", "30d"]
    return [
        Number("amount", scale="standard"),
        Clock(EVENT_TIME, ["hour", "weekday"]),
        Hashed("card"),
        Hashed("terminal"),
        Cross("card", "terminal"),
        Window("amount", by="card", over=over, stats=["count", "mean", "ratio"]),
        Window("amount", by="terminal", over=over, stats=["count", "mean"]),
    ]


def taught(
    payments: Payments, model: Any, learned: Learned, times: float = 1.0
) -> NDArray[np.float64]:
    """Scores of all payments, where corrections count so many times."""
    day, row, target = learned
    order = np.lexsort((row, day))
    learner, scores = model.new(0), []
    for today in range(int(payments.day[-1]) + 1):
        due = order[slice(*np.searchsorted(day[order], [today, today + 1]))]
        plan = Plan()
        plan.learn_each(row[due].tolist(), target[due].tolist())
        if times != 1.0:
            plan.weight = np.where(due < len(payments.day), 1.0, times)
        first, stop = np.searchsorted(payments.day, [today, today + 1])
        plan.score_run(int(first), int(stop - first))
        scores.append(learner.run(plan, payments.rows).value)
    return np.concatenate(scores)


def investigated(payments: Payments, model: Any, *, pooled: bool) -> NDArray[np.float64]:
    """Scores, where the cards with the highest ones of a day are looked into until the next.

    Investigators are source 0; source 1 is told of all after a week.
    """
    learner, scores = model.new(0), []
    looked_into, told = np.empty(0, np.int64), np.zeros(len(payments.day), np.bool_)
    for today in range(int(payments.day[-1]) + 1):
        start, end = np.searchsorted(payments.day, [today - MATURES, today - MATURES + 1])
        matured = np.arange(start, end)
        matured = matured[~told[matured]] if pooled else matured
        rows = np.concatenate([looked_into, matured])
        plan = Plan()
        plan.learn_each(rows.tolist(), payments.fraud[rows].tolist())
        plan.source = np.repeat(np.array([0, 1], np.int8), [len(looked_into), len(matured)])
        first, stop = np.searchsorted(payments.day, [today, today + 1])
        plan.score_run(int(first), int(stop - first))
        value = learner.run(plan, payments.rows).value
        _, best = np.unique(payments.card[first:stop][np.argsort(-value)], return_index=True)
        looked_into = np.sort(first + np.argsort(-value)[np.sort(best)[:INVESTIGATED]])
        told[looked_into] = True
        scores.append(value)
    return np.concatenate(scores)


def rows(payments: Payments) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Each case with its scores."""
    logistic = Logistic(bits=BITS, optimizer=AdaGrad(0.05))
    yield "all labels after a week", taught(payments, logistic, payments.clean(MATURES))
    for times in (2.0, 4.0, 8.0):
        scores = taught(payments, logistic, payments.corrected(MATURES), times)
        yield f"silence for 7 days, corrected {times:g} times", scores
    for days in (MATURES, 30, LATEST):
        yield f"silence for {days} days", taught(payments, logistic, payments.once(days))
        if days < LATEST:
            again = payments.corrected(days)
            yield "… and late frauds learned again", taught(payments, logistic, again)
    apart = {"investigator": logistic, "bank": logistic}
    few = {"investigator": logistic, "bank": Undersampled(logistic, keep=0.1)}
    yield "investigators pooled with the bank", investigated(payments, logistic, pooled=True)
    yield "the bank alone", investigated(payments, _only_last(logistic), pooled=False)
    for average in ("probability", "log-odds"):
        model = BySource(apart, "bank", average=average)
        yield f"a model each, {average} averaged", investigated(payments, model, pooled=False)
    model = BySource(few, "bank")
    yield "… the bank's undersampled to a tenth", investigated(payments, model, pooled=False)


def _only_last(model: Any) -> BySource:
    return BySource({"investigator": model, "bank": model}, "bank", weights={"investigator": 1e-12})


def main(folder: Path) -> None:
    """Print a line for each case."""
    payments = Payments(folder)
    counts = payments.day >= (MEASURED - FIRST).days
    for name, scores in rows(payments):
        quality = Quality("binary")
        quality.update(scores[counts], None, payments.fraud[counts])
        found = quality.summary()
        figures = {"auc": found["auc"], "ap": found["average_precision"]}
        print(f"{name:40}", *(f"{it} {value:.3f}" for it, value in figures.items()), end=" ")
        print(f"log_loss {found['log_loss']:.4f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
