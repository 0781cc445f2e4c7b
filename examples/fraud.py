"""Card fraud: score every payment, learn from chargebacks that come days or weeks later."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from models import AdaGrad, Cross, Hashed, Logistic, Number
from streams import Event, Labels, Pipeline, Threshold, Topic


class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    customer_id: str
    terminal_id: str
    amount: float
    channel: Literal["chip", "contactless", "swipe"]
    category: str
    country: str
    device_id: str


class Chargeback(Event, frozen=True):
    tx_id: str
    customer_id: str
    fraud: Literal[0, 1]
    at: datetime
    source: Literal["investigator", "chargeback"]


pipeline = Pipeline(
    name="fraud",
    events=Topic("payments", schema=Payment, id="tx_id", key="customer_id", time="at"),
    labels=Labels(
        "chargebacks",
        schema=Chargeback,
        id="tx_id",
        value="fraud",
        time="at",
        matures_after="7d",  # who has not complained by then is content
        otherwise=0,
    ),
    features=[
        Number("amount", scale="standard"),
        Hashed("terminal_id"),
        Hashed("customer_id"),
        Hashed("device_id"),
        Cross("category", "channel"),
        Cross("customer_id", "terminal_id"),
    ],
    # Most ids are seen a few times only: long steps. What is confirmed no more fades, by l2.
    model=Logistic(bits=20, optimizer=AdaGrad(1.0), l2=0.001),
    decide=Threshold(0.6),  # a model that has learned nothing yet says 0.5
)
