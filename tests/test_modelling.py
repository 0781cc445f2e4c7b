from __future__ import annotations

from typing import Literal

import pytest
from river.anomaly import HalfSpaceTrees
from river.linear_model import LinearRegression, LogisticRegression
from river.multiclass import OneVsRestClassifier
from river.preprocessing import StandardScaler
from river.tree import HoeffdingTreeClassifier

from models import Hashed, Linear, Logistic, Number
from streams import DeclarationError, Event, Pipeline, Topic


class Bloom(Event, frozen=True):
    width: float
    shape: str
    species: Literal["setosa", "virginica", "versicolor"]
    grade: Literal[1, 2, 3]
    flag: Literal[0, 1]
    price: float


WIDTH = (Number("width"),)


def declared(model, label, features=WIDTH) -> Pipeline:
    return Pipeline(
        name="blooms",
        events=Topic("blooms", schema=Bloom),
        labels=label,
        features=features,
        model=model,
    )


def refused(model, label, features=WIDTH) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        declared(model, label, features)
    return caught.value


@pytest.mark.parametrize(
    ("model", "label", "kind"),
    [
        (Logistic(bits=4), "flag", "binary"),
        (Linear(bits=4), "price", "regression"),
        (StandardScaler() | Logistic(bits=4), "flag", "binary"),
        (LogisticRegression(), "flag", "binary"),
        (HoeffdingTreeClassifier(), "flag", "binary"),
        (HoeffdingTreeClassifier(), "species", "multiclass"),
        (HoeffdingTreeClassifier(), "grade", "multiclass"),
        (OneVsRestClassifier(LogisticRegression()), "species", "multiclass"),
        (LinearRegression(), "price", "regression"),
        (HalfSpaceTrees(seed=1), None, "anomaly"),
        (HalfSpaceTrees(seed=1), "flag", "anomaly"),
    ],
)
def test_the_label_and_the_model_settle_what_is_predicted(model, label, kind):
    assert declared(model, label).kind == kind


def test_a_class_is_told_to_be_an_instance():
    assert str(refused(LogisticRegression, "flag")) == (
        "model=LogisticRegression\n"
        "  why:   that is the class; every partition starts from a copy of an instance\n"
        "  write: model=LogisticRegression()"
    )


@pytest.mark.parametrize("given", [None, "logistic", 7])
def test_what_is_no_model_is_answered_with_one(given):
    error = refused(given, "flag")
    assert error.given == f"model={given!r}"
    assert "no River estimator" in error.why
    assert error.write == "model=Logistic(bits=20)"


def test_a_transformer_is_no_model():
    error = refused(StandardScaler(), "species")
    assert "scores no events" in error.why
    assert error.write == "model=HoeffdingTreeClassifier()"


def test_a_model_that_learns_from_labels_is_given_some():
    error = refused(Logistic(bits=4), None)
    assert error.given == "model=Logistic without labels="
    assert error.why == "a binary model learns from labels alone"
    assert error.write.startswith('labels=Labels("chargebacks")')


def test_a_river_model_that_cannot_read_the_features_is_told_when_the_file_is_loaded():
    error = refused(LogisticRegression(), "flag", (Number("width"), Hashed("shape")))
    assert error.given == "model=LogisticRegression on width, shape"
    assert "The field 'shape' holds text" in error.why
    assert error.write == 'features=[Number("width")]'
