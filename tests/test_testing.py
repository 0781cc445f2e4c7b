from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import Hashed, Logistic
from streams import Event, Labels, Pipeline, Threshold, Topic
from streams.image import pack
from streams.partitioning import partitions_of
from streams.testing import Driver, DriverError

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Visit(Event, frozen=True):
    id: str
    customer: str
    page: str


class Sale(Event, frozen=True):
    id: str
    customer: str
    bought: bool


def shop(**changed: Any) -> Pipeline:
    own: dict[str, Any] = {
        "name": "shop",
        "events": Topic("visits", schema=Visit, id="id", key="customer"),
        "labels": Labels("sales", schema=Sale, value="bought"),
        "features": [Hashed("page"), Hashed("customer")],
        "model": Logistic(bits=8),
        "decide": Threshold(0.5),
    }
    return Pipeline(**{**own, **changed})


PIPELINE = shop()


def visits(n: int, first: int = 0) -> list[Visit]:
    return [Visit(f"v{k}", f"c{k % 7}", f"p{k % 3}") for k in range(first, first + n)]


def sales(n: int, first: int = 0) -> list[Sale]:
    return [Sale(f"v{k}", f"c{k % 7}", k % 2 == 0) for k in range(first, first + n)]


def states(driver: Driver, partitions: int) -> list[bytes]:
    return [pack(driver.state(number)) for number in range(partitions)]


def answers(driver: Driver) -> dict[str, list[bytes]]:
    """The predictions of each event as bytes; there should be one."""
    found: dict[str, list[bytes]] = {}
    for prediction in driver.predictions:
        found.setdefault(prediction.id, []).append(prediction.raw.value)
    return found


def test_nothing_is_read_before_it_is_run():
    driver = Driver(PIPELINE)
    driver.send("visits", Visit("v1", "c1", "p1"))
    assert driver.predictions == []
    driver.run()
    [prediction] = driver.predictions
    assert (prediction.id, prediction.score, prediction.decision) == ("v1", 0.5, True)
    driver.run()
    assert len(driver.predictions) == 1


def test_a_prediction_is_an_object_and_the_record_it_was_read_from():
    driver = Driver(PIPELINE, partitions=1, clock=NOON)
    driver.send("visits", Visit("v1", "c1", "p1"), headers=[("trace", b"7")])
    driver.run()
    [prediction] = driver.predictions
    raw = prediction.raw
    assert (raw.topic, raw.partition, raw.offset) == ("shop.predictions", 0, 0)
    assert (raw.key, list(raw.headers)) == (b"c1", [("trace", b"7")])
    assert raw.timestamp == NOON.timestamp() * 1000
    assert raw.value.startswith(b'{"id":"v1",')


@pytest.mark.parametrize(
    "value",
    [
        Visit("v1", "c1", "p1"),
        {"id": "v1", "customer": "c1", "page": "p1"},
        b'{"id":"v1","customer":"c1","page":"p1"}',
    ],
    ids=["event", "mapping", "bytes"],
)
def test_a_value_is_an_event_a_mapping_or_bytes(value):
    driver = Driver(PIPELINE)
    driver.send("visits", value)
    driver.run()
    assert [prediction.id for prediction in driver.predictions] == ["v1"]


def test_records_go_to_the_partition_that_kafkas_clients_choose():
    driver = Driver(PIPELINE, partitions=5)
    sent = driver.send_many("visits", visits(30))
    expected = partitions_of([record.key for record in sent], 5).tolist()
    assert [record.partition for record in sent] == expected
    assert {record.key for record in sent} == {b"c%d" % k for k in range(7)}


def test_records_without_a_key_take_turns():
    driver = Driver(PIPELINE, partitions=3)
    sent = [driver.send("visits", visit, key=None) for visit in visits(4)]
    assert [record.partition for record in sent] == [0, 1, 2, 0]


def test_a_label_goes_where_its_event_went():
    driver = Driver(PIPELINE, partitions=5)
    events, labels = driver.send_many("visits", visits(9)), driver.send_many("sales", sales(9))
    assert [label.partition for label in labels] == [event.partition for event in events]
    driver.run()
    assert sum(driver.state(number).state["learned"] for number in range(5)) == 9
    assert driver.quality["labels"] == 9


