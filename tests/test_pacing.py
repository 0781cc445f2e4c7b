"""An even flow, on a clock that the test holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.pacing import Pace


@given(st.floats(0.5, 1e6), st.lists(st.floats(0.001, 0.9), min_size=1, max_size=40))
def test_record_i_leaves_when_it_is_due_and_never_earlier(rate, steps):
    pace, now = Pace(rate), 1000.0
    pace.take(10**9, now)
    for step in steps:
        now += step
        pace.take(10**9, now)
        due = (now - 1000.0) * rate
        assert pace.taken <= due + 1 + 1e-6
        assert pace.taken >= due - 1e-6


def test_who_falls_behind_a_little_catches_up():
    pace = Pace(100)
    assert pace.take(10, 0.0) == 1
    assert pace.take(1000, 0.9) == 90


def test_a_source_that_stood_still_is_not_made_up_for_by_a_flood():
    pace = Pace(100)
    pace.take(1, 0.0)
    assert pace.take(10**6, 3600.0) == 101
    assert pace.take(10**6, 3601.0) == 100


def test_no_more_is_taken_than_there_is():
    pace = Pace(1000)
    pace.take(1, 0.0)
    assert pace.take(5, 0.5) == 5
    assert pace.taken == 6


@pytest.mark.parametrize(("rate", "pause"), [(10, 0.1), (100_000, 0.005)])
def test_the_pause_ends_when_a_record_is_due_but_not_for_each_of_many(rate, pause):
    pace = Pace(rate)
    pace.take(1, 50.0)
    assert pace.pause(50.0) == pytest.approx(pause)
