"""A champion whose scores are published, and challengers that score and learn beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, tree
from river.anomaly import HalfSpaceTrees

from models import SGD, Adaptive, Contest, Linear, Logistic, adapt
from models.checks import check_model
from models.contributions import Witness
from models.protocol import Plan, Scores
from models.rows import Rows
from streams.checking import check
from streams.image import pack
from tests.slicing import begun, cuts, restarted
from tests.test_adaptive import carried_out, logs, pipeline

SLOW, FAST = Logistic(bits=6, optimizer=SGD(1e-4)), Logistic(bits=6, optimizer=SGD(0.2))
EVENTS = 1_000


class Noisy:
    """A model that knows nothing but the event's own value, and reads it with noise."""

    kind, form, bits, seed = "binary", "hashed", 1, 0

    def __init__(self, noise: float, stream: int) -> None:
        self.noise, self.stream = noise, stream

    def describe(self):
        return {"model": "Noisy", "noise": self.noise, "stream": self.stream}

    def accepts(self, target):
        return None

    def new(self, seed):
        return NoisyLearner(np.random.default_rng(self.stream).normal(0, self.noise, EVENTS))


class NoisyLearner:
    kind = "binary"

    def __init__(self, noise):
        self.noise = noise

    def run(self, plan, rows):
        op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
        scored = row[op == 0]
        margin = rows.value[rows.indptr[scored]] + self.noise[scored]
        value = 1 / (1 + np.exp(-margin))
        return Scores(value, value > 0.5)

    def state(self):
        return {}

    def restore(self, state):
        pass

    def summary(self):
        return {"learned": 0.0}


def promotions(champion: float, challenger: float, run: int, promote: float) -> int:
    """How often there was one in a stream of its own."""
    draw = np.random.default_rng(run)
    truth = draw.normal(0, 2, EVENTS)
    window, plan = Rows(), Plan()
    window.append(np.ones(EVENTS, np.int64), np.zeros(EVENTS, np.int32), truth)
    plan.score_then_learn(0, draw.random(EVENTS) < 1 / (1 + np.exp(-truth)))
    contest = Contest(
        Noisy(champion, 2 * run),
        {"other": Noisy(challenger, 2 * run + 1)},
        promote=promote,
        look=10,
    )
    learner = contest.new(0)
    learner.run(plan, window)
    return len(learner.promotions)


@pytest.mark.parametrize("challenger", [1.0, 1.2], ids=["equal", "worse"])
def test_one_that_is_no_better_is_promoted_in_at_most_alpha_of_all_runs(challenger):
    wrong = [promotions(1.0, challenger, run, promote=0.1) > 0 for run in range(300)]
    assert sum(wrong) <= 0.1 * 300


def test_one_that_is_better_is_promoted():
    assert all(promotions(4.0, 0.5, run, promote=0.01) == 1 for run in range(20))


def test_nobody_is_promoted_where_that_is_not_wanted():
    assert promotions(4.0, 0.5, 0, promote=None) == 0


@pytest.mark.parametrize(
    "model",
    [
        Contest(SLOW, {"fast": FAST}, promote=0.9, look=10),
        Contest(Linear(bits=6, optimizer=SGD(1e-6)), {"fast": Linear(bits=6)}, promote=0.9, look=9),
        Contest(linear_model.LogisticRegression(), {"tree": tree.HoeffdingTreeClassifier()}),
        Contest(
            adapt(tree.HoeffdingTreeClassifier(), "multiclass"),
            {"eager": tree.HoeffdingTreeClassifier(grace_period=20)},
            promote=0.9,
            look=10,
        ),
        Contest(SLOW, {"adaptive": Adaptive(FAST, reference=200, every=1)}, patience=5),
    ],
    ids=["logistic", "linear", "river", "multiclass", "nested"],
)
def test_it_keeps_every_promise_of_a_model(model):
    check_model(model, events=400)


def learned(contest: Contest, events: int = 3_000):
    """A learner that has seen a stream in which a quick learner is better, and its scores."""
    draw = np.random.default_rng(1)
    sides = draw.integers(0, 2, events).astype(np.int32)
    window, plan = Rows(), Plan()
    window.append(np.ones(events, np.int64), sides, np.ones(events))
    plan.score_then_learn(0, (sides == 1) ^ (draw.random(events) < 0.1))
    learner = contest.new(0)
    return learner, learner.run(plan, window).value