def test_a_record_goes_where_it_is_sent():
    driver = Driver(PIPELINE, partitions=3)
    record = driver.send("visits", b"{", key="c1", partition=2, timestamp=5)
    assert (record.partition, record.offset, record.key, record.timestamp) == (2, 0, b"c1", 5)
    driver.run()
    [letter] = driver.dead_letters
    assert (letter.reason, letter.topic, letter.partition, letter.offset) == (
        "malformed",
        "visits",
        2,
        0,
    )
    assert letter.raw.value == b"{"


def test_the_clock_stands_still_until_it_is_moved():
    driver = Driver(PIPELINE, clock=NOON)
    first, second = driver.send_many("visits", visits(2))
    driver.advance(90)
    third = driver.send("visits", visits(1)[0])
    assert driver.now == NOON + timedelta(seconds=90)
    assert [r.timestamp / 1000 - NOON.timestamp() for r in (first, second, third)] == [0, 0, 90]


def test_silence_matures_when_events_are_late_enough():
    driver = Driver(
        shop(
            labels=Labels("sales", schema=Sale, value="bought", matures_after="1h", otherwise=False)
        ),
        partitions=1,
    )
    driver.send_many("visits", visits(2))
    driver.advance(3_599)
    driver.send("visits", visits(1, 2)[0])
    driver.run()
    assert driver.quality["labels"] == 0
    driver.advance(1)
    driver.send("visits", visits(1, 3)[0])
    driver.run()
    assert driver.quality["labels"] == 2


@pytest.mark.parametrize("batch", [None, 1, 7, [1, 2, 50], partial(Random(3).randint, 1, 9)])
def test_the_cut_of_the_log_makes_no_difference(batch):
    def driven(batch):
        driver = Driver(PIPELINE, partitions=2)
        driver.send_many("visits", visits(60))
        driver.send_many("sales", sales(40))
        driver.run(batch)
        return driver

    assert answers(driven(batch)) == answers(driven(None))
    assert states(driven(batch), 2) == states(driven(None), 2)


def test_the_order_of_topics_can_be_set():
    def outcomes(order):
        driver = Driver(PIPELINE, partitions=1, clock=NOON)
        driver.send_many("visits", visits(10))
        driver.send_many("sales", sales(10))
        driver.run(1, order=order)
        return driver.state(0).state["joiner"]["outcomes"]

    assert outcomes(None) == outcomes(["sales", "visits"]) == {"early": 10, "joined": 10}
    assert outcomes(["visits", "sales"]) == {"joined": 10}
    assert outcomes(["visits"]) == {}


def test_workers_share_the_partitions_as_a_consumer_group_does():
    driver = Driver(PIPELINE, partitions=5, workers=2)
    assert driver.assignment == [range(3), range(3, 5)]
    driver.rebalance(4)
    assert driver.assignment == [range(2), range(2, 3), range(3, 4), range(4, 5)]
    driver.rebalance(7)
    assert driver.assignment[5:] == [range(5, 5), range(5, 5)]


def test_a_rebalance_changes_nothing():
    driver, still = Driver(PIPELINE, partitions=3), Driver(PIPELINE, partitions=3)
    for part in range(4):
        for one in (driver, still):
            one.send_many("visits", visits(10, 10 * part))
            one.send_many("sales", sales(10, 10 * part))
            one.run()
        driver.rebalance(workers=1 + part % 3)
    assert answers(driver) == answers(still)
    assert states(driver, 3) == states(still, 3)


actions = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 12)),
    st.tuples(st.just("run"), st.integers(1, 9)),
    st.tuples(st.just("crash"), st.none() | st.integers(1, 15)),
    st.tuples(st.just("rebalance"), st.integers(1, 4)),
    st.tuples(st.just("checkpoint"), st.none()),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(actions, max_size=12), st.integers(1, 3), st.integers(1, 4))
def test_whatever_happens_to_the_workers_every_event_has_one_prediction(
    script, partitions, commit_every
):
    """Its label is in the event, so that the log alone says what every prediction is."""

    class Told(Visit, frozen=True):
        bought: bool

    pipeline = shop(events=Topic("visits", schema=Told, key="customer", id="id"), labels="bought")
    driver, still = Driver(pipeline, partitions=partitions), Driver(pipeline, partitions=partitions)
    sent = 0
    for action, argument in script:
        if action == "send":
            told = [
                Told(visit.id, visit.customer, visit.page, int(visit.id[1:]) % 3 == 0)
                for visit in visits(argument, sent)
            ]
            sent += argument
            driver.send_many("visits", told)
            still.send_many("visits", told)
        elif action == "run":
            driver.run(argument, commit_every=commit_every)
        elif action == "crash":
            driver.crash(after=argument)
        elif action == "rebalance":
            driver.rebalance(argument)
        else:
            driver.checkpoint()
    driver.run()
    still.run()
    assert answers(driver) == answers(still)
    assert all(len(found) == 1 for found in answers(driver).values())
    assert len(driver.predictions) == sent
    assert states(driver, partitions) == states(still, partitions)


