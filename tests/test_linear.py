import copy
import doctest
import json
import math
import pickle

import numpy as np
import pytest
from river import base, checks, compose, datasets, metrics, preprocessing

import models.linear
from models.checks import check_model
from models.linear import Linear, Logistic
from models.named import hash_row
from models.optimizers import FTRL, SGD, AdaGrad
from models.protocol import Plan
from models.rows import Rows

MODELS = [
    Logistic(bits=12),
    Logistic(bits=1, optimizer=FTRL(l1=0.1)),
    Logistic(bits=12, optimizer=SGD(0.1, "sqrt"), l1=0.001, l2=0.01),
    Linear(bits=12, intercept=False),
    Linear(bits=12, optimizer=FTRL(alpha=1.0, l1=0.1, l2=0.1)),
    Linear(bits=3, optimizer=SGD(0.01), l2=0.1),
]


@pytest.mark.usefixtures("_sklearn")
@pytest.mark.parametrize("model", [Logistic(), Logistic(optimizer=FTRL()), Linear()], ids=repr)
def test_it_is_a_river_estimator_by_rivers_own_checks(model) -> None:
    checks.check_estimator(model)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_it_keeps_every_promise_of_a_model(model) -> None:
    check_model(model)


def test_the_examples_in_its_documentation_are_true() -> None:
    assert doctest.testmod(models.linear).failed == 0


@pytest.mark.parametrize("declare", [Logistic, Linear])
def test_one_event_at_a_time_gives_the_same_bits_as_a_plan(declare) -> None:
    model = declare(bits=10)
    data = [({"amount": i % 7 - 3.0, "shop": f"shop-{i % 11}"}, i % 3 == 0) for i in range(200)]
    rows, plan = Rows(), Plan()
    for x, _ in data:
        index, value = hash_row(x, model.bits, model.seed)
        rows.append(np.array([len(index)]), index, value)
    targets = [y if model.kind == "binary" else float(y) for _, y in data]
    plan.score_then_learn(0, targets)
    expected = model.new(0).run(plan, rows).value.tolist()

    scores = []
    for (x, _), y in zip(data, targets, strict=True):
        if model.kind == "binary":
            scores.append(model.predict_proba_one(x)[True])
        else:
            scores.append(model.predict_one(x))
        model.learn_one(x, y)
    assert scores == expected


def test_it_works_at_the_end_of_a_river_pipeline() -> None:
    model = preprocessing.StandardScaler() | Logistic(bits=16)
    accuracy = metrics.Accuracy()
    for x, y in datasets.Phishing():
        accuracy.update(y, model.predict_one(x))
        model.learn_one(x, y)
    assert accuracy.get() > 0.88


def test_a_pickled_estimator_goes_on_as_the_original_and_is_small() -> None:
    model = Logistic(bits=20)
    for i in range(50):
        model.learn_one({"card": f"c{i}"}, i % 2)
    image = pickle.dumps(model)
    assert len(image) < 10_000
    for twin in (pickle.loads(image), copy.deepcopy(model)):
        assert twin.predict_proba_one({"card": "c3"}) == model.predict_proba_one({"card": "c3"})
        twin.learn_one({"card": "c3"}, 0)
        assert twin.predict_proba_one({"card": "c3"}) != model.predict_proba_one({"card": "c3"})


def test_hyper_parameters_are_fixed_and_clone_makes_others() -> None:
    model = Logistic(bits=18)
    with pytest.raises(AttributeError, match=r"write model.clone\({'bits': 20}\)"):
        model.bits = 20
    assert model.clone({"bits": 19}).bits == 19
    assert model.bits == 18


def test_the_description_is_every_hyper_parameter() -> None:
    described = Logistic(bits=18, optimizer=FTRL(l1=1e-6), seed=7).describe()
    assert json.loads(json.dumps(described)) == {
        "model": "Logistic",
        "bits": 18,
        "optimizer": {"name": "FTRL", "alpha": 0.05, "beta": 1.0, "l1": 1e-06, "l2": 0.0},
        "l1": 0.0,
        "l2": 0.0,
        "intercept": True,
        "seed": 7,
    }
    assert Logistic().describe() == Logistic(optimizer=AdaGrad(0.05)).describe()
    assert Logistic().describe() != Linear().describe()


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (lambda: Logistic(bits=31), r"Logistic\(bits=31\).* from 1 to 30; write Logistic\(bits=20"),
        (lambda: Linear(bits=0), r"Linear\(bits=0\)"),
        (lambda: Logistic(bits="20"), r"bits='20'"),
        (lambda: Linear(l2=-1.0), r"Linear\(l2=-1.0\): a penalty is a finite number ≥ 0"),
        (lambda: Logistic(l1=math.inf), r"write Logistic\(l1=0.0\) for none"),
        (
            lambda: Logistic(optimizer=FTRL(), l1=1e-6),
            r"FTRL has penalties of its own; write Logistic\(optimizer=FTRL\(l1=1e-06, l2=0.0\)\)",
        ),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_when_it_is_written(declare, says) -> None:
    with pytest.raises(ValueError, match=says):
        declare()


def test_rivers_optimizers_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"write Logistic\(optimizer=AdaGrad\(0.05\)\)"):
        Logistic(optimizer="adam")


def test_a_label_it_cannot_learn_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"Logistic\.learn_one: the label is a str"):
        Logistic().learn_one({"a": 1.0}, "yes")
    with pytest.raises(ValueError, match=r"Linear\.learn_one: the label is not a finite number"):
        Linear().learn_one({"a": 1.0}, math.nan)


def test_it_stands_between_rivers_classifiers_and_regressors() -> None:
    assert isinstance(Logistic(), base.Classifier)
    assert isinstance(Linear(), base.Regressor)
    assert isinstance(compose.Pipeline(preprocessing.MinMaxScaler(), Linear()), base.Regressor)
