"""Plans cut where so many labels are learned, and plans that ask once more before each label."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.protocol import LEARN, SCORE, Plan, Scores
from models.stretches import asking, joined, labels_only, stretches, taken

PLANS = st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 1)), max_size=40)


def planned(steps) -> Plan:
    plan = Plan()
    for row, target in steps:
        if target is None:
            plan.score(row)
        else:
            plan.learn(row, target)
    return plan


def steps_of(plan: Plan):
    targets = iter(plan.target)
    return [
        (row, next(targets) if op == LEARN else None)
        for op, row in zip(plan.op, plan.row, strict=True)
    ]


@given(PLANS, st.integers(1, 5), st.integers(1, 5))
def test_parts_are_the_plan_and_end_behind_their_last_label(steps, left, length):
    parts = list(stretches(planned(steps), left, length))
    assert [step for part in parts for step in steps_of(part)] == steps
    for number, part in enumerate(parts[:-1]):
        assert len(part.target) == (length if number else left)
        assert part.op[-1] == LEARN
    assert len(parts[-1].target) <= (left if len(parts) == 1 else length)


@given(PLANS)
def test_a_row_is_asked_for_right_before_it_is_learned(steps):
    asked, extra = asking(planned(steps))
    expected = []
    for row, target in steps:
        expected += [(row, None)] * (target is not None) + [(row, target)]
    assert steps_of(asked) == expected
    answers = np.array([row for op, row in zip(asked.op, asked.row, strict=True) if op == SCORE])
    given_back = taken(Scores(answers.astype(np.float64), None), ~extra).value
    assert given_back.tolist() == [row for row, target in steps if target is None]
    assert steps_of(labels_only(planned(steps))) == [
        step for row, own in steps if own is not None for step in ((row, None), (row, own))
    ]


def test_answers_are_joined_with_what_was_decided():
    known = Scores(np.array([0.1, 0.9]), np.array([False, True]))
    some = Scores(np.array([np.nan]), [None])
    assert joined([known, known]).decision.tolist() == [False, True, False, True]
    assert joined([known, some]).decision == [False, True, None]
    assert joined([Scores(np.array([1.0]), None)] * 2).decision is None
