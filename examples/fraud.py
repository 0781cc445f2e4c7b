"""Card fraud: score every payment, learn from chargebacks that come days or weeks later."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from models import Hashed, fraud
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


recipe = fraud(amount="amount", by="customer_id", at="terminal_id")
ids = [Hashed("customer_id"), Hashed("terminal_id"), Hashed("device_id")]

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
    features=[*recipe["features"], *ids],
    model=recipe["model"],
    decide=Threshold(0.6),  # a model that has learned nothing yet says 0.5
)
