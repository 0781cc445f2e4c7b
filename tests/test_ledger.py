"""What each answer cost, in the order of the events it was given to."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ledger import Ledger
from models.losses import Losses
from models.protocol import Plan, Scores

Step = tuple[int, float | None]
"""An event to score, or to learn if there is a label."""


def carried_out(steps: list[Step], cuts=(), patience=100):
    """The losses handed out in all, of an answer that is the event's number by a thousand."""
    losses = Losses("regression", "A test")
    ledger, found, groups = Ledger(losses, 1, patience), [], []
    for start, stop in pairwise([0, *sorted(cuts), len(steps)]):
        plan, answers = Plan(), []
        for row, target in steps[start:stop]:
            if target is None:
                plan.score(row)
                answers.append(row / 1_000)
            else:
                plan.learn(row, target)
        scores = Scores(np.array(answers, np.float64), None)
        costs = ledger.take(plan, [scores], losses.labels(plan))
        found += costs.loss[:, 0].tolist()
        groups += costs.group.tolist()
        again = Ledger(losses, 1, patience)
        again.restore(ledger.state())
        ledger = again
    assert len(groups) == len(found)
    return found


def test_events_are_handed_out_in_their_order_when_all_before_have_their_label():
    scored: list[Step] = [(row, None) for row in range(3)]
    assert carried_out([*scored, (2, 0.002), (1, 0.001)]) == []
    assert carried_out([*scored, (2, 0.002), (1, 5.0), (0, 0.0)]) == [
        0.0,
        pytest.approx(1, abs=1e-3),
        0.0,
    ]


def test_an_event_without_a_label_is_passed_over_and_a_label_that_comes_later_counts_no_more():
    scored: list[Step] = [(row, None) for row in range(6)]
    assert carried_out([*scored, (1, 0.001)], patience=5) == [0.0]
    assert carried_out([*scored, (1, 0.001)], patience=6) == []
    assert carried_out([*scored, (0, 9.0), (1, 0.001)], patience=5) == [0.0]


def test_the_first_answer_and_the_first_label_count():
    assert carried_out([(0, None), (0, 0.0), (0, 9.0), (0, None), (0, 8.0)]) == [0.0]
    assert carried_out([(7, None), (7, 0.007)]) == [0.0]
    assert carried_out([(0, None), (5, 1.0), (0, 0.0)]) == [0.0]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_cut_and_no_restart_makes_a_difference(data):
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    steps: list[Step] = []
    for row in range(200):
        steps.append((row, None))
        labelled = np.maximum(0, row - draw.integers(0, 40, draw.integers(0, 3))).tolist()
        steps += [(event, float(draw.normal())) for event in labelled]
    cuts = data.draw(st.lists(st.integers(1, len(steps) - 1), max_size=8))
    patience = data.draw(st.integers(1, 60))
    assert carried_out(steps, cuts, patience) == carried_out(steps, (), patience)
