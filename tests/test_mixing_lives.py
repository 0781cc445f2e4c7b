"""Whatever happens to workers whose tasks mix: each delta once, everywhere; the same bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from counting import Counting, counted
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from shop_lives import ShopLives, shop

from models import AdaGrad, Hashed, LabelRate, Logistic, Mixing, Window
from models.rowdeltas import decode
from streams import Pipeline
from streams.slices import Record

HEAD = 4
"""Bytes before a part of a delta."""


def mixed(model: Any, divergence: float) -> Pipeline:
    return shop(
        features=[Hashed("page"), Hashed("customer")],
        model=model,
        mixing=Mixing(divergence=divergence, look_every=2),
    )


class Lives(ShopLives):
    """Of few customers, so that partitions stay idle; deltas come late."""

    partitions = 3

    @initialize(workers=st.integers(1, 3))
    def start(self, workers: int) -> None:
        self.begin(workers)

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
        self.come(count, customers, minutes)
        for back, late, bought in judged:
            self.judge(back, late, bought)
        if delivered:
            self.driver.run(batch, order=order, commit_every=every)

    @invariant()
    def nothing_is_told_twice(self) -> None:
        if hasattr(self, "driver"):
            told = Counter((it.key, it.value[HEAD : HEAD + 12]) for it in self.driver.deltas)
            assert all(count == 1 for count in told.values())

    def teardown(self) -> None:
        if not hasattr(self, "driver"):
            return
        self.driver.run(5)
        deltas = self.driver.deltas
        self.add_up(deltas, [self.driver.state(n).state for n in range(self.partitions)])
        for number in range(self.partitions):
            _, _, outputs = self.compare(number, [*self.sent, *deltas])
            told = [delta for output in outputs for delta in output.deltas]
            published = [it.value for it in deltas if it.key == b"shop/%d" % number]
            # Where a log is cut decides which of several windows tells first, and nothing else.
            assert sorted(published, key=whose) == sorted(told, key=whose)

    def add_up(self, deltas: list[Record], states: list[Mapping[str, Any]]) -> None:
        """What all partitions know together, where that is a sum."""


def whose(told: bytes) -> bytes:
    """The windows that a record's delta is of; nothing: it is of weights."""
    return told[HEAD : HEAD + 3] if told[HEAD] == 2 else b""


class CountingLives(Lives):
    """Those of a model that only counts."""

    pipeline = mixed(Counting(), 1)

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

    pipeline = mixed(Logistic(bits=6, optimizer=AdaGrad(0.5)), 0.05)


class SharingLives(Lives):
    """Those of one whose windows are of the events and labels of all partitions, and that mixes."""

    pipeline = shop(
        features=[
            Window(by="page", over=["1m", "2h"], stats=["count", "since_last"], shared=True),
            Window("customer", by="page", over=["1h"], stats=["distinct"], shared=True),
            LabelRate(by="page", over=["2h"], delay="30m", shared=True),
        ],
        model=Logistic(bits=6, optimizer=AdaGrad(0.5)),
        mixing=Mixing(divergence=0.05, look_every=2),
    )

    def add_up(self, deltas: list[Record], states: list[Mapping[str, Any]]) -> None:
        """All have been told of every event and of every label that was taken in elsewhere."""
        rows = Counter[tuple[int, bytes]]()
        for it in deltas:
            if window := whose(it.value):
                rows[window[1], it.key] += len(decode(it.value[HEAD + 3 :]).times)
        for number, state in enumerate(states):
            encoder = state["encoder"]
            windows = [*encoder["windows"].values(), encoder["rates"]["labels-by-page"]["windows"]]
            for place, it in enumerate(windows):
                exchange, own = it["exchange"], b"shop/%d" % number
                heard = sum(n for (of, key), n in rows.items() if of == place and key != own)
                assert exchange["counts"].tolist() == [0, heard]
                assert exchange["under_way"] == b""
                assert len(exchange["times"]) == 0


TestCounting, TestLearning = CountingLives.TestCase, LearningLives.TestCase
TestSharing = SharingLives.TestCase
TestSharing.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestCounting.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestLearning.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
