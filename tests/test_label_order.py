"""The same labels in another order, doubled or revised in time leave the same model, to the bit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slicing import begun, slice_of

from models import AdaGrad, Clock, Cross, Hashed, Logistic, Number, Window
from streams import Event, Labels, Pipeline, Topic
from streams.image import pack
from streams.task import PartitionTask

BEGIN = datetime(2018, 6, 1, tzinfo=UTC)
DAYS = 30


class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    customer_id: str
    terminal_id: str
    amount: float


class Chargeback(Event, frozen=True):
    tx_id: str
    fraud: int | None
    at: datetime


payments = partial(
    Pipeline,
    events=Topic("payments", schema=Payment, id="tx_id", key="customer_id", time="at"),
    features=[
        Number("amount", scale="log"),
        Clock("at", ["hour", "weekday"]),
        Hashed("terminal_id"),
        Cross("customer_id", "terminal_id"),
        Window("amount", by="customer_id", over=["1d", "7d"], stats=["count", "mean"]),
    ],
    model=Logistic(bits=18, optimizer=AdaGrad(0.05)),
)


def pipeline(*, hold: bool, matures_after: str = "7d") -> Pipeline:
    labels = Labels(
        "chargebacks", schema=Chargeback, id="tx_id", value="fraud", time="at",
        matures_after=matures_after, otherwise=0, hold=hold,
    )  # fmt: skip
    return payments(name="order", labels=labels)


Step = tuple[str, Sequence[Event]]
"""Records of a topic that are read at once."""


def learned(made: Pipeline, steps: Iterable[Step]) -> bytes:
    """Everything a task knows at the end but what it counted of labels."""
    task = begun(made)
    for topic, records in steps:
        if records:
            values = [msgspec.json.encode(record) for record in records]
            task.take(slice_of(values, topic, task.positions[topic]))
    return bits(task)


def bits(task: PartitionTask) -> bytes:
    image = task.image()
    image.state["joiner"] = None
    image.positions.clear()
    return pack(image)


MINUTES = [BEGIN + timedelta(minutes=n) for n in range(90)]
HOUR = timedelta(hours=1)


@st.composite
def judged(draw) -> tuple[list[Payment], list[Chargeback]]:
    """Payments in order, and at most one chargeback each, no two at the same moment."""
    at = sorted(draw(st.lists(st.sampled_from(MINUTES), max_size=25)))
    made = [
        Payment(f"t{n}", when, f"c{n % 3}", f"m{n % 4}", float(n % 7)) for n, when in enumerate(at)
    ]
    told = draw(st.lists(st.sampled_from(made), unique=True)) if made else []
    delays = draw(st.lists(st.integers(1, 59), min_size=len(told), max_size=len(told)))
    return made, [
        Chargeback(it.tx_id, int(n % 3 > 0), it.at + timedelta(minutes=delay, microseconds=n))
        for n, (it, delay) in enumerate(zip(told, delays, strict=True))
    ]


def end(made: Sequence[Payment]) -> Payment:
    """An event at which all others have matured."""
    last = made[-1].at if made else BEGIN
    return Payment("end", last + 2 * HOUR, "c0", "m0", 1.0)


def in_order(made: Sequence[Payment], told: Iterable[Chargeback]) -> list[Step]:
    """Live traffic: each label is read before the first event that is not before it."""
    rest, steps = sorted(told, key=lambda label: label.at), []
    for event in [*made, end(made)]:
        steps.append(("chargebacks", [label for label in rest if label.at <= event.at]))
        rest = [label for label in rest if label.at > event.at]
        steps.append(("payments", [event]))
    return steps


def at_random(
    made: Sequence[Payment], told: Iterable[tuple[Chargeback, datetime]], chance: Random
) -> list[Step]:
    """Each label is read at any time before the first event that is not before the moment given."""
    events = [*made, end(made)]
    read: list[list[Chargeback]] = [[] for _ in events]
    for label, until in told:
        latest = next(n for n, event in enumerate(events) if event.at >= until)
        read[chance.randint(0, latest)].append(label)
    steps: list[Step] = []
    for labels, event in zip(read, events, strict=True):
        chance.shuffle(labels)
        steps += [("chargebacks", labels), ("payments", [event])]
    return steps


@settings(max_examples=60)
@given(judged(), st.randoms(use_true_random=False))
def test_labels_that_are_read_ahead_of_their_date_can_come_in_any_order_and_twice(found, chance):
    made, told = found
    shop = pipeline(hold=False, matures_after="1h")
    twice = [(label, label.at) for label in told for _ in range(chance.randint(1, 3))]
    assert learned(shop, at_random(made, twice, chance)) == learned(shop, in_order(made, told))


@settings(max_examples=60)
@given(judged(), st.randoms(use_true_random=False))
def test_labels_that_are_held_can_come_in_any_order_and_twice_until_their_event_matures(
    found, chance
):
    made, told = found
    matured = {event.tx_id: event.at + HOUR for event in made}
    shop = pipeline(hold=True, matures_after="1h")
    twice = [(label, matured[label.tx_id]) for label in told for _ in range(chance.randint(1, 3))]
    assert learned(shop, at_random(made, twice, chance)) == learned(shop, in_order(made, told))


@settings(max_examples=60)
@given(judged(), st.randoms(use_true_random=False))
def test_labels_that_are_held_can_be_wrong_and_withdrawn_until_their_event_matures(found, chance):
    made, told = found
    shop = pipeline(hold=True, matures_after="1h")
    revised = list(told)
    for label in told:
        for other in chance.choices([0, 1, None], k=2):
            wrong = Chargeback(label.tx_id, other, label.at - timedelta(microseconds=100))
            revised.insert(revised.index(label), wrong)
    assert learned(shop, in_order(made, revised)) == learned(shop, in_order(made, told))


@pytest.fixture(scope="module")
def month(shared_data: Path) -> tuple[list[list[Payment]], list[Chargeback]]:
    """The handbook's June, day by day; of each fraud it becomes known within five days."""
    table = pq.read_table(shared_data / "handbook_raw.parquet")
    at = table["TX_DATETIME"]
    first, stop = (BEGIN + timedelta(days=n) for n in (0, DAYS))
    inside = pc.and_(
        pc.greater_equal(at, first.replace(tzinfo=None)), pc.less(at, stop.replace(tzinfo=None))
    )
    rows = table.filter(inside).to_pylist()
    days: list[list[Payment]] = [[] for _ in range(DAYS)]
    told, chance = [], Random(1)
    for row in rows:
        when = row["TX_DATETIME"].replace(tzinfo=UTC)
        payment = Payment(
            str(row["TRANSACTION_ID"]), when, str(row["CUSTOMER_ID"]), str(row["TERMINAL_ID"]),
            row["TX_AMOUNT"],
        )  # fmt: skip
        days[(when - BEGIN).days].append(payment)
        if row["TX_FRAUD"]:
            known = when + chance.random() * timedelta(days=5) + timedelta(seconds=1)
            told.append(Chargeback(payment.tx_id, 1, known))
    assert len({label.at for label in told}) == len(told) > 1_000
    return days, told


