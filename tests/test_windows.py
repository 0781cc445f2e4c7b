"""Tests of models.windows and its kernels: exact figures, in whatever order and cut events come."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_windows import PlainWindows

from models.textcolumn import TextColumn
from models.windows import Windows

law = settings(deadline=None, max_examples=300)  # a first example compiles

SECOND, DAY = 1_000_000, 86_400_000_000
OVER = [3, 10, 30]
NUMERIC = ["count", "sum", "mean", "std", "min", "max", "distinct", "ratio"]
WHATEVER_THE_WINDOW = ["since_last", "first_seen"]

# Cents, as they are; few, so that they come twice; and far apart, so that no float holds their sum.
values = st.one_of(
    st.integers(-500, 50_000).map(lambda cents: cents / 100),
    st.sampled_from([0.0, -0.0, 1.0, 57.16, 1e80, 1e40, 1e-20]),
    st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-60),
)
texts = st.sampled_from(["x", "y", "z", "größer"])
keys = st.sampled_from([None, "a", "a", "a", "b", "c", "d"])


def every(stats):
    columns = [(stat, place) for stat in stats for place in range(len(OVER))]
    return columns + [(stat, 0) for stat in WHATEVER_THE_WINDOW]


def events_of(value, most=40):
    """Events whose time goes on by some, and of which some are late."""
    step = st.tuples(keys, st.integers(0, 6), st.integers(0, 9), st.none() | value)

    def placed(steps):
        now, events = 0, []
        for key, ahead, behind, value in steps:
            now += ahead if behind < 9 else 7 * ahead
            events.append((key, now - behind if behind in (3, 8) else now, value))
        return events

    return st.lists(step, max_size=most).map(placed)


def take(windows, events, *, counted=False):
    """Figures as lists of numbers and Nones."""
    names, times, given = zip(*events, strict=True) if events else ((), (), ())
    found = windows.take(list(names), np.array(times, np.int64), None if counted else list(given))
    return [[None if math.isnan(x) else x for x in row] for row in found.tolist()]


def settings_of(late, remember, stats=NUMERIC):
    return OVER, late, remember, every(stats)


LATE = st.sampled_from([0, 2, 5, 30])
REMEMBER = st.sampled_from([1, 2, 3, 5, 8, 1000])


@law
@given(events_of(values), LATE, REMEMBER)
def test_figures_are_those_of_plain_python_to_the_bit(events, late, remember):
    windows, plain = (
        Windows(*settings_of(late, remember)),
        PlainWindows(*settings_of(late, remember)),
    )
    assert take(windows, events) == [plain.take_one(*event) for event in events]
    summary = windows.summary()
    assert summary == {
        "events": plain.events,
        "keys": len(plain.keys),
        "evicted": plain.evicted,
        "forgotten": plain.forgotten,
        "too_late": plain.too_late,
    }
    assert summary["events"] <= remember
    assert summary["keys"] <= remember


@law
@given(events_of(texts), LATE, REMEMBER)
def test_texts_are_told_apart_as_plain_python_does(events, late, remember):
    declared = settings_of(late, remember, ["count", "distinct"])
    windows, plain = Windows(*declared), PlainWindows(*declared)
    assert take(windows, events) == [plain.take_one(*event) for event in events]


@law
@given(events_of(values), st.lists(st.integers(0, 40), max_size=4), LATE, REMEMBER)
def test_no_cut_and_no_restart_changes_a_bit(events, cuts, late, remember):
    declared = settings_of(late, remember)
    whole = Windows(*declared)
    expected = take(whole, events)
    found, parts = [], Windows(*declared)
    take(parts, [("other", 0, 1.0)])
    parts.restore(Windows(*declared).state())
    for start, stop in pairwise([0, *sorted(cuts), len(events)]):
        found += take(parts, events[start:stop])
        fresh = Windows(*declared)
        fresh.restore(parts.state())
        parts = fresh
    assert found == expected
    assert parts.summary() == whole.summary()
    ours, theirs = parts.state(), whole.state()
    assert {name: array.tobytes() for name, array in ours.items()} == {
        name: array.tobytes() for name, array in theirs.items()
    }


@law
@given(events_of(values, 25), st.randoms(use_true_random=False))
def test_what_is_remembered_does_not_depend_on_the_order_of_arrival(events, random):
    """With all of it no later than allowed, and nothing evicted."""
    events = [event for event in events if None not in event]
    later = sorted(events, key=lambda event: event[1])
    shuffled = sorted(later, key=lambda event: event[1] + random.randint(0, 5))
    after = [(key, max([0, *(at for _, at, _ in events)]), 1.0) for key in "abcd"]
    declared = settings_of(6, 1000)
    first, second = Windows(*declared), Windows(*declared)
    take(first, later)
    take(second, shuffled)
    assert take(first, after) == take(second, after)


def test_an_event_as_old_as_the_window_is_out_and_one_of_the_same_time_is_in():
    windows = Windows([10], 0, 100, [("count", 0), ("since_last", 0), ("first_seen", 0)])
    events = [("a", 0, 1.0), ("a", 9, 1.0), ("a", 9, 1.0), ("a", 10, 1.0), ("a", 19, 1.0)]
    assert [count for count, _, _ in take(windows, events)] == [1, 2, 3, 3, 2]


def test_of_events_of_one_time_each_sees_those_before_it_in_the_log():
    windows = Windows([10], 0, 100, [("sum", 0), ("ratio", 0)])
    assert take(windows, [("a", 5, 4.0), ("a", 5, 2.0), ("a", 5, 6.0)]) == [
        [4.0, None], [6.0, 0.5], [12.0, 2.0],
    ]  # fmt: skip


def test_a_sum_does_not_drift_however_long_it_goes_on():
    windows = Windows([10], 0, 100, [("sum", 0), ("std", 0)])
    large = {0: 1e15, 300: 1e80, 303: 1e40}  # together, more than a running sum can hold
    events = [("a", n, large.get(n % 1000, 0.1)) for n in range(5000)]
    for (_, at, _), (total, deviation) in zip(events, take(windows, events), strict=True):
        if 10 <= at % 1000 < 300 or at % 1000 >= 313:
            assert total == math.fsum([0.1] * 10)
            assert deviation == 0.0


def test_a_window_without_a_field_counts_events():
    windows = Windows([10], 0, 100, [("count", 0), ("since_last", 0)])
    events = [("a", 0, None), ("a", 4 * SECOND, None), (None, 5, None)]
    assert take(windows, events, counted=True) == [[1, None], [1, 4.0], [None, None]]


def test_memory_is_bounded_and_what_it_cost_is_counted():
    windows = Windows([DAY], 0, 1000, [("count", 0), ("mean", 0)])
    names = [f"k{n % 5000}" for n in range(50_000)]
    times = np.arange(50_000) * SECOND
    windows.take(names, times, np.ones(50_000))
    summary = windows.summary()
    assert summary["events"] <= 1000
    assert summary["keys"] == 1000
    assert summary["forgotten"] == 49_000
    assert summary["evicted"] == 49_000
    assert windows.memory < 1_000_000


def test_an_idle_key_gives_its_events_back_but_is_still_known():
    windows = Windows([10], 0, 1000, [("count", 0), ("since_last", 0), ("first_seen", 0)])
    take(windows, [("idle", 0, 1.0), ("idle", SECOND, 1.0)])
    take(windows, [("busy", n * SECOND, 1.0) for n in range(2, 9)])
    assert windows.summary()["evicted"] == 0
    assert windows.summary()["events"] == 2  # the busy key's newest, and the one before
    assert take(windows, [("idle", 9 * SECOND, 1.0)]) == [[1, 8.0, 9.0]]


def test_one_event_of_the_far_future_harms_its_own_key_and_at_most_two_more():
    windows = Windows([DAY], DAY, 1000, [("count", 0)])
    take(windows, [(f"k{n}", n, 1.0) for n in range(10)])
    take(windows, [("k0", 10**17, 1.0)])
    found = take(windows, [(f"k{n}", 20, 1.0) for n in range(1, 10)])
    assert found == [[1]] * 2 + [[2]] * 7
    assert take(windows, [("k0", 20, 1.0)]) == [[None]]
    assert windows.summary()["too_late"] == 1


@pytest.fixture(scope="module")
def handbook(shared_data):
    """The handbook's payments in order of time, and of id where one second has several."""
    payments = parquet.read_table(shared_data / "handbook_raw.parquet")
    payments = payments.sort_by([("TX_DATETIME", "ascending"), ("TRANSACTION_ID", "ascending")])
    return payments, parquet.read_table(shared_data / "handbook_features.parquet")


