"""A calibration is monotone, forgets, adds up, and says how often it happened."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from test_quality import frozen

from models.calibration import Calibration


def drawn(n, seed=0):
    random = np.random.default_rng(seed)
    true = random.beta(0.4, 2.0, n)
    return true**2, (random.random(n) < true).astype(np.int8), true


def fitted(score, outcome, **settings):
    calibration = Calibration(**settings)
    calibration.add(score, outcome)
    return calibration


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=80))
def test_it_never_falls_and_is_a_probability(rows):
    score, outcome = np.array([s for s, _ in rows]), np.array([o for _, o in rows], np.int8)
    curve = fitted(score, outcome).curve()
    if rows:
        assert (np.diff(curve) >= 0).all()
        assert 0 <= curve[0] <= curve[-1] <= 1
    else:
        assert np.isnan(curve).all()


@given(st.lists(st.integers(0, 300)), st.integers(1, 120))
def test_any_cut_leaves_the_same_bits(cuts, span):
    score, outcome, _ = drawn(300)
    whole, cut = fitted(score, outcome, span=span), Calibration(span=span)
    for start, stop in pairwise(sorted({0, 300, *cuts})):
        cut.add(score[start:stop], outcome[start:stop])
        other = Calibration(span=span)
        other.restore(cut.state())
        cut = other
    assert frozen(cut.state()) == frozen(whole.state())


def test_it_finds_the_probabilities_behind_the_scores():
    score, outcome, true = drawn(50_000)
    found = fitted(score, outcome).map(score)
    assert np.abs(found - true).mean() < 0.01
    assert abs(found.mean() - outcome.mean()) < 1e-3


def test_it_forgets_what_scores_meant_long_ago():
    score = np.full(3_000, 0.5)
    calibration = fitted(score, np.zeros(3_000, np.int8), span=1_000)
    calibration.add(score[:2_000], np.ones(2_000, np.int8))
    assert calibration.map(np.array([0.5]))[0] == 1.0


def test_a_few_labels_are_no_certainty():
    score = np.array([0.1] * 97 + [0.9] * 3)
    outcome = (score > 0.5).astype(np.int8)
    low, high = fitted(score, outcome).map(np.array([0.1, 0.9]))
    assert 0 < low < 0.001
    assert 0.7 < high < 0.8


def test_a_score_that_is_missing_has_no_probability():
    calibration = fitted(np.array([0.2, 0.7]), np.array([0, 1], np.int8))
    assert np.isnan(calibration.map(np.array([np.nan, 0.5]))).tolist() == [True, False]


def test_calibrations_add_up():
    score, outcome, _ = drawn(2_000)
    merged = fitted(score[:700], outcome[:700])
    merged.merge(fitted(score[700:], outcome[700:]))
    assert frozen(merged.curve()) == frozen(fitted(score, outcome).curve())


def test_a_merged_calibration_can_go_on_learning():
    score, outcome, _ = drawn(300)
    merged = fitted(score[:90], outcome[:90], span=100)
    merged.merge(fitted(score[90:180], outcome[90:180], span=100))
    merged.add(score[180:], outcome[180:])
    anew = fitted(score[180:], outcome[180:], span=100)
    assert frozen(merged.curve()) == frozen(anew.curve())
