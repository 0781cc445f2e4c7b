"""Electricity: will the price in New South Wales go up? Long steps follow a market that drifts."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from models import AdaGrad, Number, Pairwise
from streams import Event, Pipeline, Threshold, Topic


class HalfHour(Event, frozen=True):
    period: float
    nswprice: float
    nswdemand: float
    vicprice: float
    vicdemand: float
    transfer: float
    goes_up: Literal[0, 1] = field(name="class")  # "class" in the records, a keyword in Python


pipeline = Pipeline(
    name="electricity",
    events=Topic("half-hours", schema=HalfHour),
    labels="goes_up",
    features=[
        Number("period"),
        Number("nswprice"),
        Number("nswdemand"),
        Number("vicprice"),
        Number("vicdemand"),
        Number("transfer"),
    ],
    model=Pairwise(bins=(4, 8, 16, 32), optimizer=AdaGrad(1.0), positives=0.5),
    decide=Threshold(0.5),
)
