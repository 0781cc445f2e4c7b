import functools
import os
import pickle
import subprocess

import pytest
import river
from river import (
    compose,
    ensemble,
    feature_extraction,
    forest,
    linear_model,
    naive_bayes,
    neighbors,
    preprocessing,
    tree,
)

from models.estimators import ModelError
from models.pickles import dump, load


def double(x):
    return {name: 2 * value for name, value in x.items()}


def forged(payload: object) -> dict[str, object]:
    """A state that claims to hold the declared estimator."""
    return {**dump(linear_model.LogisticRegression()), "pickle": pickle.dumps(payload, protocol=5)}


class Calls:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "payload",
    [
        Calls(os.system, "true"),
        Calls(subprocess.Popen, ["true"]),
        Calls(eval, "1"),
        Calls(exec, "1"),
        Calls(__import__, "os"),
        Calls(open, "/etc/passwd"),
        Calls(functools.partial, os.system, "true"),
        {"inside": [Calls(os.remove, "nothing")]},
        Calls(getattr, linear_model.LogisticRegression.learn_one, "__globals__"),
        Calls(getattr, preprocessing.StandardScaler(), "__class__"),
        Calls(getattr, preprocessing.StandardScaler(), "with_std"),
        Calls(getattr, functools.partial(double), "func"),
        Calls(river.datasets.Phishing),
        Calls(double, {}),
    ],
    ids=lambda payload: str(getattr(payload, "call", payload))[:60],
)
def test_a_forged_state_is_refused_before_it_runs_anything(payload) -> None:
    with pytest.raises(ModelError, match=r"damaged or forged\. Do not load it"):
        load(forged(payload), linear_model.LogisticRegression())


@pytest.mark.parametrize(
    "name", ["os.system", "builtins.eval", "river.checks.common pickle.loads", "river.utils random"]
)
def test_a_name_cannot_be_reached_through_another_modules_imports(name) -> None:
    module, _, attribute = name.partition(" ") if " " in name else name.rpartition(".")
    program = b"\x80\x04" + b"".join(
        b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, attribute)
    )
    state = {**dump(linear_model.LogisticRegression()), "pickle": program + b"\x93."}
    with pytest.raises(ModelError, match="which no River estimator is made of"):
        load(state, linear_model.LogisticRegression())


def test_a_state_of_another_river_is_refused_with_both_versions() -> None:
    model = linear_model.LogisticRegression()
    with pytest.raises(ModelError, match=r"made by River 0\.25\.0.*'pip install river==0\.25\.0'"):
        load({**dump(model), "river": "0.25.0"}, model)


def test_a_state_of_another_estimator_is_refused() -> None:
    state = dump(linear_model.LogisticRegression())
    with pytest.raises(ModelError, match=r"holds a river.*LogisticRegression, and .*GaussianNB"):
        load(state, naive_bayes.GaussianNB())


@pytest.mark.parametrize(
    "model",
    [
        preprocessing.StandardScaler() | linear_model.LogisticRegression(),
        tree.HoeffdingAdaptiveTreeClassifier(seed=1),
        forest.ARFClassifier(seed=1),
        forest.AMFClassifier(seed=1),
        neighbors.KNNClassifier(),
        ensemble.LeveragingBaggingClassifier(tree.HoeffdingTreeClassifier(), seed=1),
        feature_extraction.BagOfWords(on="a") | naive_bayes.MultinomialNB(),
        preprocessing.GaussianRandomProjector(seed=1) | linear_model.PAClassifier(),
        compose.FuncTransformer(double) | naive_bayes.GaussianNB(),
    ],
    ids=str,
)
def test_an_estimator_comes_back_as_it_was(model) -> None:
    x = {"a": "red car"} if "BagOfWords" in str(model) else {"a": 1.0, "b": -2.0}
    for i in range(20):
        model.learn_one(x, i % 3 == 0)
    twin = load(dump(model), model)
    for _ in range(20):
        assert twin.predict_proba_one(x) == model.predict_proba_one(x)
        model.learn_one(x, True)
        twin.learn_one(x, True)


def test_a_users_own_function_is_let_in_by_the_declaration_only() -> None:
    mine = compose.FuncTransformer(double) | naive_bayes.GaussianNB()
    load(dump(mine), mine)
    other = compose.FuncTransformer(os.path.basename) | naive_bayes.GaussianNB()
    with pytest.raises(ModelError, match=r"this state names test_pickles\.double"):
        load(dump(mine), other)
