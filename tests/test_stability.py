"""Whether values fall where they used to."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.dictrows import DictRows
from models.novelty import Novelty
from models.protocol import Plan
from models.rows import Rows
from models.stability import SCORE_BINS, Stability, score_bins


def drawn(shares, count, seed=0):
    return np.random.default_rng(seed).choice(len(shares), count, p=shares)


def test_the_index_is_small_where_nothing_changes_and_large_where_much_does():
    stability = Stability(3, 1_000)
    stability.take(drawn([0.2, 0.3, 0.5], 5_000))
    assert 0 <= stability.index < 0.02
    stability.take(drawn([0.5, 0.3, 0.2], 1_000))
    assert stability.index == pytest.approx(2 * 0.3 * np.log(0.5 / 0.2), rel=0.3)
    assert stability.ratio(0) == pytest.approx(2.5, rel=0.2)


def test_it_says_nothing_before_there_is_something_to_compare_with():
    stability = Stability(3, 1_000)
    stability.take(drawn([0.2, 0.3, 0.5], 1_999))
    assert (stability.index, stability.ratio(0)) == (0.0, 1.0)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 999), max_size=5))
def test_no_cut_makes_a_difference(cuts):
    bins = drawn([0.2, 0.3, 0.5], 1_000)
    whole, parts = Stability(3, 70), Stability(3, 70)
    whole.take(bins)
    for start, stop in pairwise([0, *sorted(cuts), 1_000]):
        parts.take(bins[start:stop])
        again = Stability(3, 70)
        again.restore(parts.state())
        parts = again
    assert parts.index == whole.index


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_every_score_has_a_bin_and_larger_ones_of_a_sign_a_higher_one(kind):
    scores = np.array([0.0, 1e-300, 1e-3, 0.5, 1.0])
    if kind == "regression":
        scores = np.array([0.0, 1e-3, 0.7, 3.0, 1e9, 1e300])
        below = score_bins(kind, -scores[1:])
        assert len({*below.tolist()} & {*score_bins(kind, scores).tolist()}) == 0
    bins = score_bins(kind, np.append(scores, np.nan))
    assert bins.min() >= 0
    assert bins[-1] == SCORE_BINS - 1 > bins[:-1].max()
    assert kind != "binary" or (np.diff(bins[:-1]) >= 0).all()


def test_an_entry_is_new_once():
    rows, novelty, plan = Rows(), Novelty(16), Plan()
    rows.append(np.array([2, 2, 1]), np.array([1, 2, 2, 3, 1], np.int32), np.ones(5))
    plan.score_run(0, 3)
    assert novelty.bins(plan, rows).tolist() == [2, 1, 0]
    again = Novelty(16)
    again.restore(novelty.state())
    assert again.bins(plan, rows).tolist() == [0, 0, 0]


def test_missing_fields_are_counted():
    rows, plan = DictRows(), Plan()
    rows.append([{"a": None, "b": float("nan"), "c": 1.0}, {"a": 1, "b": "", "c": 0}])
    plan.score_run(0, 2)
    assert Novelty(0).bins(plan, rows).tolist() == [2, 0]
