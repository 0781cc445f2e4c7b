"""What is divided among fields is the score, whole."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import forest, linear_model, naive_bayes, preprocessing, tree

from models import Clock, Cross, Hashed, Linear, Number, Tokens, adapt
from models.attribution import Asked, attributed, shares
from models.contributions import Witness
from models.dictrows import DictRows
from models.protocol import Plan

NUMBERS = st.floats(-1e3, 1e3)


def by_definition(ask, x):
    """The mean over all orders of what each field adds when it is put in."""
    amounts = dict.fromkeys(x, 0.0)
    orders = list(permutations(x))
    for order in orders:
        part: dict[str, float] = {}
        for name in order:
            before = ask(part)
            part = {**part, name: x[name]}
            amounts[name] += (ask(part) - before) / len(orders)
    return amounts


@given(st.lists(NUMBERS, min_size=1, max_size=5), st.lists(NUMBERS, min_size=32, max_size=32))
def test_few_fields_have_their_shapley_values(values, answers):
    x = {f"f{n}": value for n, value in enumerate(values)}

    def ask(part):
        return answers[sum(1 << int(name[1:]) for name in part)]

    found = attributed(Asked(ask, x), None)
    assert found.amounts == pytest.approx(by_definition(ask, x), abs=1e-9)
    assert math.fsum([found.base, *found.amounts.values()]) == pytest.approx(ask(x), abs=1e-9)
    assert (found.error, found.asked) == (0.0, 2 ** len(x))


def test_many_fields_are_sampled_add_up_all_the_same_and_tell_their_error():
    x = {f"f{n}": float(n) for n in range(14)}

    def ask(part):
        return math.fsum(part.values()) * (3.0 if {"f12", "f13"} <= part.keys() else 1.0)

    found = attributed(Asked(ask, x), None)
    assert found == attributed(Asked(ask, x), None)
    assert math.fsum([found.base, *found.amounts.values()]) == pytest.approx(ask(x), abs=1e-9)
    # The last of f12 and f13 to come triples the two, and a third of whom comes last the rest.
    triple = 2 * (12 / 2 + 13 / 2 + sum(range(12)) / 3)
    assert found.amounts["f13"] == pytest.approx(13.0 + triple, abs=4 * found.error)
    assert 0 < found.error < 5


@given(st.dictionaries(st.sampled_from("abcd"), NUMBERS, min_size=4), NUMBERS)
def test_of_a_sum_of_products_the_closed_form_is_the_shapley_value(values, weight):
    features = [Number("a"), Cross("a", "b"), Cross("b", "c", "d"), Number("c")]
    amounts = [("a", values["a"]), ("a*b", values["b"]), ("b*c*d", weight), ("c", values["c"])]
    found = attributed(Asked(lambda part: math.fsum(part.values()), dict(amounts)), features)
    assert found.amounts == pytest.approx(shares(amounts, features), abs=1e-9)


def test_an_element_of_a_bag_and_the_part_of_a_date_belong_to_their_field():
    x = {"tags=a": 1.0, "tags=b": 2.0, "at.hour": 4.0}
    features = [Tokens("tags"), Clock("at", ["hour"])]
    found = attributed(Asked(lambda part: math.fsum(part.values()), x), features)
    assert found.amounts == {"at": 4.0, "tags": 3.0}


@pytest.mark.parametrize("answer", [None, math.nan, math.inf])
def test_a_model_that_cannot_do_without_a_field_is_said_to(answer):
    assert attributed(Asked(lambda part: 1.0 if part else answer, {"a": 1.0}), None) is None
    assert attributed(Asked(lambda part: part["a"], {"a": 1.0}), None) is None


@pytest.mark.parametrize(
    "estimator",
    [
        preprocessing.StandardScaler() | linear_model.LogisticRegression(),
        tree.HoeffdingTreeClassifier(grace_period=20),
        forest.ARFClassifier(n_models=3, seed=1),
        naive_bayes.GaussianNB(),
    ],
    ids=["logistic", "tree", "forest", "bayes"],
)
def test_a_river_model_is_asked_as_it_was_right_before_the_score(estimator):
    rows, witness = DictRows(), Witness(adapt(estimator).new(7))
    rows.append([{"a": float(n % 7), "b": float(n % 3), "c": 1.0} for n in range(200)])
    plan = Plan()
    plan.score_then_learn(0, [n % 7 > 3 for n in range(199)])
    witness.run(plan, rows)
    last = Plan()
    last.learn(198, True)
    last.score(199)
    last.learn(199, False)  # behind the score, it is none of its reasons
    [score] = witness.run(last, rows).value
    found = attributed(witness.seen, None)
    assert math.fsum([found.base, *found.amounts.values()]) == pytest.approx(score, abs=1e-9)
    assert set(found.amounts) == {"a", "b", "c"}


def test_shares_of_several_fields_are_equal_and_the_largest_comes_first():
    features = [Hashed("a"), Cross("a", "b")]
    found = shares([("a", 1.0), ("a*b", -4.0), ("a*b", 1.0)], features)
    assert list(found.items()) == [("b", -1.5), ("a", -0.5)]


def test_a_regression_is_divided_in_its_own_unit():
    rows, witness = DictRows(), Witness(adapt(linear_model.LinearRegression()).new(0))
    rows.append([{"a": 1.0}])
    plan = Plan()
    plan.score_then_learn(0, [3.0])
    plan.score(0)
    witness.run(plan, rows)
    assert attributed(witness.seen, None).base == 0.0
    assert Linear().kind == "regression"
