"""A model that notices when it has become worse, and learns anew beside itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, preprocessing, tree
from river.anomaly import HalfSpaceTrees

from models import SGD, Adaptive, Hashed, Linear, Logistic, adapt
from models.adaptive import AdaptiveLearner
from models.checks import check_model
from models.contributions import Witness
from models.protocol import Plan
from models.rows import Rows
from streams import DeclarationError, Event, Labels, Pipeline, Topic
from streams.checking import check
from streams.image import pack
from streams.task import PartitionTask
from tests.slicing import begun, cuts, restarted, rows, slice_of

MODEL = Logistic(bits=6, optimizer=SGD(0.05))
QUICK = {"reference": 1_000, "every": 5_000, "tolerance": 0.1}


@pytest.mark.parametrize(
    "model",
    [
        Adaptive(MODEL, reference=200, every=1, tolerance=0.0),
        Adaptive(Linear(bits=6), reference=200, every=1, tolerance=0.0),
        Adaptive(linear_model.LogisticRegression(), reference=200, every=1, tolerance=0.0),
        Adaptive(adapt(tree.HoeffdingTreeClassifier(), "multiclass"), reference=200, every=1),
        Adaptive(Adaptive(MODEL, reference=200, every=1), reference=200, every=1, patience=5),
    ],
    ids=["logistic", "linear", "river", "multiclass", "nested"],
)
def test_it_keeps_every_promise_of_a_model(model):
    check_model(model, events=600)


def turned(learner: AdaptiveLearner, events: int, turn: int, late: int = 50) -> list[float]:
    """Scores for a stream whose labels come late, and mean the opposite from an event on."""
    draw = np.random.default_rng(3)
    window, scores = Rows(), []
    sides = draw.integers(0, 2, events)
    for number, side in enumerate(sides.tolist()):
        bucket = np.array([side, 2 + draw.integers(0, 50)], np.int32)
        window.append(np.array([2]), bucket, np.ones(2))
        plan = Plan()
        plan.score(number)
        if number >= late:
            event = number - late
            plan.learn(event, bool(sides[event] ^ (event >= turn)))
        scores.extend(learner.run(plan, window).value)
    return scores


def test_it_begins_anew_when_what_was_learned_is_wrong_and_not_before():
    learner = Adaptive(MODEL, **QUICK).new(0)
    turned(learner, 3_000, 4_000)
    assert (learner.alarms, learner.swaps) == (0, 0)
    slow = Logistic(bits=6, optimizer=SGD(0.5, schedule="sqrt"))
    adaptive, plain = Adaptive(slow, **QUICK).new(0), slow.new(0)
    ours, theirs = turned(adaptive, 6_000, 3_000), turned(plain, 6_000, 3_000)
    assert (adaptive.alarms, adaptive.swaps) == (1, 1)
    assert ours[:3_000] == theirs[:3_000]
    assert (
        np.abs(np.array(ours[5_000:]) - 0.5).mean() > np.abs(np.array(theirs[5_000:]) - 0.5).mean()
    )


def test_a_background_that_is_no_better_is_dropped():
    useless = Logistic(bits=6, optimizer=SGD(1e-9))
    learner = Adaptive(MODEL, useless, **QUICK).new(0)
    turned(learner, 3_900, 2_500)
    assert learner.alarms == 1
    assert learner.summary()["background"] == 0
    assert learner.swaps == 0


def test_the_summary_tells_how_it_stands():
    learner = Adaptive(MODEL, **QUICK).new(0)
    turned(learner, 2_000, 4_000)
    summary = learner.summary()
    assert summary["learned"] == 1_950
    assert 0 < summary["drift_evidence"] < 1
    assert {"drift_alarms", "drift_swaps", "background", "background_evidence", "norm"} <= set(
        summary
    )


def test_the_weights_that_scored_are_those_of_the_model_that_published():
    learner = Adaptive(Logistic(bits=6, optimizer=SGD(0.5, schedule="sqrt")), **QUICK).new(0)
    turned(learner, 6_000, 3_000)
    assert learner.swaps == 1
    window, plan = Rows(), Plan()
    window.append(np.array([2]), np.array([1, 7], np.int32), np.ones(2))
    plan.score(0)
    witness = Witness(learner)
    score = witness.run(plan, window).value[0]
    margin = witness.seen.bias + float(witness.seen.weight @ witness.seen.x)
    assert score == pytest.approx(1 / (1 + np.exp(-margin)), abs=1e-12)
    assert witness.seen.weight.any()


class Visit(Event, frozen=True):
    id: str
    page: str
    user: str


class Sale(Event, frozen=True):
    id: str
    bought: bool


def pipeline(model: object) -> Pipeline:
    return Pipeline(
        name="shop",
        events=Topic("visits", schema=Visit, id="id", key="id"),
        labels=Labels(
            "sales", schema=Sale, id="id", value="bought", matures_after="100s", otherwise=False
        ),
        features=[Hashed("page"), Hashed("user")],
        model=model,
    )


def logs(turn: int, events: int = 1_200):
    draw = np.random.default_rng(5)
    pages = draw.integers(0, 2, events).tolist()
    visits = [
        b'{"id":"%d","page":"%d","user":"%d"}' % (number, page, draw.integers(0, 9))
        for number, page in enumerate(pages)
    ]
    bought = [number for number, page in enumerate(pages) if page ^ (number >= turn)]
    sales = [b'{"id":"%d","bought":true}' % number for number in bought]
    at = [1_000 * (number + int(draw.integers(1, 90))) for number in bought]
    order = np.argsort(at, kind="stable").tolist()
    keys = [b"%d" % number for number in range(events)]
    return [
        slice_of(
            [sales[place] for place in order],
            "sales",
            timestamps=[at[place] for place in order],
            keys=[b"0"] * len(order),
        ),
        slice_of(visits, "visits", keys=keys),
    ]


def carried_out(task: PartitionTask, log) -> list:
    return [row.value for part in log for row in rows(task.take(part).predictions)]


@settings(deadline=None, max_examples=15)
@given(cuts(1_800), st.integers(1, 1_799))
def test_neither_cuts_nor_a_restart_change_a_bit(at, restart):
    declared = pipeline(
        Adaptive(MODEL, reference=200, every=50, tolerance=0.1, alpha=0.3, patience=150)
    )
    log = logs(500)
    whole = begun(declared)
    expected = carried_out(whole, log)
    assert whole.learner.alarms > 0
    found, task = restarted(declared, log, restart, at)
    assert found == expected
    assert pack(task.image()) == pack(whole.image())


def test_a_pipeline_takes_it_as_any_model_and_says_what_it_is():
    checked = check(pipeline(Adaptive(MODEL)))
    assert checked.model == "Adaptive of Logistic"
    assert checked.buckets == 64
    assert checked.settings["of"]["bits"] == 6
    assert pipeline(Adaptive(MODEL)).fingerprint != pipeline(Adaptive(MODEL, alpha=0.1)).fingerprint
    river = pipeline(Adaptive(preprocessing.OneHotEncoder() | linear_model.LogisticRegression()))
    assert river.pickled


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: Adaptive(MODEL, Logistic(bits=7)), "give background a model with bits=6"),
        (lambda: Adaptive(MODEL, linear_model.LogisticRegression()), "form='named'"),
        (lambda: Adaptive(Logistic), "write Adaptive(model=Logistic())"),
        (lambda: Adaptive(HalfSpaceTrees()), "give it a classifier or a regressor"),
        (lambda: Adaptive(preprocessing.StandardScaler()), "Adaptive(model=StandardScaler"),
        (lambda: Adaptive(MODEL, reference=10), "write reference=200_000"),
        (lambda: Adaptive(MODEL, tolerance=-1), "write tolerance=0.05"),
        (lambda: Adaptive(MODEL, every=0), "write every=300_000"),
        (lambda: Adaptive(MODEL, alpha=1), "write alpha=0.05"),
        (lambda: Adaptive(MODEL, patience=0), "write patience=1_000_000"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_write(given, words):
    with pytest.raises((TypeError, ValueError)) as refused:
        given()
    assert words in str(refused.value)


def test_a_label_that_the_model_cannot_learn_is_refused_for_the_model():
    with pytest.raises(DeclarationError):
        Pipeline(
            name="shop",
            events=Topic("visits", schema=Visit, id="id", key="id"),
            features=[Hashed("page")],
            model=Adaptive(MODEL),
        )
