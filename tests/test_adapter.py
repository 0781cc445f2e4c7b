import json
import math
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from river import (
    anomaly,
    base,
    compose,
    datasets,
    dummy,
    ensemble,
    evaluate,
    forest,
    linear_model,
    metrics,
    multiclass,
    naive_bayes,
    neighbors,
    preprocessing,
    stats,
    tree,
)

from models.adapter import ModelError, adapt
from models.checks import check_model
from models.dictrows import DictRows
from models.linear import Logistic
from models.protocol import Plan


def window(values) -> DictRows:
    rows = DictRows()
    rows.append([dict(x) for x in values])
    return rows


def labelled(stream):
    """Rows of a data set, and the plan that scores each event and then learns its label."""
    events = list(stream)
    plan = Plan()
    plan.score_then_learn(0, [y for _, y in events])
    return window(x for x, _ in events), plan


def scaled(model):
    return preprocessing.StandardScaler() | model


def nearest():
    """Nearest neighbours by exact search: the graph search keeps state in a class attribute."""
    return scaled(neighbors.KNNClassifier(engine=neighbors.LazySearch(window_size=100)))


KEPT = [
    (scaled(linear_model.LogisticRegression()), None),
    (scaled(linear_model.LinearRegression()), None),
    (tree.HoeffdingTreeClassifier(grace_period=10), "multiclass"),
    (tree.HoeffdingAdaptiveTreeRegressor(grace_period=10), None),
    (forest.ARFClassifier(n_models=3), None),
    (nearest(), None),
    (anomaly.HalfSpaceTrees(n_trees=5), None),
    (anomaly.QuantileFilter(anomaly.OneClassSVM(), q=0.9), None),
    (ensemble.VotingClassifier([linear_model.Perceptron(), naive_bayes.GaussianNB()]), None),
    (multiclass.OneVsOneClassifier(linear_model.LogisticRegression()), None),
    (dummy.NoChangeClassifier(), "multiclass"),
    (preprocessing.FeatureHasher(n_features=64) | linear_model.PARegressor(), None),
    (scaled(Logistic(bits=10)), None),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("estimator", "kind"), KEPT, ids=lambda part: str(part))
def test_river_estimators_keep_every_promise_of_a_model(estimator, kind) -> None:
    check_model(adapt(estimator, kind))


@pytest.mark.parametrize(
    ("estimator", "metric"),
    [
        (scaled(linear_model.LogisticRegression()), metrics.Accuracy()),
        (scaled(linear_model.LogisticRegression()), metrics.LogLoss()),
        (tree.HoeffdingAdaptiveTreeClassifier(seed=1), metrics.LogLoss()),
        (forest.ARFClassifier(n_models=3, seed=1), metrics.Accuracy()),
    ],
    ids=str,
)
def test_scores_are_those_of_rivers_progressive_validation(estimator, metric) -> None:
    expected = evaluate.progressive_val_score(
        datasets.Phishing(), estimator.clone(), metric.clone()
    )
    rows, plan = labelled(datasets.Phishing())
    scores = adapt(estimator).new(0).run(plan, rows)
    answers = scores.decision if metric.requires_labels else scores.value.tolist()
    for answer, decision, target in zip(answers, scores.decision, plan.target, strict=True):
        if decision is not None:
            metric.update(target, answer)
    assert metric.get() == expected.get()


def test_regression_equals_rivers_progressive_validation() -> None:
    estimator = scaled(linear_model.LinearRegression())
    metric = metrics.MAE()
    expected = evaluate.progressive_val_score(datasets.TrumpApproval(), estimator.clone(), metric)
    rows, plan = labelled(datasets.TrumpApproval())
    value = adapt(estimator).new(0).run(plan, rows).value
    assert np.mean(np.abs(value - plan.target)) == pytest.approx(expected.get(), rel=1e-12)


def test_several_classes_are_answered_with_the_likeliest_and_its_probability() -> None:
    estimator = naive_bayes.GaussianNB()
    rows, plan = labelled(datasets.ImageSegments().take(300))
    scores = adapt(estimator, "multiclass").new(0).run(plan, rows)
    for x, y, value, decision in zip(
        (rows[i] for i in range(300)), plan.target, scores.value, scores.decision, strict=True
    ):
        expected = estimator.predict_proba_one(x)
        assert decision == max(expected, key=expected.get, default=None)
        assert value == expected.get(decision) or math.isnan(value)
        estimator.learn_one(x, y)


