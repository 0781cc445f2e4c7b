"""Whatever happens to workers whose tasks mix: each delta once, everywhere; the same bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from counting import Counting, counted
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from models import AdaGrad, Hashed, Logistic, Mixing
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


def shop(model: Any, divergence: float) -> Pipeline:
    return Pipeline(
        name="shop",
        events=Topic("visits", schema=Visit, id="id", key="customer", time="at"),
        labels=Labels(
            "sales", schema=Sale, value="bought", time="at", matures_after="30m", otherwise=False
        ),
        features=[Hashed("page"), Hashed("customer")],
        model=model,
        mixing=Mixing(divergence=divergence, look_every=2),
    )


def one_by_one(
    driver: Driver, pipeline: Pipeline, number: int, records: list[Record]
) -> list[Slice]:
    """What a partition consumed, in the journal's order, cut as finely as can be."""
    logs = {
        topic: [
            it
            for it in records
            if (it.topic, it.partition) == (topic, pipeline.partition_of(topic, number))
        ]
        for topic in pipeline.consumed_topics
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

    pipeline: Pipeline

    @initialize(workers=st.integers(1, 3))
    def start(self, workers: int) -> None:
        self.driver = Driver(self.pipeline, partitions=PARTITIONS, workers=workers, clock=NOON)
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
        self.add_up(deltas, [self.driver.state(number).state for number in range(PARTITIONS)])
        for number in range(PARTITIONS):
            self.compare(number, deltas)

    def add_up(self, deltas: list[Record], states: list[Mapping[str, Any]]) -> None:
        """What all partitions know together, where that is a sum."""

    def compare(self, number: int, deltas: list[Record]) -> None:
        """With a task that nothing ever happened to, fed with the same records one by one."""
        task = PartitionTask(self.pipeline, number)
        task.positions = dict.fromkeys(self.pipeline.consumed_topics, 0)
        lines, told = [], []
        for one in one_by_one(self.driver, self.pipeline, number, [*self.sent, *deltas]):
            output = task.take(one)
            lines += output.predictions.values
            told += output.deltas
        published = [it.raw.value for it in self.driver.predictions if it.partition == number]
        assert published == lines
        assert [it.value for it in deltas if it.key == b"shop/%d" % number] == told
        assert pack(self.driver.state(number)) == pack(task.image())


class CountingLives(Lives):
    """Those of a model that only counts."""

    pipeline = shop(Counting(), 1)

    def add_up(self, deltas: list[Record], states: list[Mapping[str, Any]]) -> None:
        """Each delta is in each state, once; and each label was told, or is still to be told."""
        told = counted(deltas)
        for state in states:
            assert np.array_equal(state["learner"]["mixed"], told)
            assert state["learner"]["way"] is None
        own = sum(state["learner"]["own"].sum() for state in states)
        assert told.sum() + own == sum(state["learned"] for state in states)


class LearningLives(Lives):
    """Those of one that learns."""

    pipeline = shop(Logistic(bits=6, optimizer=AdaGrad(0.5)), 0.05)


TestCounting, TestLearning = CountingLives.TestCase, LearningLives.TestCase
TestCounting.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestLearning.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