def test_a_crash_loses_what_is_not_committed_and_nothing_else():
    driver = Driver(PIPELINE, partitions=1)
    driver.send_many("visits", visits(10))
    driver.crash(after=7)
    driver.run(5)
    assert [prediction.id for prediction in driver.predictions] == [f"v{k}" for k in range(10)]
    assert driver.state(0).positions == {"sales": 0, "visits": 10}


def test_the_crash_of_one_worker_leaves_the_others_alone():
    driver = Driver(PIPELINE, partitions=2, workers=2)
    driver.send_many("visits", visits(20))
    driver.run()
    before = states(driver, 2)
    driver.crash(worker=1)
    assert states(driver, 2) == before
    driver.run()
    assert len(driver.predictions) == 20


def test_a_crash_falls_back_on_the_last_checkpoint_and_computes_again_what_was_committed():
    driver = Driver(PIPELINE, partitions=1)
    driver.send_many("visits", visits(6))
    driver.run()
    driver.checkpoint()
    driver.send_many("visits", visits(4, 6))
    driver.run()
    before = states(driver, 1)
    driver.crash()
    assert states(driver, 1) == before
    driver.run()
    assert len(driver.predictions) == 10


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (
            lambda driver: driver.send("visit", None),
            "topic 'visit'\n  why:   the pipeline reads 'visits' and 'sales'\n  write: 'visits'",
        ),
        (
            lambda driver: driver.send("visits", sales(1)[0]),
            "a Sale for 'visits'\n"
            "  why:   its records are declared as Visit\n"
            "  write: driver.send('visits', Visit(…)), or a dict or bytes as they are",
        ),
        (
            lambda driver: driver.send("sales", {"id": "v1", "bought": True}),
            "a label for 'sales' without a key\n"
            "  why:   a label finds its event in the partition of the same number\n"
            "  write: driver.send('sales', …, key=…)  # the event's customer",
        ),
        (
            lambda driver: driver.send("visits", None, partition=4),
            "partition=4\n"
            "  why:   the topics have 4, the first is 0\n"
            "  write: Driver(…, partitions=5)",
        ),
        (
            lambda driver: driver.state(-1),
            "partition=-1\n  why:   the topics have 4, the first is 0\n  write: partition=0",
        ),
        (
            lambda driver: (driver.send_many("visits", visits(3)), driver.run(0)),
            "a batch of 0\n  why:   a slice has at least one record\n  write: batch=1",
        ),
        (
            lambda driver: driver.run(order=["sale"]),
            "topic 'sale'\n  why:   the pipeline reads 'visits' and 'sales'\n  write: 'sales'",
        ),
        (
            lambda driver: driver.advance(-5),
            "advance(-5)\n  why:   a clock goes on, not back\n  write: advance(5)",
        ),
        (
            lambda driver: driver.crash(after=0),
            "crash(after=0)\n  why:   it counts the records that are still taken\n  write: crash()",
        ),
        (
            lambda driver: driver.crash(worker=1),
            "crash(worker=1)\n  why:   there are 1, the first is 0\n  write: crash(worker=0)",
        ),
        (
            lambda driver: driver.rebalance(0),
            "workers=0\n  why:   nobody would read the topics\n  write: workers=1",
        ),
        (
            lambda driver: Driver(PIPELINE, partitions=0),
            "partitions=0\n  why:   a topic has at least one\n  write: partitions=1",
        ),
    ],
)
def test_a_mistake_is_told_with_what_to_write_instead(mistake, told):
    with pytest.raises(DriverError) as caught:
        mistake(Driver(PIPELINE))
    assert str(caught.value) == told


def test_a_label_without_a_key_is_fine_where_there_is_one_partition_or_it_is_named():
    sale = {"id": "v1", "bought": True}
    assert Driver(PIPELINE, partitions=1).send("sales", sale).partition == 0
    assert Driver(PIPELINE).send("sales", sale, partition=3).partition == 3
    assert Driver(PIPELINE).send("sales", sale, key="c1").key == b"c1"
