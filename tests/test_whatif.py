"""What would have been is counted as one would by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.alerting import DAY
from models.whatif import Costs, Past, what_if

HOUR = DAY // 24


def past(keys=None):
    """Two days of four events; the frauds are worth 50, 70 and 90."""
    return Past(
        score=np.array([0.9, 0.2, 0.7, 0.4, 0.8, 0.1, math.nan, 0.6]),
        micros=np.array([0, 1, 2, 3, 24, 25, 26, 27]) * HOUR,
        fraud=np.array([1, 0, 1, 0, 0, 0, 1, 0], bool),
        amount=np.array([50.0, 5, 70, 5, 20, 5, 90, 30]),
        keys=keys,
        stopped=np.array([1, 0, 0, 0, 0, 0, 0, 0], bool),
    )


def rows(past, **changed):
    own = {"thresholds": [], "budgets": [], "costs": Costs(missed=0.5, alert=3), "since": 0}
    return {row.way: row for row in what_if(past, **{**own, **changed})}


def test_what_was_decided_stands_first():
    row = rows(past())["as declared"]
    assert (row.alerts_a_day, row.precision, row.recall) == (0.5, 1.0, 1 / 3)
    assert (row.caught, row.missed, row.good_per_fraud) == (50, 160, 0)
    assert row.cost == 3 + 80


def test_a_threshold_stops_what_reaches_it_and_never_what_has_no_score():
    row = rows(past(), thresholds=[0.7])["threshold 0.7"]
    assert (row.alerts_a_day, row.precision, row.recall) == (1.5, 2 / 3, 2 / 3)
    assert (row.caught, row.missed, row.good_per_fraud) == (120, 90, 0.5)
    assert row.cost == 9 + 45


def test_a_threshold_that_stops_nothing_finds_nothing():
    row = rows(past(), thresholds=[0.95])["threshold 0.95"]
    assert math.isnan(row.precision)
    assert (row.recall, row.good_per_fraud) == (0, math.inf)


def test_an_alert_stops_what_comes_of_its_key_later_that_day():
    keys = ["a", "b", "a", "c", "d", "e", "d", "f"]
    found = rows(past(keys), budgets=[5])["budget 5"]
    # Cards a, d and f had an alert, a and d one payment after it.
    assert found.alerts_a_day == 1.5
    assert found.precision == 1 / 3
    assert (found.recall, found.caught, found.missed) == (1.0, 210, 0)
    assert found.good_per_fraud == pytest.approx(2 / 3)
    alone = rows(past(), budgets=[5])["budget 5"]
    assert (alone.alerts_a_day, alone.recall) == (2.0, 2 / 3)


def test_days_before_are_run_and_not_counted():
    row = rows(past(), thresholds=[0.7], since=DAY)["threshold 0.7"]
    assert (row.alerts_a_day, row.precision, row.missed) == (1.0, 0.0, 90)
