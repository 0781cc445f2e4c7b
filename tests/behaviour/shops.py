"""The pipelines of the behaviour suite, one for each story: ``shops.py:judged`` and so on."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Literal

from models import FTRL, Clock, Cross, Hashed, Logistic, Mixing, Number, Window
from streams import Event, Labels, Pipeline, Threshold, Topic
from tests.counting import Counting
from tests.shop_schemas import Sale


class Visit(Event, frozen=True):
    id: str
    customer: str
    page: Literal["boots", "hats", "coats"]
    seconds: float
    at: datetime


class Told(Visit, frozen=True):
    bought: bool


shop = partial(
    Pipeline,
    features=[
        Hashed("page"),
        Number("seconds", scale="standard"),
        Cross("customer", "page"),
        Clock("at", ["hour"]),
    ],
    model=Logistic(bits=10, optimizer=FTRL(alpha=0.1, l1=1e-4)),
    decide=Threshold(0.5),
)


def with_sales(name: str, features: Any = None, **labels: object) -> Pipeline:
    """Its labels come by a topic of their own."""
    return shop(
        name=name,
        **({} if features is None else {"features": features}),
        events=Topic(f"{name}.visits", schema=Visit, id="id", key="customer", time="at"),
        labels=Labels(f"{name}.sales", schema=Sale, value="bought", time="at", **labels),
    )


def told(name: str, **more: Any) -> Pipeline:
    """Its labels come in the event, so that the log alone says what every prediction is."""
    events = Topic(f"{name}.visits", schema=Told, id="id", key="customer", time="at")
    return shop(name=name, events=events, labels="bought", **more)


judged = with_sales("judged", matures_after="1h", otherwise=False, remember=30)
orderly = with_sales("orderly", matures_after="1h", otherwise=False, hold=True)
disorderly = with_sales("disorderly", matures_after="1h", otherwise=False, hold=True)
scaled = with_sales("scaled")
unequal = with_sales("unequal")
resumed = told("resumed")
crashed = told("crashed")
idle = told("idle")
bereft = told("bereft")
altered = told("bereft", seed=1)
absent = told("absent")
together = told("together", model=Counting(200), mixing=Mixing(divergence=5, look_every=16))
shared = told(
    "shared",
    features=[
        Hashed("page"),
        Window("seconds", by="page", over=["1d", "30d"], stats=["count", "mean"], shared=True),
    ],
)
taught = told("taught", mixing=Mixing(divergence=0.05, look_every=16))

VISITS = Window(by="customer", over=["30d"], stats=["count"])
grown = with_sales(
    "grown",
    matures_after="10m",
    otherwise=False,
    features=[Hashed("page"), Number("seconds"), VISITS],
)
grown_together = told(
    "grown-together",
    model=Counting(),
    mixing=Mixing(divergence=5, look_every=16),
    features=[
        Hashed("page"),
        VISITS,
        Window(by="page", over=["30d"], stats=["count"], shared=True),
    ],
)
grown_by_hand = told("grown-by-hand")