def test_the_published_scores_are_the_champions_before_and_after_a_promotion():
    learner, scores = learned(Contest(SLOW, {"fast": FAST, "idle": SLOW}, look=100))
    _, slow = learned(Contest(SLOW, {"fast": FAST}, promote=None))
    _, fast = learned(Contest(FAST, {"slow": SLOW}, promote=None))
    [promotion] = learner.promotions
    at = promotion.learned
    assert (promotion.name, promotion.former, promotion.judged) == ("fast", "incumbent", at)
    assert promotion.evidence >= 2 * 2 / 0.01
    assert scores[:at].tolist() == slow[:at].tolist()
    assert scores[at:].tolist() == fast[at:].tolist()


def test_the_summary_tells_who_is_champion_and_how_the_others_stand():
    contest = Contest(SLOW, {"fast": FAST}, promote=None)
    learner, _ = learned(contest)
    summary = learner.summary()
    assert summary["champion_incumbent"] == 1
    assert summary["champion_fast"] == summary["promotions"] == 0
    assert summary["evidence_fast"] > 1_000
    assert 0.1 < summary["gain_fast"] < 0.6
    assert summary["judged"] == summary["learned"] == 3_000
    learner, _ = learned(Contest(SLOW, {"fast": FAST}))
    summary = learner.summary()
    assert summary["champion_fast"] == summary["promotions"] == 1
    assert summary["evidence_incumbent"] < 1
    assert summary["gain_incumbent"] < 0


def test_each_further_promotion_needs_more_evidence_so_that_the_chance_is_bounded_for_ever():
    contest = Contest(SLOW, {"fast": FAST, "idle": SLOW}, promote=0.01)
    spent = [2 / contest.needed(number) for number in range(10_000)]
    assert spent[0] == pytest.approx(0.005)
    assert sum(spent) <= 0.01


def test_the_weights_that_scored_are_those_of_the_champion():
    learner, _ = learned(Contest(SLOW, {"fast": FAST}))
    window, plan = Rows(), Plan()
    window.append(np.array([1]), np.array([1], np.int32), np.ones(1))
    plan.score(0)
    witness = Witness(learner)
    score = witness.run(plan, window).value[0]
    margin = witness.seen.bias + float(witness.seen.weight @ witness.seen.x)
    assert score == pytest.approx(1 / (1 + np.exp(-margin)), abs=1e-12)
    assert margin > 1


@settings(deadline=None, max_examples=10)
@given(cuts(1_800), st.integers(1, 1_799))
def test_neither_cuts_nor_a_restart_change_a_bit(at, restart):
    declared = pipeline(
        Contest(SLOW, {"fast": FAST, "idle": SLOW}, promote=0.5, look=50, patience=150)
    )
    log = logs(2_000)
    whole = begun(declared)
    expected = carried_out(whole, log)
    assert whole.learner.promotions
    found, task = restarted(declared, log, restart, at)
    assert found == expected
    assert pack(task.image()) == pack(whole.image())


def test_a_pipeline_takes_it_as_any_model_and_says_what_it_is():
    checked = check(pipeline(Contest(SLOW, {"fast": FAST})))
    assert checked.model == "Contest of Logistic"
    assert checked.memory == 2 * 65 * 8
    assert list(checked.settings["contestants"]) == ["incumbent", "fast"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: Contest(SLOW, {}), "use the model itself"),
        (lambda: Contest(SLOW, {"Fast one": FAST}), "write {'faster': …}"),
        (lambda: Contest(SLOW, {"incumbent": FAST}), "are taken"),
        (lambda: Contest(SLOW, {"fast": Logistic(bits=7)}), "give fast a model with bits=6"),
        (lambda: Contest(SLOW, {"fast": Logistic(bits=6, seed=1)}), "with seed=0"),
        (lambda: Contest(SLOW, {"tree": tree.HoeffdingTreeClassifier()}), "form='named'"),
        (lambda: Contest(SLOW, {"line": Linear(bits=6)}), "kind='regression'"),
        (lambda: Contest(HalfSpaceTrees(), {"b": HalfSpaceTrees()}), "a classifier or a regressor"),
        (lambda: Contest(SLOW, {"fast": FAST}, promote=1), "write promote=0.01"),
        (lambda: Contest(SLOW, {"fast": FAST}, look=0), "write look=1_000"),
        (lambda: Contest(SLOW, {"fast": FAST}, patience=0), "write patience=1_000_000"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_write(given, words):
    with pytest.raises((TypeError, ValueError)) as refused:
        given()
    assert words in str(refused.value)
