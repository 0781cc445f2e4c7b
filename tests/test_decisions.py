"""What is declared to decide is checked when the file is loaded."""

from __future__ import annotations

import numpy as np
import pytest
from test_pipeline import declared

from models import Hashed, Linear
from streams import AlertBudget, Bands, DeclarationError, Field, Rule, Threshold
from streams.decisions import answers

BANDS = Bands({"approve": 0.0, "step up": 0.3, "decline": 0.8})
HUGE = Field("amount") > 5_000


def refused(make):
    with pytest.raises(DeclarationError) as found:
        make()
    return found.value


def test_a_score_comes_into_the_last_band_that_it_reaches():
    codes = BANDS.codes(np.array([0.0, 0.29, 0.3, 0.79, 0.8, 1.0, np.nan, -3.0]))
    assert codes.tolist() == [1, 1, 2, 2, 3, 3, 0, 1]
    assert answers(BANDS) == ("approve", "step up", "decline")
    assert answers(Threshold(0.5)) == (False, True)


@pytest.mark.parametrize(
    "thresholds",
    [
        {"approve": 0.0},
        {"approve": 0.5, "decline": 0.5},
        {"decline": 0.8, "approve": 0.0},
        {"approve": 0.0, "": 0.8},
        {"approve": 0.0, "decline": float("nan")},
        {"approve": 0.0, "decline": "0.8"},
        [("approve", 0.0)],
    ],
)
def test_bands_rise(thresholds):
    assert refused(lambda: Bands(thresholds)).write


@pytest.mark.parametrize("thresholds", [{"a": 0.1, "b": 0.5}, {"a": 0, "b": 1.0}])
def test_bands_of_a_probability_begin_at_0_and_end_before_1(thresholds):
    error = refused(lambda: declared(decide=Bands(thresholds)))
    assert error.why.startswith("the score is a probability")


@pytest.mark.parametrize("per_day", [0, -1, 1.5, True, "100"])
def test_a_budget_counts_alerts(per_day):
    assert (
        refused(lambda: AlertBudget(per_day=per_day)).given == f"AlertBudget(per_day={per_day!r})"
    )


def test_partitions_share_a_budget_without_losing_an_alert():
    budget = AlertBudget(per_day=100, partitions=7)
    assert [budget.share(n) for n in range(7)] == [15, 15, 14, 14, 14, 14, 14]
    assert "partitions=8)" in refused(lambda: budget.share(7)).write
    assert "partitions=4)" in refused(lambda: budget.check_partitions(4)).write
    budget.check_partitions(7)
    assert refused(lambda: AlertBudget(per_day=3, partitions=4)).write.startswith(
        "AlertBudget(per_day=4, partitions=4)"
    )


def test_one_alert_is_given_for_a_field_that_exists():
    declared(decide=AlertBudget(per_day=5, one_per="customer_id"))
    error = refused(lambda: declared(decide=AlertBudget(per_day=5, one_per="customer")))
    assert "customer_id" in error.write
    error = refused(lambda: declared(decide=AlertBudget(per_day=5, one_per="amount")))
    assert error.why == "what has one alert a day is str, int or bool"


@pytest.mark.parametrize("decide", [AlertBudget(per_day=5), BANDS], ids=str)
def test_a_number_is_not_decided_upon(decide):
    own = {"labels": "amount", "features": [Hashed("customer_id")], "model": Linear(bits=4)}
    assert refused(lambda: declared(decide=decide, **own)).write == "decide=None"


def test_the_first_threshold_divides_probabilities():
    error = refused(lambda: declared(decide=AlertBudget(per_day=5, first=1.0)))
    assert error.write == "decide=AlertBudget(per_day=5, first=0.5)"


@pytest.mark.parametrize(
    ("name", "when"),
    [("", HUGE), ("a\nb", HUGE), ("x" * 61, HUGE), ("budget", HUGE), ("huge", "amount > 5")],
)
def test_a_rule_has_a_name_of_its_own_and_a_condition(name, when):
    assert refused(lambda: Rule(name, when, then=True)).given.startswith(f"Rule({name!r}")


@pytest.mark.parametrize(
    ("decide", "then"), [(BANDS, True), (BANDS, "stop"), (Threshold(0.5), 1), (Threshold(0.5), "x")]
)
def test_a_rule_decides_what_can_be_decided(decide, then):
    error = refused(lambda: declared(decide=decide, rules=[Rule("huge", HUGE, then=then)]))
    assert error.given == f"Rule('huge', then={then!r})"
    assert error.write == f"Rule('huge', …, then={answers(decide)[-1]!r})"


def test_rules_stand_beside_a_decision_and_are_told_apart():
    rule = Rule("huge", HUGE, then=True)
    assert refused(lambda: declared(rules=[rule])).given == "rules=[…] without decide="
    error = refused(lambda: declared(decide=Threshold(0.5), rules=[rule, rule]))
    assert error.given == "two rules are called 'huge'"
    for rules in ("huge", [HUGE], rule):
        assert refused(lambda rules=rules: declared(decide=Threshold(0.5), rules=rules))


@pytest.mark.parametrize("explore", [-0.1, 1, 1.0, True, "0.1"])
def test_a_share_is_explored(explore):
    error = refused(lambda: declared(decide=Threshold(0.5), explore=explore))
    assert error.given == f"explore={explore!r}"


def test_what_decides_is_part_of_the_fingerprint_where_it_is_declared():
    plain = declared(decide=Threshold(0.5))
    rule = Rule("huge", HUGE, then=True)
    others = [
        declared(decide=Threshold(0.5), explore=0.1),
        declared(decide=Threshold(0.5), rules=[rule]),
        declared(decide=Threshold(0.5), rules=[Rule("huge", HUGE, then=True, shadow=True)]),
        declared(decide=Threshold(0.5), rules=[Rule("huge", Field("amount") > 6, then=True)]),
        declared(decide=AlertBudget(per_day=5)),
        declared(decide=AlertBudget(per_day=5, partitions=2)),
        declared(decide=BANDS),
    ]
    assert len({it.fingerprint for it in [plain, *others]}) == 1 + len(others)
    assert not {"rules", "explore"} & set(plain.describe())