def test_before_any_label_there_is_no_answer_and_one_class_alone_is_certain() -> None:
    plan = Plan()
    plan.score_then_learn(0, [False])
    plan.score(0)
    scores = adapt(tree.HoeffdingTreeClassifier()).new(0).run(plan, window([{"a": 1.0}]))
    assert scores.decision == [None, False]
    assert math.isnan(scores.value[0])
    assert scores.value[1] == 0.0


def test_a_classifier_without_probabilities_answers_zero_or_one() -> None:
    voting = ensemble.VotingClassifier([linear_model.Perceptron(), linear_model.PAClassifier()])
    rows, plan = labelled(datasets.Phishing().take(50))
    scores = adapt(voting).new(0).run(plan, rows)
    assert scores.value.tolist() == [float(decision) for decision in scores.decision]


def test_a_classifiers_own_decision_is_asked_for_where_it_has_one() -> None:
    class Contrary(linear_model.LogisticRegression):
        def predict_one(self, x):
            return not super().predict_one(x)

    rows, plan = labelled(datasets.Phishing().take(50))
    plain = adapt(linear_model.LogisticRegression()).new(0).run(plan, rows)
    contrary = adapt(Contrary()).new(0).run(plan, rows)
    assert contrary.value.tolist() == plain.value.tolist()
    assert contrary.decision == [not decision for decision in plain.decision]


def test_labels_of_one_and_zero_are_learned_as_true_and_false() -> None:
    rows, plan = labelled((x, int(y)) for x, y in datasets.Phishing().take(100))
    scores = adapt(tree.HoeffdingTreeClassifier()).new(0).run(plan, rows)
    assert {type(decision) for decision in scores.decision[1:]} == {bool}


def test_an_anomaly_detector_learns_each_event_once_it_is_scored_and_no_label() -> None:
    detector = anomaly.HalfSpaceTrees(n_trees=5, seed=3)
    values = [{"a": (i * 37 % 100) / 100} for i in range(600)]
    plan = Plan()
    plan.score_run(0, 600)
    plan.learn(7, True)
    learner = adapt(detector).new(0)
    scores = learner.run(plan, window(values))
    expected = []
    for x in values:
        expected.append(detector.score_one(x))
        detector.learn_one(x)
    assert scores.value.tolist() == expected
    assert scores.decision is None
    assert any(expected)
    assert learner.summary()["learned"] == 1


def test_scores_that_are_not_finite_are_counted_and_not_given() -> None:
    class Overflowing(dummy.StatisticRegressor):
        def predict_one(self, x):
            return x["a"] * 1e300

    rows = window([{"a": 1.0}, {"a": 1e300}, {"a": math.nan}])
    plan = Plan()
    plan.score_run(0, 3)
    learner = adapt(Overflowing(stats.Mean())).new(0)
    scores = learner.run(plan, rows)
    assert scores.value[0] == 1e300
    assert np.isnan(scores.value[1:]).all()
    assert learner.summary()["not_finite"] == 2


@pytest.mark.parametrize("estimator", [forest.ARFClassifier(n_models=3), nearest()], ids=str)
def test_equal_seeds_learn_the_same_though_river_left_the_seed_out(estimator) -> None:
    rows, plan = labelled(datasets.Phishing().take(400))
    first, again, other = (adapt(estimator).new(seed).run(plan, rows) for seed in (1, 1, 2))
    assert first.value.tobytes() == again.value.tobytes()
    if isinstance(estimator, forest.ARFClassifier):
        assert first.value.tobytes() != other.value.tobytes()


@pytest.mark.parametrize("estimator", [nearest(), forest.ARFClassifier(n_models=3)], ids=str)
def test_a_restored_estimator_goes_on_to_the_bit_in_the_middle_of_its_life(estimator) -> None:
    rows, plan = labelled(datasets.Phishing().take(500))
    model = adapt(estimator)
    original, twin = model.new(0), model.new(1)
    original.run(plan, rows)
    twin.restore(original.state())
    assert twin.summary() == original.summary()
    again = Plan()
    again.score_then_learn(0, plan.target[:300])
    expected = original.run(again, rows)
    scores = twin.run(again, rows)
    assert scores.value.tobytes() == expected.value.tobytes()
    assert scores.decision == expected.decision


