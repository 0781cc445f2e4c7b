"""Ranking figures from a histogram, against the exact ones from all scores."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ranking import Ranking

law = settings(deadline=None)  # a first example compiles


def exact_auc(score, outcome):
    """Mann and Whitney's statistic; tied scores share their mean rank."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    positives = int(outcome.sum())
    negatives = len(outcome) - positives
    won = rank[outcome == 1].sum() - positives * (positives + 1) / 2
    return won / positives / negatives


def exact_average_precision(score, outcome):
    """Sum of precision times recall gained, over the distinct scores from the top."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    caught = np.cumsum(outcome[order])[ends]
    return float(np.sum(np.diff(caught, prepend=0) * caught / (ends + 1)) / outcome.sum())


def ranked(score, outcome, **scale):
    ranking = Ranking(**scale)
    ranking.add(np.asarray(score, np.float64), np.asarray(outcome, np.int8))
    return ranking


def rare(rate, mean, spread, lift, n=200_000, seed=7):
    """Log-odds of a model that lifts rare positives unevenly above the crowd."""
    rng = np.random.default_rng(seed)
    outcome = (rng.random(n) < rate).astype(np.int8)
    return rng.normal(mean, spread, n) + lift * outcome * rng.random(n), outcome


@pytest.mark.parametrize("rate", [0.001, 0.005, 0.05])
@pytest.mark.parametrize(
    ("mean", "spread", "lift"),
    [(-6, 1.2, 3), (-8, 2, 8), (-14, 1, 3), (6, 1, 2), (-6, 5, 9)],
    ids=["fraud", "separable", "all-near-zero", "all-near-one", "wide"],
)
def test_error_against_exact_figures_is_below_a_thousandth(rate, mean, spread, lift):
    logit, outcome = rare(rate, mean, spread, lift)
    score = 1 / (1 + np.exp(-logit))
    ranking = ranked(score, outcome)
    assert ranking.auc() == pytest.approx(exact_auc(score, outcome), abs=1e-3)
    exact = exact_average_precision(score, outcome)
    assert ranking.average_precision() == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize("squash", [np.exp, lambda z: -np.exp(-z), lambda z: 1e4 + 3e3 * z])
def test_raw_anomaly_scores_rank_as_well(squash):
    logit, outcome = rare(0.005, -3, 1.2, 4)
    score = squash(logit)
    ranking = ranked(score, outcome, unbounded=True)
    assert ranking.auc() == pytest.approx(exact_auc(score, outcome), abs=1e-3)
    exact = exact_average_precision(score, outcome)
    assert ranking.average_precision() == pytest.approx(exact, abs=2e-3)


@law
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.integers(0, 1)), min_size=2)
)
def test_tied_scores_give_the_exact_figures(pairs):
    score = np.array([pair[0] for pair in pairs])
    outcome = np.array([pair[1] for pair in pairs], np.int8)
    ranking = ranked(score, outcome)
    if 0 < outcome.sum() < len(outcome):
        assert ranking.auc() == pytest.approx(exact_auc(score, outcome), abs=1e-12)
    if outcome.any():
        exact = exact_average_precision(score, outcome)
        assert ranking.average_precision() == pytest.approx(exact, abs=1e-12)


@law
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=30),
    st.booleans(),
)
def test_a_higher_score_never_falls_into_a_lower_bin(scores, unbounded):
    ranking = Ranking(unbounded=unbounded)
    places = []
    for score in sorted(scores):
        before = ranking.positive.copy()
        ranking.add(np.array([score]), np.array([1], np.int8))
        places.append(int(np.flatnonzero(ranking.positive - before)[0]))
    assert places == sorted(places)


def test_a_budget_acts_on_the_highest_scores():
    score = np.linspace(0.01, 0.99, 1000)
    outcome = (np.arange(1000) >= 995).astype(np.int8)
    at = ranked(score, outcome).at_budget(0.01)
    assert at == (0.5, 1.0, 0.5, 1.0, 10)


def test_tied_scores_share_a_budget_in_proportion():
    at = ranked([0.9] * 10, [1, 1] + [0] * 8).at_budget(0.5)
    assert at == pytest.approx((0.2, 0.5, 0.4, 1.0, 5))


def test_figures_that_are_not_defined_are_nan():
    nothing, negatives = ranked([], []), ranked([0.2, 0.3], [0, 0])
    assert math.isnan(nothing.auc())
    assert math.isnan(nothing.average_precision())
    assert all(map(math.isnan, nothing.at_budget(0.1)[:4]))
    assert math.isnan(negatives.auc())
    assert math.isnan(negatives.average_precision())
    assert math.isnan(negatives.at_budget(0.5).recall)


def test_merged_rankings_are_the_ranking_of_all():
    score, outcome = np.linspace(0, 1, 101), (np.arange(101) % 3 == 0).astype(np.int8)
    merged = ranked(score[:40], outcome[:40])
    merged.merge(ranked(score[40:], outcome[40:]))
    whole = ranked(score, outcome)
    assert np.array_equal(merged.positive, whole.positive)
    assert np.array_equal(merged.negative, whole.negative)
