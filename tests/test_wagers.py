"""Evidence that may be looked at whenever one likes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import ADWIN

from models.wagers import Duel, Rise

REFERENCE = 1_000


def duels(gap: float, runs: int, labels: int = 3_000) -> list[bool]:
    """Whether a challenger whose loss is `gap` smaller on average ever won."""
    found = []
    for seed in range(runs):
        draw = np.random.default_rng(seed)
        duel, ever = Duel(1.0), False
        for _ in range(labels // 100):
            champion, challenger = draw.random((2, 100))
            duel.take(champion, np.clip(challenger - gap, 0.0, 1.0))
            ever |= duel.evidence >= 20
        found.append(ever)
    return found


@pytest.mark.parametrize("gap", [0.0, -0.01])
def test_a_challenger_that_is_no_better_wins_seldom_however_often_one_looks(gap):
    assert sum(duels(gap, 300)) <= 0.05 * 300


def test_a_challenger_that_is_better_wins():
    assert all(duels(0.1, 20))


def test_a_challenger_that_was_better_once_does_not_win_when_it_is_worse_over_all():
    duel = Duel(1.0)
    duel.take(np.full(10, 0.6), np.full(10, 0.5))
    duel.take(np.full(500, 0.5), np.full(500, 0.6))
    assert duel.evidence < 1


def alarms(means, seed=0, every=20_000.0, deviation=0.3) -> list[int]:
    """After how many numbers there was an alarm."""
    draw = np.random.default_rng(seed)
    rise, found = Rise(1, REFERENCE, 0.1, every), []
    numbers = np.maximum(draw.normal(means, deviation), 0.0)
    for at in range(0, len(numbers), 50):
        part = numbers[at : at + 50]
        rise.take(part, np.zeros(len(part), np.int64))
        if rise.evidence >= 1:
            found.append(at + 50)
            rise.restart()
    return found


def test_there_is_an_alarm_soon_after_the_mean_has_risen():
    means = np.concatenate([np.full(5_000, 1.0), np.full(1_000, 1.5)])
    for seed in range(10):
        first = alarms(means, seed)[0]
        assert 5_000 < first <= 5_300


def test_there_is_none_where_it_stays_or_falls_or_rises_within_the_tolerance():
    for seed in range(20):
        assert alarms(np.full(20_000, 1.0), seed) == []
        assert alarms(np.linspace(1.0, 0.2, 20_000), seed) == []
        assert alarms(np.repeat([1.0, 1.05], 5_000), seed) == []


def test_it_is_about_as_quick_as_adwin():
    ours, theirs = [], []
    for seed in range(20):
        draw = np.random.default_rng(seed)
        wrong = (draw.random(6_000) < np.repeat([0.2, 0.4], [4_000, 2_000])).astype(float)
        adwin, rise = ADWIN(delta=1e-3), Rise(1, REFERENCE, 0.1, 20_000.0)
        found = {}
        for at, number in enumerate(wrong):
            rise.take(np.array([number]), np.zeros(1, np.int64))
            adwin.update(number)
            if rise.evidence >= 1:
                found.setdefault("ours", at)
            if adwin.drift_detected:
                found.setdefault("theirs", at)
        ours.append(found["ours"] - 4_000)
        theirs.append(found["theirs"] - 4_000)
    assert min(ours) > 0
    assert np.median(ours) <= 1.5 * np.median(theirs)


def test_groups_are_compared_with_themselves():
    draw = np.random.default_rng(1)
    rise = Rise(2, REFERENCE, 0.1, 20_000.0)
    for share in (0.1, 0.5):  # how many of each there are says nothing
        group = (draw.random(4_000) < share).astype(np.int64)
        rise.take(np.where(group == 1, 3.0, 0.1) * draw.uniform(0.5, 1.5, 4_000), group)
        assert rise.evidence < 1
    group = (draw.random(2_000) < 0.1).astype(np.int64)
    rise.take(np.where(group == 1, 5.0, 0.1) * draw.uniform(0.5, 1.5, 2_000), group)
    assert rise.evidence >= 1


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 2_499), max_size=6))
def test_no_cut_makes_a_difference(seed, cuts):
    draw = np.random.default_rng(seed)
    numbers, other = draw.exponential(size=(2, 2_500))
    group = draw.integers(0, 2, 2_500)
    edges = [0, *sorted(cuts), 2_500]
    whole, parts = (Rise(2, REFERENCE, 0.1, 1e4) for _ in range(2))
    one, several = Duel(50.0), Duel(50.0)
    whole.take(numbers, group)
    one.take(numbers, other)
    for start, stop in pairwise(edges):
        parts.take(numbers[start:stop], group[start:stop])
        again = Rise(2, REFERENCE, 0.1, 1e4)
        again.restore(parts.state())
        parts = again
        several.take(numbers[start:stop], other[start:stop])
    assert parts.evidence == whole.evidence
    assert several.evidence == one.evidence
