from __future__ import annotations

import numpy as np
import pytest
from river import forest, linear_model, naive_bayes, preprocessing, tree

from models import BySource, Linear, Logistic, Undersampled, Weighted
from models.checks import check_model
from models.dictrows import DictRows
from models.protocol import Plan
from models.rows import Rows

SCALED = preprocessing.StandardScaler() | linear_model.LogisticRegression()


@pytest.mark.parametrize(
    "model",
    [
        Undersampled(Logistic(bits=6), keep=0.5),
        Undersampled(forest.ARFClassifier(n_models=2, seed=1), keep=0.5, of=1, correct=False),
        Weighted(Logistic(bits=6), {1: 10.0}),
        Weighted(SCALED, {0: 0.5, 1: 2.0}, correct=False),
        Weighted(Undersampled(Logistic(bits=6), keep=0.5), {1: 3.0}),
        BySource(
            {
                "a": Undersampled(Logistic(bits=6), keep=0.5),
                "b": Weighted(Logistic(bits=6), {1: 3}),
            },
            "b",
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_it_keeps_the_promises_of_a_model(model):
    check_model(model)


def stream(n: int, share: float) -> tuple[Rows, np.ndarray]:
    """Rows of a bucket each, and labels: of the first bucket three times as often positive."""
    chance = np.random.default_rng(1)
    bucket = chance.integers(0, 4, n).astype(np.int32)
    label = (chance.random(n) < np.where(bucket == 0, 3 * share, share)).astype(np.float64)
    rows = Rows()
    rows.append(np.ones(n, np.int64), bucket, np.ones(n))
    return rows, label


def learned(model, rows: Rows, label: np.ndarray) -> np.ndarray:
    """Scores of the second half, each row learned as it is scored."""
    learner, plan = model.new(0), Plan()
    plan.score_then_learn(0, label)
    return learner.run(plan, rows).value[len(label) // 2 :]


@pytest.mark.parametrize(
    "balanced",
    [
        lambda correct: Undersampled(Logistic(bits=6), keep=0.1, correct=correct),
        lambda correct: Weighted(Logistic(bits=6), {1: 10.0}, correct=correct),
    ],
    ids=["undersampled", "weighted"],
)
def test_a_corrected_score_is_the_probability_and_an_uncorrected_one_is_not(balanced):
    rows, label = stream(60_000, 0.02)
    truth = label.mean()
    assert learned(balanced(True), rows, label).mean() == pytest.approx(truth, rel=0.25)
    assert learned(balanced(False), rows, label).mean() > 4 * truth


def test_about_the_share_is_kept_of_one_class_and_all_of_the_other():
    rows, label = stream(20_000, 0.1)
    plan, learner = Plan(), Undersampled(Logistic(bits=6), keep=0.25).new(0)
    plan.learn_each(range(len(label)), label.tolist())
    learner.run(plan, rows)
    kept = learner.summary()["learned"] - label.sum()
    assert kept / (label == 0).sum() == pytest.approx(0.25, abs=0.02)


def test_another_seed_keeps_other_labels():
    rows, label = stream(4_000, 0.1)
    found = set()
    for model in (Undersampled(Logistic(bits=6), 0.5, seed=seed) for seed in (0, 0, 1)):
        found.add(learned(model, rows, label).tobytes())
    assert len(found) == 2


def test_weights_of_a_plan_are_multiplied_by_those_of_the_class():
    rows, label = stream(50, 0.3)
    states = []
    for model, factor in ((Weighted(Logistic(bits=6), {1: 6.0}), 2.0), (Logistic(bits=6), 12.0)):
        plan, learner = Plan(), model.new(0)
        plan.learn_each(range(50), label.tolist())
        plan.weight = np.where(label == 1, factor, 1.0)
        learner.run(plan, rows)
        states.append(learner.state()["line"])
    assert np.array_equal(*states)


def test_rivers_estimators_are_given_the_weight():
    store, plain = DictRows(), linear_model.LogisticRegression()
    store.append([{"x": 1.0}, {"x": 2.0}])
    learner, plan = Weighted(linear_model.LogisticRegression(), {1: 5.0}).new(0), Plan()
    plan.learn_each([0, 1], [1, 0])
    learner.run(plan, store)
    plain.learn_one({"x": 1.0}, True, w=5.0)
    plain.learn_one({"x": 2.0}, False, w=1.0)
    assert learner._inner._estimator.weights == plain.weights


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Undersampled(Linear(), 0.1), "regression model: there are no two classes"),
        (lambda: Undersampled(Logistic(), 0.0), "write keep=0.1"),
        (lambda: Undersampled(Logistic(), 0.1, of=2), "write of=0"),
        (lambda: Weighted(naive_bayes.GaussianNB(), {1: 10.0}), r"Undersampled\(…, keep=0.1\)"),
        (lambda: Weighted(tree.HoeffdingTreeClassifier(), {1: -1.0}), "a positive weight"),
        (lambda: Weighted(Logistic(), {2: 1.0}), "write {1: 10.0}"),
    ],
)
def test_what_cannot_be_balanced_is_refused_with_what_to_write(make, words):
    with pytest.raises(ValueError, match=words):
        make()
