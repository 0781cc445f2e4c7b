"""The payments of the Fraud Detection Handbook; what was fraud becomes known a week later."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from models import fraud
from streams import Event, Labels, Pipeline, Threshold, Topic


class Payment(Event, frozen=True, rename="upper"):  # TRANSACTION_ID and so on in the records
    transaction_id: int
    tx_datetime: datetime
    customer_id: int
    terminal_id: int
    tx_amount: float


class Fraud(Event, frozen=True, rename="upper"):
    transaction_id: int
    customer_id: int
    tx_fraud: Literal[0, 1]
    known_at: datetime


pipeline = Pipeline(
    name="handbook",
    events=Topic(
        "handbook", schema=Payment, id="transaction_id", key="customer_id", time="tx_datetime"
    ),
    labels=Labels(
        "handbook-frauds",
        schema=Fraud,
        id="transaction_id",
        value="tx_fraud",
        time="known_at",
        matures_after="7d",
        otherwise=0,
    ),
    **fraud(amount="tx_amount", by="customer_id", at="terminal_id"),
    decide=Threshold(0.6),
)