def read_on(
    days: Sequence[Sequence[Payment]], told: Sequence[tuple[Chargeback, float]]
) -> list[Step]:
    """Labels are read in the order of the numbers beside them, days since the beginning."""
    log = sorted(told, key=lambda pair: pair[1])
    numbers = np.array([number for _, number in log])
    steps: list[Step] = []
    start = 0
    for day, events in enumerate(days, 1):
        stop = int(np.searchsorted(numbers, day))
        steps += [("chargebacks", [label for label, _ in log[start:stop]]), ("payments", events)]
        start = stop
    return steps


def age(label: Chargeback) -> float:
    return (label.at - BEGIN) / timedelta(days=1)


def test_a_month_of_the_handbook_with_labels_shuffled_and_doubled_leaves_the_same_model(month):
    days, told = month
    shop, chance = pipeline(hold=False), Random(2)
    clean = learned(shop, read_on(days, [(label, age(label)) for label in told]))
    ahead = [(label, age(label) - 3 * chance.random()) for label in told]
    assert learned(shop, read_on(days, ahead)) == clean
    doubled = [*ahead, *((label, age(label) - 3 + 9 * chance.random()) for label in told)]
    assert learned(shop, read_on(days, doubled)) == clean


def test_a_month_of_the_handbook_with_labels_held_shuffled_doubled_and_revised_as_well(month):
    days, told = month
    shop, chance = pipeline(hold=True), Random(3)
    clean = learned(shop, read_on(days, [(label, age(label)) for label in told]))
    disturbed: list[tuple[Any, float]] = []
    for label in told:
        # No label is older than five days, an event matures after seven: one to spare.
        read = [age(label) + 2 * chance.random() - 1 for _ in range(3)]
        wrong = Chargeback(label.tx_id, chance.choice([0, None]), label.at - timedelta(hours=9))
        disturbed += zip([wrong, label, label], sorted(read), strict=True)
    assert learned(shop, read_on(days, disturbed)) == clean
    assert learned(pipeline(hold=False), read_on(days, disturbed)) != clean
