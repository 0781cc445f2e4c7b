"""Intrusion: which connections are unlike the others? River's half-space trees, no labels."""

from __future__ import annotations

from datetime import datetime

from river.anomaly import HalfSpaceTrees
from river.preprocessing import MinMaxScaler

from models import Number, Window
from streams import Event, Pipeline, Threshold, Topic


class Connection(Event, frozen=True):
    at: datetime
    source: str
    port: int
    seconds: float
    bytes_sent: int
    bytes_received: int


pipeline = Pipeline(
    name="intrusion",
    events=Topic("connections", schema=Connection, key="source", time="at"),
    features=[
        Number("seconds", scale="log"),
        Number("bytes_sent", scale="log"),
        Number("bytes_received", scale="log"),
        Window(by="source", over=["10s"], stats=["count"], scale="log"),
        Window("port", by="source", over=["1m"], stats=["distinct"], scale="log"),
    ],
    model=MinMaxScaler() | HalfSpaceTrees(seed=7),
    decide=Threshold(0.9),
)
