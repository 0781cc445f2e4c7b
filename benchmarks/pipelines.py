"""The pipelines that are measured, all of them over the payments of `benchmarks.payments`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal

from benchmarks.payments import Payment
from benchmarks.systems import BITS, CATEGORIES, LEARNING_RATE, PAYMENTS
from models import SGD, Cross, Hashed, LabelRate, Logistic, Mixing, Number, Window
from streams import Event, Labels, Pipeline, Topic

__all__ = [
    "VERDICTS",
    "Verdict",
    "delayed",
    "delayed_mixed",
    "plain",
    "plain_mixed",
    "rated",
    "windowed",
]

VERDICTS = "verdicts"


class Verdict(Event, frozen=True):
    """What became known of a payment, and when."""

    id: str
    fraud: Literal[0, 1]
    at: datetime


def plain(name: str) -> Pipeline:
    """The task of every system in `benchmarks.systems`: the label is in the event."""
    return Pipeline(
        name=name,
        events=Topic(PAYMENTS, schema=Payment, id="id", key="card", time="at"),
        labels="fraud",
        features=[Number("amount", scale="log"), *map(Hashed, CATEGORIES)],
        model=Logistic(bits=BITS, optimizer=SGD(LEARNING_RATE)),
    )


def delayed(name: str) -> Pipeline:
    """Frauds are told an hour later on a topic of their own, silence matures after two; crosses."""
    return Pipeline(
        name=name,
        events=Topic(PAYMENTS, schema=Payment, id="id", key="card", time="at"),
        labels=Labels(
            VERDICTS,
            schema=Verdict,
            id="id",
            value="fraud",
            time="at",
            matures_after="2h",
            otherwise=0,
        ),
        features=[
            Number("amount", scale="standard"),
            *map(Hashed, CATEGORIES),
            Cross("card", "shop"),
            Cross("country", "entry"),
        ],
        model=Logistic(bits=BITS, optimizer=SGD(LEARNING_RATE)),
    )


def rated(name: str) -> Pipeline:
    """The delayed one, and what became known of the shop in the last day, week and month."""
    pipeline = delayed(name)
    rate = LabelRate(by="shop", over=["1d", "7d", "30d"], delay="2h")
    return replace(pipeline, features=[*(pipeline.features or ()), rate])


def windowed(name: str) -> Pipeline:
    """The delayed one, and what the card did in the last day, week and month."""
    pipeline = delayed(name)
    window = Window("amount", by="card", over=["1d", "7d", "30d"], stats=["count", "mean"])
    return replace(pipeline, features=[*(pipeline.features or ()), window])


def plain_mixed(name: str) -> Pipeline:
    """The plain one, its learners as one."""
    return replace(plain(name), mixing=Mixing())


def delayed_mixed(name: str) -> Pipeline:
    """The delayed one, its learners as one."""
    return replace(delayed(name), mixing=Mixing())
