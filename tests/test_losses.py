"""What an answer costs once its label is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.losses import Losses, _log
from models.protocol import Plan, Scores


def cost(kind, value, target, decision=None):
    losses, plan = Losses(kind, "A test"), Plan()
    for row, own in enumerate(target):
        plan.learn(row, own)
    labels = losses.labels(plan)
    found = losses.of(losses.answers(Scores(np.array(value, np.float64), decision)), labels)
    assert (found >= 0).all()
    assert (found <= losses.bound).all()
    return found.tolist()


@given(st.floats(1e-300, 1.0))
def test_the_logarithm_is_as_good_as_the_one_of_the_c_library(x):
    assert _log(x) == pytest.approx(math.log(x), rel=1e-14, abs=1e-16)


def test_a_probability_costs_its_logarithm_and_none_costs_one_half():
    given = [0.9, 0.9, math.nan, 0.0, 1.0]
    expected = [-math.log(0.9), -math.log(0.1), math.log(2), -math.log(1e-3), -math.log(0.999)]
    assert cost("binary", given, [1, 0, 1, 1, 1]) == pytest.approx(expected)


def test_a_wrong_class_costs_one():
    decided = ["a", "b", None]
    assert cost("multiclass", [0.5] * 3, ["a", "a", "a"], decided) == [0.0, 1.0, 1.0]


def test_an_error_costs_more_the_larger_it_is_to_how_targets_spread_and_never_more_than_one():
    errors = cost("regression", [3.0, 3.0, 3.0, 1e300], [1.0, 3.0, 4.0, 1.0])
    assert errors[1] == 0
    assert errors[0] == 1.0  # nothing is known of the spread yet
    assert 0 < errors[2] < errors[3] <= 1.0


def test_labels_of_two_classes_are_of_two_groups():
    plan = Plan()
    plan.learn_each([0, 1], [True, 0])
    for kind, groups in (("binary", [1, 0]), ("regression", [0, 0])):
        losses = Losses(kind, "A test")
        assert losses.group(losses.labels(plan)).tolist() == groups
        assert losses.groups == max(groups) + 1


def test_an_anomaly_score_has_no_loss():
    with pytest.raises(ValueError, match="give it a classifier or a regressor"):
        Losses("anomaly", "Adaptive")
