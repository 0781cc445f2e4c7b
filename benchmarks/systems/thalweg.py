"""Thalweg's worker, with the settings it has by default."""

from __future__ import annotations

import sys

from benchmarks.payments import Payment
from benchmarks.systems import BITS, CATEGORIES, LEARNING_RATE, PAYMENTS
from models import SGD, Hashed, Logistic, Number
from streams import Pipeline, Topic
from streams.settings import resolve
from streams.worker import run


def main(brokers: str, predictions: str) -> int:
    pipeline = Pipeline(
        name=predictions.removesuffix(".predictions"),
        events=Topic(PAYMENTS, schema=Payment, id="id", key="card", time="at"),
        labels="fraud",
        features=[Number("amount", scale="log"), *map(Hashed, CATEGORIES)],
        model=Logistic(bits=BITS, optimizer=SGD(LEARNING_RATE)),
    )
    return run(pipeline, *resolve(flags={"brokers": brokers, "metrics_port": 0}))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