def test_the_handbooks_features_are_ours_but_for_eight_rows(handbook):
    """Those are four pairs of payments that a card made in the same second, the other way round."""
    payments, features = handbook
    times = payments["TX_DATETIME"].to_numpy().astype("datetime64[us]").view(np.int64)
    customers = payments["CUSTOMER_ID"].to_numpy()
    columns = [(stat, window) for stat in ("count", "mean") for window in range(3)]
    windows = Windows([DAY, 7 * DAY, 30 * DAY], DAY, 1_000_000, columns)
    names = TextColumn.of_integers(customers.astype(np.int64))
    found = windows.take(names, times, payments["TX_AMOUNT"].to_numpy())

    ids = payments["TRANSACTION_ID"].to_numpy()
    order = np.argsort(ids)
    rows = order[np.searchsorted(ids[order], features["TRANSACTION_ID"].to_numpy())]
    other = np.zeros(len(rows), np.bool_)
    for figures, (stat, window) in zip(found.T, columns, strict=True):
        name = "NB_TX" if stat == "count" else "AVG_AMOUNT"
        theirs = features[f"CUSTOMER_ID_{name}_{(1, 7, 30)[window]}DAY_WINDOW"].to_numpy()
        # Theirs are 32 bits wide, and their means have drifted by up to 1e-6.
        other |= ~np.isclose(figures[rows], theirs, rtol=1e-6, atol=1e-5)
    assert len(rows) == 919_767
    assert np.count_nonzero(other) == 8
    pairs = np.sort(rows[other]).reshape(4, 2)
    assert (times[pairs[:, 0]] == times[pairs[:, 1]]).all()
    assert (customers[pairs[:, 0]] == customers[pairs[:, 1]]).all()
    assert windows.summary()["evicted"] == windows.summary()["too_late"] == 0
