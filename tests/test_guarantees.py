"""Whatever happens to workers: once each, nothing lost, and the state that the log makes."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from plain_joiner import Joiner as PlainJoiner
from shop_lives import ShopLives, shop
from shop_schemas import Sale, Visit

from models import Clock, Hashed, Logistic
from models.protocol import LEARN, Plan
from streams.slices import Slice

PIPELINE = shop(
    features=[Hashed("page"), Hashed("customer"), Clock("at", ["hour"])],
    model=Logistic(bits=8),
)


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


class Lives(ShopLives):
    """Sales are early, late, doubled or revised, or of nobody's visit; there is nonsense too."""

    pipeline = PIPELINE
    partitions = 2

    @initialize(workers=st.integers(1, 2))
    def start(self, workers: int) -> None:
        self.begin(workers)
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
        self.come(count, 5, minutes)
        for back, late, bought in judged:
            self.judge(back, late, bought, None if back else "nobody")
        if delivered:
            self.driver.run(batch, order=order, commit_every=every)

    @rule(record=st.sampled_from([b"{", b"null", b'{"id":7}', None]), topic=st.booleans())
    def nonsense(self, record: bytes | None, topic: bool) -> None:
        name = PIPELINE.input_topics[topic]
        self.sent.append(self.driver.send(name, record, key="c1"))
        self.bad += 1

    @rule(minutes=st.integers(1, 60))
    def time_passes(self, minutes: int) -> None:
        self.driver.advance(60 * minutes)

    def teardown(self) -> None:
        if not hasattr(self, "driver"):
            return
        self.driver.run(5, order=PIPELINE.input_topics)
        assert sorted(it.id for it in self.driver.predictions) == sorted(v.id for v in self.visits)
        assert len(self.driver.dead_letters) == self.bad
        for number in range(self.partitions):
            task, slices, _ = self.compare(number, self.sent)
            good = [one for one in slices if b'"at"' in (one.values[0] or b"")]
            assert task.learned == learned_by_the_book(good)


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
