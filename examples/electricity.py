"""Electricity: will the price in New South Wales go up? A River tree that follows drift."""

from __future__ import annotations

from typing import Literal

from msgspec import field
from river.tree import HoeffdingAdaptiveTreeClassifier

from models import Number
from streams import Event, Pipeline, Threshold, Topic


class HalfHour(Event, frozen=True):
    period: float
    nswprice: float
    nswdemand: float
    vicprice: float
    vicdemand: float
    transfer: float
    goes_up: Literal[0, 1] = field(name="class")


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
    model=HoeffdingAdaptiveTreeClassifier(grace_period=50, seed=7),
    decide=Threshold(0.5),
)
