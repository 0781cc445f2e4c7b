"""A stream of payments that can go wrong on demand, and the pipelines that are watched on it."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from confluent_kafka import Producer

from streams.simulator import Simulator

__all__ = ["FRAUD", "PARTITIONS", "WILFUL", "Till"]

PARTITIONS = 4

_DECLARED = """
from __future__ import annotations
from datetime import datetime
from models import AdaGrad, Adaptive, Hashed, Logistic, Number, Window
from streams import AlertBudget, Event, Field, Labels, Measure, Pipeline, Rule, Topic

class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    customer_id: str
    terminal_id: str
    amount: float
    channel: str

class Chargeback(Event, frozen=True):
    tx_id: str
    customer_id: str
    fraud: int
    at: datetime

def declared(**more):
    return Pipeline(
        name="{name}",
        events=Topic("{name}.payments", schema=Payment, id="tx_id", key="customer_id", time="at"),
        labels=Labels("{name}.chargebacks", schema=Chargeback, id="tx_id", value="fraud",
                      time="at", matures_after="2d", otherwise=0),
        **more,
    )
"""

FRAUD = (
    _DECLARED
    + """
pipeline = declared(
    features=[Number("amount", scale="standard"), Hashed("terminal_id"), Hashed("customer_id")],
    model=Adaptive(Logistic(bits=14), reference=2_000),
    decide=AlertBudget(per_day=40, one_per="customer_id", partitions={partitions}),
    rules=[Rule("large", Field("amount") > 300, then=True)],
    measure=Measure(by=["channel"]),
)
"""
)
"""Every metric of the catalogue has something to say of it."""

WILFUL = (
    _DECLARED
    + """
import time
from pathlib import Path
from river.dummy import PriorClassifier

FOLDER = Path(__file__).parent

class Wilful(PriorClassifier):
    def predict_proba_one(self, x):
        if (FOLDER / "slow").exists():
            time.sleep(0.02)
        if (FOLDER / "undefined").exists():
            return {True: float("nan"), False: float("nan")}
        return super().predict_proba_one(x)

pipeline = declared(features=[Number("amount")], model=Wilful())
"""
)
"""Its model is slow, or answers NaN, as long as a file of that name stands beside it."""


class Till(threading.Thread):
    """Sends payments and chargebacks at a steady rate while the block lasts.

    Attributes:
        labels: whether chargebacks are sent.
        broken: how many broken records are sent with each block of a hundred.
    """

    def __init__(self, brokers: str, pipeline: str, rate: float, simulator: Simulator) -> None:
        super().__init__(daemon=True)
        self.labels = True
        self.broken = 0
        self._producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5})
        self._topics = {"events": f"{pipeline}.payments", "labels": f"{pipeline}.chargebacks"}
        self._rate, self._simulator = rate, simulator
        self._stopping = threading.Event()

    def run(self) -> None:
        due = time.monotonic()
        for block in self._simulator.messages(100):
            for role, key, value in zip(block.roles, block.keys, block.values, strict=True):
                if role == "events" or self.labels:
                    self._producer.produce(self._topics[role], value, key)
            for number in range(self.broken):
                self._producer.produce(self._topics["events"], b"{", str(number))
            self._producer.poll(0)
            due += len(block.values) / self._rate
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return

    def __enter__(self) -> Till:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self.join(10)
        self._producer.flush(10)
