"""A backtest learns what a worker would have learned that had always been there."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_schemas import Sale
from slicing import cuts, pieces, slice_of

from models import FTRL, Cross, Hashed, Logistic, Number
from streams import Event, Labels, Pipeline, Topic
from streams.backtesting import Lanes, backtest
from streams.chunks import Chunk
from streams.image import pack
from streams.task import PartitionTask
from streams.testing import Driver

START = datetime(2026, 1, 1, tzinfo=UTC)


class Visit(Event, frozen=True):
    id: str
    customer: str
    seconds: float
    at: datetime


PIPELINE = Pipeline(
    name="shop",
    events=Topic("visits", schema=Visit, id="id", key="customer", time="at"),
    labels=Labels(
        "sales", schema=Sale, value="bought", time="at", matures_after="2h", otherwise=False
    ),
    features=[
        Hashed("customer"),
        Number("seconds", scale="standard"),
        Cross("customer", "id"),
    ],
    model=Logistic(bits=8, optimizer=FTRL(alpha=0.1)),
)


def visit(number: int) -> Visit:
    at = START + timedelta(minutes=number)
    return Visit(f"v{number}", f"c{number % 7}", number % 11 * 1.5, at)


def sale(number: int, delay: int) -> Sale:
    at = START + timedelta(minutes=number + delay)
    return Sale(f"v{number}", f"c{number % 7}", number % 3 == 0, at)


def logs(count: int, delays) -> tuple[list[Visit], list[Sale]]:
    """Visits a minute apart, and sales in the order of their dates."""
    sales = [sale(number, delay) for number, delay in delays.items()]
    return [visit(n) for n in range(count)], sorted(sales, key=lambda one: one.at)


def lives(visits, sales, events_cut=(), labels_cut=()):
    """The task behind a backtest, and its predictions."""

    async def slices(values, topic, at):
        whole = slice_of([msgspec.json.encode(value) for value in values], topic)
        for part in pieces([whole], at):
            yield part

    task = PartitionTask(PIPELINE, 0)
    task.positions = {"visits": 0, "sales": 0}

    async def run():
        events = slices(visits, "visits", events_cut)
        labels = slices(sales, "sales", labels_cut)
        return [
            bytes(value)
            async for _, output in backtest(task, events, labels)
            for value in output.predictions.values
        ]

    return task, asyncio.run(run())


@settings(max_examples=25)
@given(st.dictionaries(st.integers(0, 1_499), st.integers(1, 300), max_size=60), st.data())
def test_it_depends_on_the_logs_alone_and_not_on_where_they_are_cut(delays, data):
    visits, sales = logs(1_500, delays)
    order = data.draw(st.permutations(sales)) if len(sales) < 8 else sales
    task, predictions = lives(visits, order)
    other, same = lives(visits, order, data.draw(cuts(1_500)), data.draw(cuts(max(1, len(order)))))
    assert same == predictions
    assert pack(other.image()) == pack(task.image())


@settings(max_examples=15)
@given(st.dictionaries(st.integers(0, 2_499), st.integers(1, 300), max_size=80))
def test_where_dates_rise_it_is_what_a_worker_computes(delays):
    visits, sales = logs(2_500, delays)
    task, predictions = lives(visits, sales)
    driver = Driver(PIPELINE, partitions=1)
    for one in visits:
        driver.send("visits", one, key=None, timestamp=one.at)
    for one in sales:
        driver.send("sales", one, key=None, timestamp=one.at)
    driver.run(100)
    published = {one.offset: (one.score, one.learned) for one in driver.predictions}
    found = [msgspec.json.decode(line) for line in predictions]
    assert {it["offset"]: (it["score"], it["learned"]) for it in found} == published
    assert task.quality.summary()["labels"] == driver.quality["labels"]


def test_a_label_is_taken_before_the_first_block_with_an_event_behind_its_date():
    visits = [visit(n) for n in range(3_000)]
    order = []
    task = PartitionTask(PIPELINE, 0)
    task.positions = {"visits": 0, "sales": 0}

    async def slices(values, topic):
        yield slice_of([msgspec.json.encode(value) for value in values], topic)

    async def run():
        labels = [sale(0, 100), sale(1, 2_000), sale(2, 50), b"broken", sale(3, 9_000)]
        events = slices(visits, "visits")
        async for records, _ in backtest(task, events, slices(labels, "sales")):
            order.append((records.topic, records.start, records.next))

    asyncio.run(run())
    assert order == [
        ("sales", 0, 1),
        ("visits", 0, 1_024),
        ("sales", 1, 4),  # the late one and the broken one come with the one before them
        ("visits", 1_024, 2_048),
        ("visits", 2_048, 3_000),
        ("sales", 4, 5),
    ]


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_file_is_divided_as_a_producer_divides_it(partitions):
    driver = Driver(PIPELINE, partitions=partitions)
    visits = [visit(n) for n in range(200)]
    expected = [[] for _ in range(partitions)]
    for one in visits:
        record = driver.send("visits", one, timestamp=one.at)
        expected[record.partition].append((record.offset, record.key, record.value))
    chunks = [
        Chunk(
            [record.value for record in driver._cluster.inputs["visits"].records[at : at + 64]],
            [one.customer.encode() for one in visits[at : at + 64]],
            [int(one.at.timestamp() * 1000) for one in visits[at : at + 64]],
        )
        for at in range(0, 200, 64)
    ]
    lanes = Lanes("visits", chunks, partitions)

    async def read(number):
        return [
            row
            async for part in lanes.lane(number)
            for row in zip(part.offsets.tolist(), part.keys, part.values, strict=True)
        ]

    assert [asyncio.run(read(number)) for number in range(partitions)] == expected
