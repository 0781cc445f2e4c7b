"""Spam: the words of a text message, each event with its label."""

from __future__ import annotations

from models import AdaGrad, Logistic, Text
from streams import Event, Pipeline, Threshold, Topic


class Message(Event, frozen=True):
    text: str
    spam: bool


pipeline = Pipeline(
    name="spam",
    events=Topic("messages", schema=Message),
    labels="spam",
    features=[Text("text")],
    model=Logistic(optimizer=AdaGrad(0.3)),
    decide=Threshold(0.5),
)
