"""Tests of windows that partitions share: what each sees of the others, when, and to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_windows import PlainWindows
from test_windows import DAY, LATE, NUMERIC, REMEMBER, SECOND, events_of, every, take, texts, values

from models import Spikes
from models.column import EVENT_TIME
from models.deltas import DeltaError
from models.digests import identified
from models.memory import Memory
from models.protocol import Plan
from models.rates import Rates
from models.rowdeltas import decode
from models.windows import Windows

law = settings(deadline=None, max_examples=200)  # a first example compiles

OVER = [3, 10, 30]


def shared(late=5, remember=1000, stats=NUMERIC):
    return Windows(OVER, late, remember, every(stats), shared=True)


class Partitions:
    """Windows that share what they know, and the log of what they tell each other."""

    def __init__(self, *windows):
        self.windows = windows
        self.log = []
        self.read = [0] * len(windows)

    def take(self, partition, events):
        found = take(self.windows[partition], events)
        self.publish(partition)
        return found

    def publish(self, partition):
        self.log += [(partition, it) for it in self.windows[partition].exchange.outbox()]

    def fold(self, partition, most=1_000_000):
        """Have one read the log; what it tells then stands behind that."""
        begin = self.read[partition]
        new = self.log[begin : begin + most]
        self.read[partition] = begin + len(new)
        for sender, delta in new:
            self.windows[partition].fold(sender, delta, own=sender == partition)
        self.publish(partition)

    def exchange(self):
        while any(read < len(self.log) for read in self.read):
            for partition in range(len(self.windows)):
                self.fold(partition)


def bits(state):
    return {
        name: bits(it) if isinstance(it, dict) else np.asarray(it).tobytes()
        for name, it in state.items()
    }


STEPS = st.lists(st.tuples(st.sampled_from([0, 0, 1]), st.integers(0, 3)), max_size=40)


def replayed(partitions, plain, given, steps):
    """Have two partitions take events in some order, read each other now and then; what 0 saw.

    A step is whose event comes next, and how many deltas partition 0 reads then.
    """
    queues, found, expected = [iter(events) for events in given], [], []
    for whose, most in steps:
        event = next(queues[whose], None)
        if event is not None:
            answer = partitions.take(whose, [event])
            if whose == 0:
                found += answer
                expected.append(plain.take_one(*event))
        fresh = partitions.log[partitions.read[0] :][:most]
        mirrored = [delta for sender, delta in fresh if sender == 1]
        partitions.fold(0, most)
        partitions.fold(1)
        for delta in mirrored:
            for row in rows_of(delta):
                plain.fold(*row)
    return found, expected


def rows_of(delta):
    given = decode(delta)
    names = {identified([name])[0].tobytes(): name for name in "abcd"}
    return [
        (names[key.tobytes()], int(at), float(value))
        for key, at, value in zip(given.ids, given.times, given.bits.view(np.float64), strict=True)
    ]


@law
@given(events_of(values, 25), events_of(values, 25), STEPS, LATE, REMEMBER)
def test_a_figure_is_of_what_it_took_in_and_was_told_to_the_bit(mine, others, steps, late, most):
    """Whatever the dates the others are at, and with as little memory as there may be."""
    partitions = Partitions(shared(late, most), shared(30, 1000))
    plain = PlainWindows(OVER, late, most, every(NUMERIC))
    found, expected = replayed(partitions, plain, (mine, others), steps)
    assert found == expected
    told = {"untold", "dropped", "told_elsewhere", "behind"}
    assert {k: v for k, v in partitions.windows[0].summary().items() if k not in told} == {
        "events": plain.events,
        "keys": len(plain.keys),
        "evicted": plain.evicted,
        "forgotten": plain.forgotten,
        "too_late": plain.too_late,
    }


@law
@given(events_of(values), st.lists(st.integers(0, 40), max_size=4), LATE, REMEMBER)
def test_alone_it_is_what_it_is_without_to_the_bit(events, cuts, late, most):
    alone = Partitions(shared(late, most))
    plain = Windows(OVER, late, most, every(NUMERIC))
    found = []
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(events)], strict=True):
        found += alone.take(0, events[start:stop])
        alone.fold(0)
    assert found == take(plain, events)
    state, other = alone.windows[0].state(), plain.state()
    assert all(bits(state)[name] == bits(other)[name] for name in other if name != "ends")


@law
@given(
    events_of(values),
    events_of(values, 20),
    st.lists(st.integers(0, 40), max_size=5),
    st.sampled_from([0, 2, 5, 30]),
    st.sampled_from([1, 2, 5, 1000]),
)
def test_no_cut_and_no_restart_changes_a_bit(events, others, cuts, late, most):
    """Of figures, of what is told, and of what is remembered; nor does where it is cut tell."""
    teller = Partitions(shared(30, 1000))
    teller.take(0, others)
    teller.fold(0)
    begun, whole, parts = sorted(cuts), shared(late, most), shared(late, most)
    folds = set(begun[::2])
    first, second, told, again = [], [], [], []
    for start, stop in zip([0, *begun], [*begun, len(events)], strict=True):
        if start in folds and teller.log:  # both are told at the same place
            folds.discard(start)
            _, delta = teller.log.pop(0)
            for windows in (whole, parts):
                windows.fold(1, delta, own=False)
        first += take(whole, events[start:stop])
        told += whole.exchange.outbox()
        for one in events[start:stop]:
            fresh = shared(late, most)
            fresh.restore(parts.state())
            parts = fresh
            second += take(parts, [one])
            again += parts.exchange.outbox()
        if stop % 2 and whole.exchange.under_way:
            for windows, made in ((whole, told), (parts, again)):
                windows.fold(0, windows.exchange.under_way, own=True)
                made += windows.exchange.outbox()
    assert (first, told) == (second, again)
    assert bits(parts.state()) == bits(whole.state())


@law
@given(st.lists(events_of(texts, 12), min_size=3, max_size=3))
def test_all_who_have_read_all_see_the_same(given):
    partitions = Partitions(*(shared(30, stats=["count", "distinct"]) for _ in given))
    for partition, events in enumerate(given):
        partitions.take(partition, events)
    partitions.exchange()
    end = max([0, *(at for events in given for _, at, _ in events)])
    asked = [(key, end, None) for key in "abcd"]
    one, *others = (take(windows, asked) for windows in partitions.windows)
    assert others == [one, one]


def test_it_tells_at_once_and_one_delta_at_a_time():
    windows = shared()
    take(windows, [("a", n, 1.0) for n in range(5)])
    [first] = windows.exchange.outbox()
    assert windows.summary()["untold"] == 4
    take(windows, [("a", 5, 1.0)])
    assert windows.exchange.outbox() == []
    windows.fold(0, first, own=True)
    [rest] = windows.exchange.outbox()
    assert windows.summary()["untold"] == 0
    windows.fold(0, rest, own=True)
    assert windows.exchange.under_way == b""


def test_rows_that_wait_are_bounded_and_what_was_never_told_is_counted():
    windows, other = shared(remember=3), shared()
    take(windows, [("a", n, 1.0) for n in range(10)])
    assert windows.summary()["dropped"] == 6
    for _ in range(2):
        delta = windows.exchange.under_way
        other.fold(0, delta, own=False)
        windows.fold(0, delta, own=True)
    assert take(other, [("a", 9, None)])[0][:3] == [3.0, 4.0, 4.0]


def test_a_delta_twice_or_skipped_or_never_told_is_refused_and_changes_nothing():
    partitions = Partitions(shared(), shared())
    for n in range(3):
        partitions.take(1, [("a", n, 1.0)])
        partitions.fold(1)
    (_, first), (_, second), (_, third) = partitions.log
    mine = partitions.windows[0]
    mine.fold(1, first, own=False)
    before = bits(mine.state())
    for delta, own, why in (
        (first, False, "lost or repeated one"),
        (third, False, "lost or repeated one"),
        (second, True, "lost or repeated one"),
    ):
        with pytest.raises(DeltaError, match=why):
            mine.fold(0 if own else 1, delta, own=own)
    with pytest.raises(DeltaError, match="is not what it told"):
        shared().fold(0, first, own=True)
    assert bits(mine.state()) == before


def test_an_event_far_behind_what_others_are_at_has_its_figures():
    """Partitions that read a backlog are at different dates: late is what the own ones make it."""
    partitions = Partitions(shared(late=0), shared())
    partitions.take(1, [("a", 10 * DAY, 1.0), ("a", 3, 1.0)])
    partitions.exchange()
    found = partitions.take(0, [("a", 2, 1.0), ("a", 4, 1.0)])
    assert [row[0] for row in found] == [1.0, 2.0]
    assert partitions.windows[0].summary()["too_late"] == 0


def exchanged(sliding):
    """Have several that share read all that they tell each other."""
    log, read = [], [0] * len(sliding)
    while True:
        for partition, windows in enumerate(sliding):
            log += [(partition, it) for it in windows.exchange.outbox()]
        if read == [len(log)] * len(sliding):
            return
        for partition, windows in enumerate(sliding):
            for sender, delta in log[read[partition] :]:
                windows.fold(sender, delta, own=sender == partition)
            read[partition] = len(log)


@law
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from("ab"), st.integers(0, 5), st.booleans()),
        max_size=60,
    ),
    st.integers(1, 9),
)
def test_rates_that_end_longer_ago_than_the_others_need_to_tell_are_those_of_one(events, every):
    """Told every so many events, of which none is 5 s behind the next, and 50 s are the delay."""
    one = Rates([30, 100], 50, 10, 1000, stats=("count", "sum"))
    parts = [Rates([30, 100], 50, 10, 1000, stats=("count", "sum"), shared=True) for _ in range(3)]
    rows, now = [0, 0, 0], 0
    for n, (partition, key, step, label) in enumerate(events):
        now += step
        found = []
        for rates, row in ((one, n), (parts[partition], rows[partition])):
            plan = Plan()
            plan.score(row)
            plan.learn(row, label)
            found.append(np.hstack(rates.take([key], np.array([now]), plan)).tolist())
        assert found[0] == found[1]
        rows[partition] += 1
        if n % every == 0:
            exchanged([rates.windows for rates in parts])


def test_a_spike_that_another_partition_saw_is_one_here():
    feature = Spikes("amount", by="shop", above=2.0, usual="10d", over=["1d"], shared=True)
    memories, found = [Memory(), Memory()], []
    for memory in memories:
        feature.enter(memory)
    for partition, (second, amount) in enumerate([(0, 10.0), (1, 12.0), (2, 90.0), (3, 11.0)]):
        columns = {
            "amount": [amount],
            "shop": ["x"],
            EVENT_TIME: np.array([second * SECOND]).view("datetime64[us]"),
        }
        found.append(feature.figures(columns, memories[partition % 2]).tolist())
        for each in zip(*(memory.shared for memory in memories), strict=True):
            exchanged(each)
    assert found == [[[0.0]], [[0.0]], [[1.0]], [[1.0]]]
    assert [memory.summary()["window_told_elsewhere"] for memory in memories] == [2, 3]
