"""Whatever happens to workers whose tasks mix: each delta once, everywhere; the same bits."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
from counting import Counting, counted
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from models import Hashed, Mixing
from streams import Event, Labels, Pipeline, Topic
from streams.image import pack
from streams.mixing import of_group
from streams.slices import Record, Slice
from streams.task import PartitionTask
from streams.testing import Driver

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PARTITIONS = 3
HEAD = 4
"""Bytes before a part of a delta."""


class Visit(Event, frozen=True):
    id: str
    at: datetime
    customer: str
    page: str


class Sale(Event, frozen=True):
    id: str
    at: datetime
    bought: bool


PIPELINE = Pipeline(
    name="shop",
    events=Topic("visits", schema=Visit, id="id", key="customer", time="at"),
    labels=Labels(
        "sales", schema=Sale, value="bought", time="at", matures_after="30m", otherwise=False
    ),
    features=[Hashed("page"), Hashed("customer")],
    model=Counting(),
    mixing=Mixing(divergence=1, look_every=2),
)


def one_by_one(driver: Driver, number: int, records: list[Record]) -> list[Slice]:
    """What a partition consumed, in the journal's order, cut as finely as can be."""
    logs = {
        topic: [
            it
            for it in records
            if (it.topic, it.partition) == (topic, PIPELINE.partition_of(topic, number))
        ]
        for topic in PIPELINE.consumed_topics
    }
    at, slices = dict.fromkeys(logs, 0), []
    for entry in driver.journal(number):
        assert entry.begin == at
        for topic, upto in entry.steps:
            for record in logs[topic][at[topic] : upto]:
                place = (topic, record.partition, record.offset, record.offset + 1, [record.offset])
                one = Slice(*place, [record.key], [record.value], [record.timestamp])
                slices.append(of_group(one, "shop") if topic == "shop.deltas" else one)
            at[topic] = upto
    assert at == {topic: len(log) for topic, log in logs.items()}
    return slices


class Lives(RuleBasedStateMachine):
    """Events and labels come; workers come, go and die; images are made and lost."""

    @initialize(workers=st.integers(1, 3))
    def start(self, workers: int) -> None:
        self.driver = Driver(PIPELINE, partitions=PARTITIONS, workers=workers, clock=NOON)
        self.sent: list[Record] = []
        self.visits: list[Visit] = []

    @rule(
        count=st.integers(1, 9),
        customers=st.sampled_from([1, 2, 7]),
        minutes=st.integers(-5, 45),
        judged=st.lists(
            st.tuples(st.integers(0, 12), st.integers(-10, 60), st.booleans()), max_size=6
        ),
        delivered=st.booleans(),
        batch=st.integers(1, 9),
        order=st.sampled_from(
            [
                ("visits", "sales", "shop.deltas"),
                ("shop.deltas", "sales", "visits"),
                ("visits", "sales"),
                ("shop.deltas",),
                None,
            ]
        ),
        every=st.integers(1, 3),
    )
    def traffic(self, count, customers, minutes, judged, delivered, batch, order, every) -> None:
        """Visits and sales; of few customers, so that partitions stay idle; deltas come late."""
        at = self.driver.now + timedelta(minutes=minutes)
        first = len(self.visits)
        them = [
            Visit(f"v{k}", at + timedelta(seconds=k % 3), f"c{k % customers}", f"p{k % 3}")
            for k in range(first, first + count)
        ]
        self.visits += them
        self.sent += self.driver.send_many("visits", them)
        for back, late, bought in judged:
            visit = self.visits[max(0, len(self.visits) - 1 - back)]
            sale = Sale(visit.id, visit.at + timedelta(minutes=late), bought)
            self.sent.append(self.driver.send("sales", sale, key=visit.customer))
        if delivered:
            self.driver.run(batch, order=order, commit_every=every)

    @rule(after=st.none() | st.integers(1, 12), worker=st.none() | st.just(0))
    def crash(self, after: int | None, worker: int | None) -> None:
        self.driver.crash(after=after, worker=worker)

    @rule(workers=st.none() | st.integers(1, 3), damaged=st.none() | st.integers(0, PARTITIONS - 1))
    def images(self, workers: int | None, damaged: int | None) -> None:
        """Are made, at a rebalance or because it is time; one cannot be read when it is needed."""
        if workers is None:
            self.driver.checkpoint()
        else:
            self.driver.rebalance(workers)
        if damaged is not None:
            self.driver.lose_checkpoint(damaged)
            self.driver.crash()

    @invariant()
    def nothing_is_published_twice(self) -> None:
        if hasattr(self, "driver"):
            seen = Counter(one.id for one in self.driver.predictions)
            assert all(count == 1 for count in seen.values())
            told = Counter((it.key, it.value[HEAD : HEAD + 12]) for it in self.driver.deltas)
            assert all(count == 1 for count in told.values())

    def teardown(self) -> None:
        if not hasattr(self, "driver"):
            return
        self.driver.run(5)
        deltas = self.driver.deltas
        print("DELTAS", len(deltas))
        told = counted(deltas)
        states = [self.driver.state(number).state for number in range(PARTITIONS)]
        for state in states:
            assert np.array_equal(state["learner"]["mixed"], told)
            assert state["learner"]["way"] is None
        learned = sum(state["learned"] for state in states)
        assert told.sum() + sum(state["learner"]["own"].sum() for state in states) == learned
        for number in range(PARTITIONS):
            self.compare(number, deltas)

    def compare(self, number: int, deltas: list[Record]) -> None:
        """With a task that nothing ever happened to, fed with the same records one by one."""
        task = PartitionTask(PIPELINE, number)
        task.positions = dict.fromkeys(PIPELINE.consumed_topics, 0)
        lines, told = [], []
        for one in one_by_one(self.driver, number, [*self.sent, *deltas]):
            output = task.take(one)
            lines += output.predictions.values
            told += output.deltas
        published = [it.raw.value for it in self.driver.predictions if it.partition == number]
        assert published == lines
        assert [it.value for it in deltas if it.key == b"shop/%d" % number] == told
        assert pack(self.driver.state(number)) == pack(task.image())


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
