"""The fraud preset on the handbook's payments: ``fraud_pipelines.py:one``, ``:four`` partitions.

And ``:shared``: four that share what they know of terminals.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from models.presets import Recipe, fraud
from streams import Event, Labels, Pipeline, Topic

__all__ = ["PIPELINES", "Payment", "four", "on_partitions", "one", "preset", "shared"]


class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    customer_id: str
    terminal_id: str
    amount: float


def preset(**more: Any) -> Recipe:
    return fraud(amount="amount", by="customer_id", at="terminal_id", **more)


def on_partitions(count: int, kind: str = "", **changed: Any) -> Pipeline:
    """On topics of its own, so that each can have as many partitions as it is for."""
    events = f"payments-{count}{kind}"
    return Pipeline(
        name=f"fraud-{count}{kind}",
        events=Topic(events, schema=Payment, id="tx_id", key="customer_id", time="at"),
        labels=Labels(f"frauds-{count}{kind}", matures_after="7d", otherwise=0),
        **{**preset(), **changed},
    )


one, four = on_partitions(1), on_partitions(4)
shared = on_partitions(4, "-shared", **preset(shared=True))
PIPELINES = {1: "one", 4: "four"}
"""By number of partitions, what it is called here."""
