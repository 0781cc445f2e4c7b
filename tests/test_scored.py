"""Tests of streams.scored: answers are found again as they were given."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.column import listed
from streams.image import plain
from streams.scored import Scored

WINDOW = 4_096 * 3


def filled(sizes, dropping=True):
    """Answers to rows 0, 1, …, given in batches; after each, all but the last 100 are dropped."""
    scored, total = Scored(), 0
    for size in sizes:
        rows = np.arange(total, total + size)
        scored.append(rows / 2, rows % 3 == 0, rows.astype(np.float64))
        total += size
        if dropping:
            scored.drop_before(max(0, total - 100))
    return scored, total


def test_answers_are_found_by_the_number_of_their_row():
    scored, total = filled([WINDOW, 50, WINDOW])
    rows = np.array([total - 1, total - 100, total - 7])
    score, decision, at = scored.of(rows)
    assert score.tolist() == (rows / 2).tolist()
    assert decision.tolist() == [row % 3 == 0 for row in rows]
    assert at.tolist() == rows.tolist()


@pytest.mark.parametrize(
    "decisions",
    [
        [True, False, True], [None, None, None], [True, None, False], ["a", "b", "a"],
        ["a", None, "ž"], [1, 2, 3], [0.5, -0.0, 2.0], [True, 1, 1.0],
    ],
)  # fmt: skip
def test_any_decision_comes_back_as_it_was(decisions):
    scored = Scored()
    scored.append(np.zeros(3), decisions, np.zeros(3))
    assert repr(listed(scored.of(np.array([2, 0, 1]))[1])) == repr(decisions[2:] + decisions[:2])
    copy = Scored()
    copy.restore(plain(scored.state(1)))
    assert repr(listed(copy.of(np.array([1, 2]))[1])) == repr(decisions[1:])


def test_what_is_dropped_is_used_again():
    scored, _ = filled([500] * 10)
    before = scored.memory
    for _ in range(100):
        rows = np.arange(500.0)
        scored.append(rows, [None] * 500, rows)
        scored.drop_before(scored._answers.next - 100)
    assert scored.memory == before


def test_decisions_that_are_not_used_any_more_are_forgotten():
    scored = Scored()
    for n in range(0, 50_000, 500):
        scored.append(np.zeros(500), [f"class {m}" for m in range(n, n + 500)], np.zeros(500))
        scored.drop_before(n + 400)
    assert scored.state(49_998)["values"] == ["class 49998", "class 49999"]
    assert len(scored._scalars._numbers) < 10_000


@settings(deadline=None)
@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=6))
def test_the_state_does_not_tell_in_which_batches_the_answers_came(sizes):
    cut, total = filled(sizes)
    whole, _ = filled([total])
    first = max(0, total - 100)
    assert str(cut.state(first)) == str(whole.state(first))


def test_a_restored_window_goes_on_like_the_one_it_was_made_of():
    scored, total = filled([WINDOW])
    copy = Scored()
    copy.restore(plain(scored.state(total - 100)))
    for window in (scored, copy):
        window.append(np.array([7.0]), [None], np.array([8.0]))
    rows = np.array([total, total - 100])
    assert str(copy.of(rows)) == str(scored.of(rows))
    assert str(copy.state(total - 50)) == str(scored.state(total - 50))
