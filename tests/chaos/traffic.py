"""The pipelines that the campaign attacks, and the records that they are fed.

A round gets topics of its own, so a pipeline is made anew for each under a name of the round's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any, Literal, TypeAlias

import msgspec

from models import FTRL, AdaGrad, Cross, Hashed, Logistic, Mixing, Number
from streams import Event, Labels, Pipeline, Threshold, Topic
from tests.counting import Counting

__all__ = ["ALONE", "KINDS", "MIXING", "Kind", "Message"]

_FIRST = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
_STEP_S = 0.1
_AHEAD = 200
_CUSTOMERS = 60


class Payment(Event, frozen=True):
    id: str
    at: datetime
    customer: str
    terminal: str
    amount: float


class Told(Payment, frozen=True):
    fraud: bool


class Verdict(Event, frozen=True):
    id: str
    customer: str
    fraud: bool
    at: datetime


_FEATURES = (
    Number("amount", scale="standard"),
    Hashed("terminal"),
    Hashed("customer"),
    Cross("customer", "terminal"),
)


def judged(name: str, **instead: Any) -> Pipeline:
    """Its labels come by a topic: late, early, twice, corrected, never."""
    declared = {
        "name": name,
        "events": Topic(f"{name}.payments", schema=Payment, id="id", key="customer", time="at"),
        "labels": Labels(
            f"{name}.verdicts",
            schema=Verdict,
            value="fraud",
            time="at",
            matures_after="120s",
            otherwise=False,
            remember=5_000,
        ),
        "features": _FEATURES,
        "model": Logistic(bits=14, optimizer=AdaGrad(0.3), l2=0.001),
        "decide": Threshold(0.5),
    }
    return Pipeline(**{**declared, **instead})


def told(name: str, **instead: Any) -> Pipeline:
    """Its labels come with the events."""
    declared = {
        "name": name,
        "events": Topic(f"{name}.payments", schema=Told, id="id", key="customer", time="at"),
        "labels": "fraud",
        "features": _FEATURES,
        "model": Logistic(bits=14, optimizer=FTRL(alpha=0.1, l1=1e-4)),
        "decide": Threshold(0.5),
    }
    return Pipeline(**{**declared, **instead})


def judged_together(name: str) -> Pipeline:
    """As `judged`, its partitions learning as one."""
    return judged(name, mixing=Mixing(divergence=0.02, look_every=16))


def told_together(name: str) -> Pipeline:
    """As `told`, of a model that counts, so that what was told can be added up.

    Each delta takes two records.
    """
    return told(name, model=Counting(600_000), mixing=Mixing(divergence=60, look_every=16))


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: to which of the pipeline's topics, and what."""

    role: Literal["events", "labels"]
    key: bytes
    value: bytes
    timestamp: int


Traffic: TypeAlias = Iterator[list[Message]]
"""For each event, what is to be sent: itself, and the labels that are due by then."""


def payments(seed: int) -> Traffic:
    """Payments that tell whether they were fraud; one of 100 is broken."""
    draw = random.Random(seed)
    for number in count():
        event, fraud = _event(draw, number)
        yield [_message(draw, "events", {**event, "fraud": fraud}, "amount")]


def payments_and_verdicts(seed: int) -> Traffic:
    """Payments, and what becomes known of them; one of 100 messages is broken.

    Of 100 events 30 are never judged; the labels of the others come between 20 events before
    theirs and twice the time after which silence counts, in the order of their dates but for a
    second or so. Some come twice, some are corrected, some judge what never happened.
    """
    draw = random.Random(seed)
    waiting: list[tuple[float, int, Message]] = []
    tickets = count()

    def post(place: float, label: Mapping[str, object]) -> None:
        message = _message(draw, "labels", label, "fraud")
        heappush(waiting, (place + draw.uniform(-8, 8), next(tickets), message))

    events: list[Message] = []
    for number in count():
        event, fraud = _event(draw, number)
        events.append(_message(draw, "events", event, "amount"))
        for place, label in _labels(draw, number, event, fraud):
            post(place, label)
        # What is sent lags behind what is known, so that a label can overtake its event.
        now = number - _AHEAD
        if now >= 0:
            due = [events[now]]
            while waiting and waiting[0][0] <= now:
                due.append(heappop(waiting)[2])
            yield due


def _labels(
    draw: random.Random, number: int, event: Mapping[str, object], fraud: bool
) -> Iterator[tuple[float, Mapping[str, object]]]:
    """The labels of an event, and after how many events each is sent."""
    label = partial(_label, event)
    if draw.random() < 0.3:
        return
    delay = draw.choice([draw.uniform(-20, 0), draw.uniform(0, 300), draw.uniform(0, 2_400)])
    yield number + delay, label(number + delay, fraud)
    if draw.random() < 0.1:
        later = number + delay + draw.uniform(0, 200)
        yield later, label(number + delay, fraud)
    if draw.random() < 0.1:
        later = number + delay + draw.uniform(0, 600)
        yield later, label(later, not fraud)
    if draw.random() < 0.02:
        yield number + 50, {**label(number + 50, fraud), "id": f"unheard-of-{number}"}


def _label(event: Mapping[str, object], place: float, fraud: bool) -> Mapping[str, object]:
    return {
        "id": event["id"],
        "customer": event["customer"],
        "fraud": fraud,
        "at": datetime.fromtimestamp(_FIRST + place * _STEP_S, UTC),
    }


def _event(draw: random.Random, number: int) -> tuple[Mapping[str, object], bool]:
    late = draw.uniform(0, 30) if draw.random() < 0.05 else draw.uniform(0, 0.3)
    terminal = draw.randrange(400)
    amount = round(draw.lognormvariate(3, 1), 2)
    event = {
        "id": f"e{number:07d}",
        "at": datetime.fromtimestamp(_FIRST + number * _STEP_S - late, UTC),
        "customer": f"c{draw.randrange(_CUSTOMERS)}",
        "terminal": f"t{terminal}",
        "amount": amount,
    }
    return event, terminal % 7 == 0 or (amount > 80 and draw.random() < 0.5)


def _message(
    draw: random.Random,
    role: Literal["events", "labels"],
    record: Mapping[str, object],
    field: str,
) -> Message:
    at, customer = record["at"], record["customer"]
    assert isinstance(at, datetime)
    assert isinstance(customer, str)
    value = msgspec.json.encode(record)
    if draw.random() < 0.01:
        torn = value[: len(value) // 2]
        value = draw.choice([torn, msgspec.json.encode({**record, field: "a lot"})])
    return Message(role, customer.encode(), value, int(at.timestamp() * 1000))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of lane.

    Attributes:
        pipeline: makes that of a round, from its name.
        traffic: makes what it is fed, from a seed.
        stored: whether its images are in a directory; else they are in their topic.
    """

    pipeline: Callable[[str], Pipeline]
    traffic: Callable[[int], Traffic]
    stored: bool


KINDS: Mapping[str, Kind] = {
    "judged": Kind(judged, payments_and_verdicts, stored=False),
    "told": Kind(told, payments, stored=True),
    "judged-together": Kind(judged_together, payments_and_verdicts, stored=False),
    "told-together": Kind(told_together, payments, stored=True),
}
"""By name, the kinds of lanes."""

ALONE, MIXING = ("judged", "told"), ("judged-together", "told-together")
"""The lanes of a round whose partitions learn each by itself, and of one whose learn as one."""
