"""What may happen to workers of a shop's pipeline, and the task that nothing ever happened to."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from shop_schemas import Sale, Visit

from streams import Labels, Pipeline, Topic
from streams.image import pack
from streams.mixing import of_group
from streams.slices import Record, Slice
from streams.task import Output, PartitionTask
from streams.testing import Driver

__all__ = ["ShopLives", "shop"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def shop(**declared: Any) -> Pipeline:
    """A pipeline whose labels come by a topic of their own and mature after half an hour."""
    return Pipeline(
        name="shop",
        events=Topic("visits", schema=Visit, id="id", key="customer", time="at"),
        labels=Labels(
            "sales", schema=Sale, value="bought", time="at", matures_after="30m", otherwise=False
        ),
        **declared,
    )


class ShopLives(RuleBasedStateMachine):
    """Workers come, go and die; images are made and lost.

    Attributes:
        pipeline: theirs.
        partitions: of its topics.
        sent: all records of its events and labels.
        visits: the events among them that are none of nonsense.
    """

    pipeline: Pipeline
    partitions: int

    def begin(self, workers: int) -> None:
        self.driver = Driver(self.pipeline, partitions=self.partitions, workers=workers, clock=NOON)
        self.sent: list[Record] = []
        self.visits: list[Visit] = []

    def come(self, count: int, customers: int, minutes: int) -> None:
        """Visits of so many customers, so many minutes from now."""
        at = self.driver.now + timedelta(minutes=minutes)
        first = len(self.visits)
        them = [
            Visit(f"v{k}", f"c{k % customers}", f"p{k % 3}", at + timedelta(seconds=k % 3))
            for k in range(first, first + count)
        ]
        self.visits += them
        self.sent += self.driver.send_many("visits", them)

    def judge(self, back: int, late: int, bought: bool, name: str | None = None) -> None:
        """A sale, `late` minutes after a visit some places back; under a name that is not its."""
        visit = self.visits[max(0, len(self.visits) - 1 - back)]
        at = visit.at + timedelta(minutes=late)
        sale = Sale(name or visit.id, visit.customer, bought, at)
        self.sent.append(self.driver.send("sales", sale, key=visit.customer))

    @rule(after=st.none() | st.integers(1, 12), worker=st.none() | st.just(0))
    def crash(self, after: int | None, worker: int | None) -> None:
        self.driver.crash(after=after, worker=worker)

    @rule(workers=st.none() | st.integers(1, 3), damaged=st.none() | st.integers(0, 2))
    def images(self, workers: int | None, damaged: int | None) -> None:
        """Are made, at a rebalance or because it is time; one cannot be read when it is needed."""
        if workers is None:
            self.driver.checkpoint()
        else:
            self.driver.rebalance(workers)
        if damaged is not None:
            self.driver.lose_checkpoint(damaged % self.partitions)
            self.driver.crash()

    @invariant()
    def nothing_is_published_twice(self) -> None:
        if hasattr(self, "driver"):
            seen = Counter(one.id for one in self.driver.predictions)
            assert all(count == 1 for count in seen.values())

    def compare(
        self, number: int, records: list[Record]
    ) -> tuple[PartitionTask, list[Slice], list[Output]]:
        """A partition with a task that nothing ever happened to, fed with the same, one by one.

        Answers that task, with what it took and what it answered.
        """
        slices = self.one_by_one(number, records)
        task = PartitionTask(self.pipeline, number)
        task.positions = dict.fromkeys(self.pipeline.consumed_topics, 0)
        outputs = [task.take(one) for one in slices]
        published = [it.raw.value for it in self.driver.predictions if it.partition == number]
        assert published == [value for one in outputs for value in one.predictions.values]
        assert pack(self.driver.state(number)) == pack(task.image())
        return task, slices, outputs

    def one_by_one(self, number: int, records: list[Record]) -> list[Slice]:
        """What a partition consumed, in the journal's order, cut as finely as can be."""
        logs = {
            topic: [
                it
                for it in records
                if (it.topic, it.partition) == (topic, self.pipeline.partition_of(topic, number))
            ]
            for topic in self.pipeline.consumed_topics
        }
        at, slices = dict.fromkeys(logs, 0), []
        for entry in self.driver.journal(number):
            assert entry.begin == at
            for topic, upto in entry.steps:
                for it in logs[topic][at[topic] : upto]:
                    place = (topic, it.partition, it.offset, it.offset + 1, [it.offset])
                    one = Slice(*place, [it.key], [it.value], [it.timestamp])
                    mixed = topic == self.pipeline.deltas_topic
                    slices.append(of_group(one, self.pipeline.name) if mixed else one)
                at[topic] = upto
        assert at == {topic: len(log) for topic, log in logs.items()}
        return slices
