"""What is decided is decided by the first rule, by chance or by the score, and says so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pipeline import declared

from models.column import listed
from models.protocol import Scores
from models.textcolumn import TextColumn
from streams import AlertBudget, Bands, DeclarationError, Field, Rule, Score, Threshold
from streams.deciding import label_values
from streams.predictions import Coded
from streams.task import PartitionTask
from streams.testing import Driver

law = settings(deadline=None)  # the first example compiles

BANDS = Bands({"approve": 0.0, "step up": 0.3, "decline": 0.8})
HUGE = Field("amount") > 5_000
DAY = 86_400_000_000


def decide(pipeline, scores, amounts=None, cards=None, days=None, decider=None):
    n = len(scores)
    columns = {
        "amount": np.array([1.0] * n if amounts is None else amounts),
        "customer_id": TextColumn.of([f"c{k}" for k in range(n)] if cards is None else cards),
    }
    ids = TextColumn.of([f"p{k}" for k in range(n)])
    micros = np.array([0] * n if days is None else [day * DAY for day in days])
    own = Scores(np.array(scores, float), [score > 0.5 for score in scores])
    return (decider or pipeline.new_decider(0)).decide(own, columns, ids, micros)


def notes(decided):
    """By name, as a prediction has them."""
    return {
        name: [note.values[code] for code in note.codes]
        if isinstance(note, Coded)
        else note.tolist()
        for name, note in decided.notes.items()
    }


def test_who_declares_no_more_than_a_threshold_notes_nothing():
    decided = decide(declared(decide=Threshold(0.6)), [0.7, 0.2])
    assert listed(decided.decision) == [True, False]
    assert decided.notes == {}
    assert decided.tally.decisions == {}
    assert PartitionTask(declared(decide=Threshold(0.6)), 0).image().state.keys() == {
        "encoder", "rows", "learner", "joiner", "scored", "quality", "learned",
    }  # fmt: skip


def test_bands_are_texts_and_measured_by_their_last():
    decided = decide(declared(decide=BANDS), [0.9, 0.5, 0.1, np.nan])
    assert listed(decided.decision) == ["decline", "step up", "approve", None]
    assert listed(decided.measured) == [True, False, False, None]
    assert decided.tally.decisions == {"approve": 1, "step up": 1, "decline": 1}
    assert decided.notes == {}


def test_the_first_rule_that_fires_decides_and_all_that_fired_are_named():
    rules = [
        Rule("quiet", Field("amount") > 1, then="decline", shadow=True),
        Rule("huge", HUGE, then="decline"),
        Rule("sure", Score() > 0.8, then="step up"),
    ]
    amounts, scores = [1.0, 2.0, 9e3, 9e3, 9e3], [0.9, 0.1, 0.9, 0.1, np.nan]
    decided = decide(declared(decide=BANDS, rules=rules), scores, amounts)
    assert listed(decided.decision) == ["step up", "approve", "decline", "decline", "decline"]
    assert notes(decided) == {
        "decided_by": ["sure", "score", "huge", "huge", "huge"],
        "rules": [["sure"], [], ["huge", "sure"], ["huge"], ["huge"]],
        "shadow_rules": [[], ["quiet"], ["quiet"], ["quiet"], ["quiet"]],
    }
    assert decided.tally.rules == {"quiet": 4, "huge": 3, "sure": 2}
    assert decided.tally.decisions == {"approve": 1, "step up": 1, "decline": 3}


def test_nothing_is_decided_by_nothing():
    rules = [Rule("huge", HUGE, then=True)]
    decided = decide(declared(decide=Threshold(0.5), rules=rules), [np.nan, 0.9])
    assert listed(decided.decision) == [None, True]
    assert notes(decided)["decided_by"] == [None, "score"]


@pytest.mark.parametrize(
    ("how", "severest", "mildest"),
    [(Threshold(0.5), True, False), (BANDS, "decline", "approve")],
    ids=["threshold", "bands"],
)
def test_a_share_of_the_severest_is_let_through_by_chance_and_tells_its_propensity(
    how, severest, mildest
):
    n = 4_000
    decided = decide(declared(decide=how, explore=0.1), [0.9] * n + [0.2] * n)
    found, noted = listed(decided.decision), notes(decided)
    through = [place for place in range(n) if found[place] == mildest]
    assert 0.08 * n < len(through) < 0.12 * n
    assert set(found[:n]) == {severest, mildest}
    assert set(found[n:]) == {mildest}
    for place in range(2 * n):
        explored = place in through
        expected = 0.1 if explored else 0.9 if place < n else 1.0
        assert noted["propensity"][place] == expected
        assert noted["decided_by"][place] == ("exploration" if explored else "score")
    again = decide(declared(decide=how, explore=0.1), [0.9] * n)
    assert listed(again.decision) == found[:n]


def test_a_rule_is_not_explored():
    rules = [Rule("huge", HUGE, then=True)]
    decided = decide(
        declared(decide=Threshold(0.5), rules=rules, explore=0.9), [0.1] * 50, [9e3] * 50
    )
    assert listed(decided.decision) == [True] * 50
    assert notes(decided)["propensity"] == [1.0] * 50


def test_an_alert_is_raised_once_a_card_and_within_the_budget_and_says_why_not():
    pipeline = declared(decide=AlertBudget(per_day=2, one_per="customer_id"))
    decided = decide(pipeline, [0.9, 0.8, 0.4, 0.7, 0.9], cards=["a", "a", "b", "c", "d"])
    assert listed(decided.decision) == [True, False, False, True, False]
    assert notes(decided)["decided_by"] == ["score", "earlier alert", "score", "score", "budget"]
    assert notes(decided)["threshold_version"] == [0] * 5
    assert notes(decided)["threshold"] == pytest.approx([0.5] * 4 + [np.nan], nan_ok=True)
    assert decided.tally.decisions == {"false": 3, "true": 2}


def test_alerts_by_rules_are_among_those_of_the_budget():
    rules = [Rule("huge", HUGE, then=True), Rule("tiny", Field("amount") < 0.1, then=False)]
    pipeline = declared(decide=AlertBudget(per_day=2, one_per="customer_id"), rules=rules)
    decided = decide(
        pipeline, [0.1, 0.9, 0.9, 0.9, 0.1], [9e3, 1, 0.01, 1, 9e3], ["a", "a", "b", "c", "d"]
    )
    assert listed(decided.decision) == [True, False, False, True, True]
    by = ["huge", "earlier alert", "tiny", "score", "huge"]
    assert notes(decided)["decided_by"] == by
    decider = pipeline.new_decider(0)
    decide(pipeline, [0.1] * 3, [9e3] * 3, decider=decider)
    assert decider.summary()["today"] == 2


def test_an_alert_that_is_explored_away_costs_no_alert():
    pipeline = declared(decide=AlertBudget(per_day=100), explore=0.5)
    decider = pipeline.new_decider(0)
    decided = decide(pipeline, [0.9] * 150, decider=decider)
    by = notes(decided)["decided_by"]
    assert by.count("exploration") > 40
    raised = listed(decided.decision).count(True)
    assert raised == decider.summary()["today"] == by.count("score")


def test_each_partition_has_its_share():
    pipeline = declared(decide=AlertBudget(per_day=5, partitions=2))
    for partition, share in ((0, 3), (1, 2)):
        decided = decide(pipeline, [0.9] * 9, decider=pipeline.new_decider(partition))
        assert listed(decided.decision).count(True) == share


def test_a_state_of_another_way_to_decide_is_begun_anew():
    old = declared(decide=AlertBudget(per_day=2, one_per="customer_id")).new_decider(0)
    decide(None, [0.9] * 3, decider=old)
    assert old.summary()["today"] == 2
    for how, today in (
        (AlertBudget(per_day=3, one_per="customer_id"), 2),
        (AlertBudget(per_day=3), 0),
    ):
        new = declared(decide=how).new_decider(0)
        new.restore(old.state())
        assert new.summary()["today"] == today
        new.restore(None)
    plain = declared(decide=Threshold(0.5)).new_decider(0)
    plain.restore(old.state())
    assert plain.state() is None


def test_a_driver_that_crashes_decides_as_one_that_does_not():
    pipeline = declared(
        labels="fraud",
        decide=AlertBudget(per_day=4, one_per="customer_id", partitions=2),
        rules=[Rule("huge", HUGE, then=True)],
        explore=0.2,
    )
    payments = [
        {
            "tx_id": f"p{n}",
            "customer_id": f"c{n % 9}",
            "amount": 10.0 ** (n % 5),
            "at": n * 9_000,
            "fraud": n % 5 > 2,
        }
        for n in range(200)
    ]
    predictions = []
    for crashes in (False, True):
        driver = Driver(pipeline, partitions=2)
        driver.send_many("payments", payments)
        if crashes:
            driver.crash(after=70)
        driver.run(batch=13)
        predictions.append([it.raw.value for it in driver.predictions])
    assert sorted(predictions[0]) == sorted(predictions[1])
    assert {it.decided_by for it in driver.predictions} >= {"score", "huge"}
    with pytest.raises(DeclarationError, match="partitions=3"):
        Driver(pipeline, partitions=3)


@law
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([1.0, 9e3]), st.sampled_from("abc")),
        min_size=1,
        max_size=30,
    ),
    st.data(),
)
def test_what_a_prediction_says_of_a_decision_agrees_with_it(events, data):
    how = data.draw(
        st.sampled_from([Threshold(0.4), BANDS, AlertBudget(per_day=3, one_per="customer_id")])
    )
    then = data.draw(st.sampled_from(["approve", "decline"] if how is BANDS else [False, True]))
    pipeline = declared(decide=how, rules=[Rule("huge", HUGE, then=then)], explore=0.4)
    scores, amounts, cards = map(list, zip(*events, strict=True))
    decided = decide(pipeline, scores, amounts, cards)
    severest = "decline" if how is BANDS else True
    found, noted = listed(decided.decision), notes(decided)
    assert listed(decided.measured) == [it == severest for it in found]
    for place, by in enumerate(noted["decided_by"]):
        assert (by == "huge") == (amounts[place] == 9e3) == (noted["rules"][place] == ["huge"])
        if by == "huge":
            assert found[place] == then
        elif by != "score":
            assert found[place] != severest


def test_labels_of_metrics_have_the_values_that_are_declared():
    pipeline = declared(decide=BANDS, rules=[Rule("huge", HUGE, then="decline")])
    assert label_values(pipeline) == {
        "decision": ("approve", "step up", "decline"),
        "rule": ("huge",),
    }
    assert label_values(declared()) == {"decision": (), "rule": ()}
