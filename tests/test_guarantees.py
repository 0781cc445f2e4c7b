"""Whatever happens to workers: once each, nothing lost, and the state that the log makes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from plain_joiner import Joiner as PlainJoiner

from models import Clock, Hashed, Logistic
from models.protocol import LEARN, Plan
from streams import Event, Labels, Pipeline, Topic
from streams.image import pack
from streams.slices import Record, Slice
from streams.task import PartitionTask
from streams.testing import Driver

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PARTITIONS = 2


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
    features=[Hashed("page"), Hashed("customer"), Clock("at", ["hour"])],
    model=Logistic(bits=8),
)


def consumed(driver: Driver, number: int, records: list[Record]) -> list[Slice]:
    """A partition's records in the order in which the journal says they were consumed, singly."""
    logs = {
        topic: [it for it in records if (it.topic, it.partition) == (topic, number)]
        for topic in PIPELINE.input_topics
    }
    at, slices = dict.fromkeys(logs, 0), []
    for entry in driver.journal(number):
        assert entry.begin == at
        for topic, upto in entry.steps:
            for record in logs[topic][at[topic] : upto]:
                place = (topic, number, record.offset, record.offset + 1, [record.offset])
                slices.append(Slice(*place, [record.key], [record.value], [record.timestamp]))
            at[topic] = upto
    assert at == {topic: len(log) for topic, log in logs.items()}
    return slices


def learned_by_the_book(slices: list[Slice]) -> int:
    """How many labels the joiner in plain Python learns of these records."""
    joiner, plan, row = PlainJoiner(1_800.0, False, PIPELINE.label_topic.remember), Plan(), 0
    for one in slices:
        if one.topic == "visits":
            visit = msgspec.json.decode(one.values[0], type=Visit)
            joiner.events([visit.id], [visit.at.timestamp()], row, plan)
            row += 1
        else:
            sale = msgspec.json.decode(one.values[0], type=Sale)
            joiner.labels([sale.id], [sale.bought], [sale.at.timestamp()], plan)
    return int(np.sum(np.frombuffer(plan.op, np.int8) == LEARN))


class Lives(RuleBasedStateMachine):
    """Events and labels come; workers come, go and die; images are made and lost."""

    @initialize(workers=st.integers(1, 2))
    def start(self, workers: int) -> None:
        self.driver = Driver(PIPELINE, partitions=PARTITIONS, workers=workers, clock=NOON)
        self.sent: list[Record] = []
        self.visits: list[Visit] = []
        self.bad = 0

    @rule(
        count=st.integers(1, 6),
        minutes=st.integers(-5, 45),
        judged=st.lists(
            st.tuples(st.integers(0, 12), st.integers(-10, 60), st.booleans()), max_size=5
        ),
        delivered=st.booleans(),
        batch=st.integers(1, 9),
        order=st.sampled_from([("visits", "sales"), ("sales", "visits"), None]),
        every=st.integers(1, 3),
    )
    def traffic(self, count, minutes, judged, delivered, batch, order, every) -> None:
        """Visits, and sales that are early, late, doubled or revised, or of nobody's visit."""
        at = self.driver.now + timedelta(minutes=minutes)
        first = len(self.visits)
        them = [
            Visit(f"v{k}", at + timedelta(seconds=k % 3), f"c{k % 5}", f"p{k % 3}")
            for k in range(first, first + count)
        ]
        self.visits += them
        self.sent += self.driver.send_many("visits", them)
        for back, late, bought in judged:
            visit = self.visits[max(0, len(self.visits) - 1 - back)]
            name = visit.id if back else "nobody"
            sale = Sale(name, visit.at + timedelta(minutes=late), bought)
            self.sent.append(self.driver.send("sales", sale, key=visit.customer))
        if delivered:
            self.driver.run(batch, order=order, commit_every=every)

    @rule(record=st.sampled_from([b"{", b"null", b'{"id":7}', None]), topic=st.booleans())
    def nonsense(self, record: bytes | None, topic: bool) -> None:
        name = PIPELINE.input_topics[topic]
        self.sent.append(self.driver.send(name, record, key="c1"))
        self.bad += 1

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

    @rule(minutes=st.integers(1, 60))
    def time_passes(self, minutes: int) -> None:
        self.driver.advance(60 * minutes)

    @invariant()
    def nothing_is_published_twice(self) -> None:
        if hasattr(self, "driver"):
            seen = Counter(one.id for one in self.driver.predictions)
            assert all(count == 1 for count in seen.values())

    def teardown(self) -> None:
        if not hasattr(self, "driver"):
            return
        self.driver.run(5, order=PIPELINE.input_topics)
        assert sorted(it.id for it in self.driver.predictions) == sorted(v.id for v in self.visits)
        assert len(self.driver.dead_letters) == self.bad
        for number in range(PARTITIONS):
            self.compare(number)

    def compare(self, number: int) -> None:
        """With a task that nothing ever happened to, fed with the same records one by one."""
        slices = consumed(self.driver, number, self.sent)
        task = PartitionTask(PIPELINE, number)
        task.positions = dict.fromkeys(PIPELINE.input_topics, 0)
        lines = [value for one in slices for value in task.take(one).predictions.values]
        published = [it.raw.value for it in self.driver.predictions if it.partition == number]
        assert published == lines
        assert pack(self.driver.state(number)) == pack(task.image())
        good = [one for one in slices if b'"at"' in (one.values[0] or b"")]
        assert task.learned == learned_by_the_book(good)


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