def test_two_processes_learn_the_same_whatever_their_hash_seed() -> None:
    program = textwrap.dedent("""
        from river import datasets, forest, preprocessing
        from models.adapter import adapt
        from models.dictrows import DictRows
        from models.protocol import Plan
        model = preprocessing.FeatureHasher(n_features=32) | forest.ARFClassifier(n_models=3)
        events = list(datasets.Phishing().take(300))
        rows, plan = DictRows(), Plan()
        rows.append([x for x, _ in events])
        plan.score_then_learn(0, [y for _, y in events])
        print(adapt(model).describe(), adapt(model).new(0).run(plan, rows).value.tobytes().hex())
    """)
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    assert len(said.pop()) > 1000


def test_the_declaration_is_not_touched_by_learning_nor_by_its_author() -> None:
    estimator = scaled(linear_model.LogisticRegression())
    model = adapt(estimator)
    before = json.dumps(model.describe())
    rows, plan = labelled(datasets.Phishing().take(50))
    fresh = model.new(0).run(plan, rows).value.tolist()
    for x, y in datasets.Phishing().take(50):
        estimator.learn_one(x, y)
    assert model.new(0).run(plan, rows).value.tolist() == fresh
    assert json.dumps(model.describe()) == before


@pytest.mark.parametrize(
    ("estimator", "kind", "says"),
    [
        (
            linear_model.LogisticRegression(),
            "multiclass",
            r"tells two classes apart.*write multiclass.OneVsRestClassifier\(LogisticRegression",
        ),
        (
            linear_model.LogisticRegression(),
            "regression",
            r"cannot be a regression model; write adapt\(LogisticRegression\(…\), kind='binary'\)",
        ),
        (anomaly.HalfSpaceTrees(), "binary", r"write adapt\(HalfSpaceTrees\(…\), kind='anomaly'\)"),
    ],
)
def test_a_kind_it_cannot_predict_is_refused(estimator, kind, says) -> None:
    with pytest.raises(ModelError, match=says):
        adapt(estimator, kind)


def test_labels_are_accepted_by_the_kind_asked_for() -> None:
    assert adapt(tree.HoeffdingTreeClassifier()).accepts("spam")
    assert adapt(tree.HoeffdingTreeClassifier(), "multiclass").accepts("spam") is None


def test_the_probe_finds_text_that_a_numeric_model_cannot_read() -> None:
    model = adapt(scaled(linear_model.LogisticRegression()))
    with pytest.raises(
        ModelError, match=r"field 'shop' holds text, for example 'corner': put"
    ) as no:
        model.probe({"amount": 1.0, "shop": "corner"}, True)
    assert "preprocessing.OneHotEncoder() or preprocessing.FeatureHasher() in front" in str(
        no.value
    )
    hashed = preprocessing.FeatureHasher() | linear_model.LogisticRegression()
    adapt(hashed).probe({"amount": 1.0, "shop": "corner"}, True)


def test_the_probe_shows_features_that_cannot_be_read_for_another_reason() -> None:
    with pytest.raises(ModelError, match=r"cannot take the features {'amount': None} \(TypeError"):
        adapt(scaled(linear_model.LogisticRegression())).probe({"amount": None}, True)


def test_the_probe_finds_what_cannot_be_kept_in_a_checkpoint() -> None:
    model = adapt(compose.FuncTransformer(lambda x: x) | naive_bayes.GaussianNB())
    with pytest.raises(ModelError, match="a lambda cannot be kept"):
        model.probe({"amount": 1.0}, True)


def test_an_estimator_that_fails_later_says_where_and_on_which_fields() -> None:
    class Fragile(base.Regressor):
        def learn_one(self, x, y):
            raise ArithmeticError("too small")

        def predict_one(self, x):
            return 0.0

    plan = Plan()
    plan.score_then_learn(0, [1.0])
    with pytest.raises(ArithmeticError) as failed:
        adapt(Fragile()).new(0).run(plan, window([{"amount": 1.0}]))
    assert failed.value.__notes__ == ["in row 0 of Fragile, with the fields {'amount': 'float'}"]
