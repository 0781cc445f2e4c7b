"""Card precision@k is the Handbook's, whatever the order, the cuts and the partitions."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_quality import frozen

from models.daily import DAY, CardDays

law = settings(deadline=None)


def plain(day, card, score, fraud, k):
    """The definition over whole columns: precision, ceiling and base rate, a day each."""
    found, detected, perfect = [], set(), set()
    for today in sorted(set(day)):
        highest, held = {}, {}
        for d, c, s, f in zip(day, card, score, fraud, strict=True):
            if d == today:
                highest[c] = max(s, highest.get(c, -math.inf))
                held[c] = held.get(c, False) or bool(f)
        left = sorted((c for c in highest if c not in detected), key=lambda c: (-highest[c], c))
        alerts = left[:k]
        caught = [c for c in alerts if held[c]]
        best = sorted(c for c in highest if held[c] and c not in perfect)[:k]
        if alerts:
            rate = sum(held.values()) / len(held)
            found.append((len(caught) / len(alerts), min(len(best) / len(alerts), 1.0), rate))
        detected.update(caught)
        perfect.update(best)
    return found


def mean(figures):
    return sum(figures) / len(figures)


@st.composite
def labelled(draw, most=60):
    """Events in the order of their time, and the order in which their labels come."""
    n = draw(st.integers(1, most))
    day = sorted(draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)))
    card = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    score = draw(st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.9, 1.0]), min_size=n, max_size=n))
    fraud = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    order = draw(st.permutations(range(n)))
    columns = (np.array(day), np.array(card), np.array(score), np.array(fraud))
    return columns, np.array(order)


def take(days, columns, order, *, until=None):
    """Have all events scored, then labelled in an order, then end the last day."""
    day, card, score, fraud = columns
    given = days.scored(day * float(DAY) + 50_000.0, 0)
    for rows in np.array_split(order[order < len(day)], 2):
        days.add(
            given[rows], card[rows].astype(np.uint64), score[rows], fraud[rows].astype(np.int8)
        )
    days.scored(np.array([(until or 99) * float(DAY) + 3_600.0]), len(day))
    days.settled(len(day) + 1)
    return days


@law
@given(labelled(), st.integers(1, 4))
def test_it_is_the_definition_over_whole_columns(events, k):
    columns, order = events
    found = take(CardDays(k, days=200), columns, order).measures("p")
    by_day = plain(*(column.tolist() for column in columns), k)
    precision, ceiling, rate = (mean(figures) for figures in zip(*by_day, strict=True))
    assert found["p"] == pytest.approx(precision, abs=1e-12)
    assert found["p_ceiling"] == pytest.approx(ceiling, abs=1e-12)
    assert found["p_base_rate"] == pytest.approx(rate, abs=1e-12)
    assert found["p_days"] == len(by_day)
    assert found["p_low"] <= found["p_high"]


@law
@given(labelled(most=200), st.integers(1, 2), st.integers(1, 3))
def test_what_is_kept_of_a_day_is_enough(events, k, days):
    columns, order = events
    day = columns[0]
    until = int(day.max()) + 2
    recent = day >= until - days
    found = take(CardDays(k, days), columns, order, until=until).each()
    by_day = plain(*(column[recent].tolist() for column in columns), k)
    assert [one.caught / one.alerts for one in found if one.alerts] == [one[0] for one in by_day]
    assert [min(one.most / one.alerts, 1) for one in found if one.alerts] == [
        one[1] for one in by_day
    ]


@law
@given(labelled(), st.lists(st.integers(0, 60)), st.integers(1, 3))
def test_any_cut_and_any_restart_leave_the_same_bits(events, cuts, k):
    (day, card, score, fraud), _ = events
    n = len(day)
    whole, cut = CardDays(k, 3), CardDays(k, 3)
    for days, edges in ((whole, [0, n]), (cut, sorted({0, n, *(min(it, n) for it in cuts)}))):
        for start, stop in pairwise(edges):
            part = slice(start, stop)
            at = day[part] * float(DAY) + np.arange(start, stop) * 100.0
            given_day = days.scored(at, start)
            days.add(
                given_day, card[part].astype(np.uint64), score[part], fraud[part].astype(np.int8)
            )
            days.settled(stop)
            other = CardDays(k, 3)
            other.restore(days.state())
            days.__dict__.update(other.__dict__)
    assert frozen(cut.state()) == frozen(whole.state())


@law
@given(labelled(), st.integers(1, 4), st.lists(st.integers(0, 2), min_size=60, max_size=60))
def test_partitions_together_are_one(events, k, partition):
    columns, order = events
    partition = np.array(partition[: len(order)])
    together = CardDays(k, 200)
    for number in range(3):
        mine = partition == number
        if mine.any():
            part = tuple(column[mine] for column in columns)
            together.merge(take(CardDays(k, 200), part, np.arange(mine.sum())))
    alone = take(CardDays(k, 200), columns, order)
    assert [day[:4] for day in together.each()] == [day[:4] for day in alone.each()]


def test_a_day_is_final_when_none_of_its_events_waits():
    days = CardDays(1)
    at = np.array([10.0, 20.0, DAY + 3_599.0, DAY + 3_600.0])
    day = days.scored(at, 0)
    days.add(day[:1], np.array([1], np.uint64), np.array([0.9]), np.array([1], np.int8))
    days.settled(1)
    assert days.each() == []
    assert math.isnan(days.measures("p")["p"])
    days.settled(2)
    assert days.each() == []
    days.settled(3)
    assert [one[:4] for one in days.each()] == [(0, 1, 1, 1)]


def test_an_event_that_comes_an_hour_after_its_day_is_not_counted():
    days = CardDays(1)
    day = days.scored(np.array([10.0, DAY + 3_599.0, 20.0, DAY + 3_600.0, 30.0]), 0)
    assert (day[:4].tolist(), day[4] < -1_000_000) == ([0, 1, 0, 1], True)
    score, card = np.full(5, 0.5), np.arange(5, dtype=np.uint64)
    days.add(day, card, score, np.zeros(5, np.int8))
    days.settled(5)
    assert [one.alerts for one in days.each()] == [1]
    assert days.measures("p")["p_base_rate"] == 0.0


def test_a_detected_card_is_left_out_on_later_days_and_counts_anew_when_its_day_is_forgotten():
    days = CardDays(1, days=2)
    for today in range(4):
        day = days.scored(np.array([today * float(DAY) + 7_200.0]), today)
        days.add(day, np.array([7], np.uint64), np.array([0.9]), np.array([1], np.int8))
        days.settled(today + 1)
    assert [(one.day, one.alerts, one.caught) for one in days.each()] == [(1, 1, 1), (2, 0, 0)]
