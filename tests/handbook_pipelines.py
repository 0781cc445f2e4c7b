"""One model under three names, to learn the same payments three times.

``handbook_pipelines.py:once``, ``:restarted``, ``:in_pairs``.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Literal

from models import AdaGrad, Clock, Cross, Hashed, Logistic, Number
from streams import Event, Pipeline, Topic


class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    customer_id: str
    terminal_id: str
    amount: float
    fraud: Literal[0, 1]


handbook = partial(
    Pipeline,
    events=Topic("handbook", schema=Payment, id="tx_id", key="customer_id", time="at"),
    labels="fraud",
    features=[
        Number("amount", scale="log"),
        Clock("at", ["hour", "weekday"]),
        Hashed("customer_id"),
        Hashed("terminal_id"),
        Cross("customer_id", "terminal_id"),
    ],
    model=Logistic(bits=20, optimizer=AdaGrad(0.05)),
)

once = handbook(name="once")
restarted = handbook(name="restarted")
in_pairs = handbook(name="in-pairs")
