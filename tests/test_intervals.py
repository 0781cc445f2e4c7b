"""Intervals hold the true value about as often as they say, and are those of the books."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.intervals import logit, normal, wilson
from models.quality import Quality
from models.ranking import Ranking


def test_wilsons_interval_is_the_published_one():
    # Newcombe, Two-sided confidence intervals for the single proportion (1998), table I
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_delongs_error_is_the_one_of_its_definition():
    random = np.random.default_rng(2)
    positive, negative = random.beta(3, 2, 40), random.beta(2, 3, 90)
    won = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    variance = won.mean(1).var(ddof=1) / 40 + won.mean(0).var(ddof=1) / 90
    ranking = Ranking()
    ranking.add(positive, np.ones(40, np.int8))
    ranking.add(negative, np.zeros(90, np.int8))
    assert ranking.auc_error() == pytest.approx(math.sqrt(variance), rel=1e-3)


@pytest.mark.parametrize("name", ["auc", "average_precision", "precision_at_budget", "recall"])
def test_an_interval_holds_the_true_value_nineteen_times_of_twenty(name):
    random = np.random.default_rng(4)

    def drawn(n):
        target = random.random(n) < 0.1
        score = 1 / (1 + np.exp(-random.normal(1.5 * target - 2.0, 1.0)))
        quality = Quality("binary", budget=0.05)
        quality.update(score, score > 0.3, target)
        return quality.summary()

    true = drawn(1_000_000)[name]
    samples = [drawn(2_000) for _ in range(200)]
    held = sum(it[f"{name}_low"] <= true <= it[f"{name}_high"] for it in samples)
    assert 0.9 <= held / len(samples) <= 0.99


def test_what_is_not_defined_has_no_interval():
    for low, high in (wilson(0, 0), logit(1.0, 0.1), logit(math.nan, 0.1), logit(0.5, math.nan)):
        assert math.isnan(low)
        assert math.isnan(high)
    assert all(map(math.isnan, normal(1.0, math.nan)))


def test_figures_of_every_kind_have_intervals():
    numbers = Quality("regression")
    numbers.update(np.arange(100.0), None, np.arange(100.0) + np.tile([1.0, 3.0], 50))
    figures = numbers.summary()
    assert figures["mae_low"] < figures["mae"] == 2.0 < figures["mae_high"]
    assert figures["mae_high"] - 2.0 == pytest.approx(1.96 * 1.0 / 10, rel=1e-3)
    classes = Quality("multiclass")
    classes.update(np.full(100, 0.5), ["a"] * 100, ["a", "b"] * 50)
    figures = classes.summary()
    assert (figures["accuracy_low"], figures["accuracy_high"]) == wilson(50, 100)
