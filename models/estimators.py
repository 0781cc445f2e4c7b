"""What can be read off a River estimator without running it: its kind, parameters and seeds."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from river import active, base, compose, multiclass, reco

from models.protocol import Kind

__all__ = ["ModelError", "described", "kinds", "last_step", "seeded"]


class ModelError(ValueError):
    """A model that cannot do what is asked of it, and what to write instead."""


def kinds(estimator: Any) -> tuple[Kind, ...]:
    """What the estimator can predict, its natural kind first.

    Raises:
        ModelError: it is nothing that scores events and learns from them.
    """
    name = _name(estimator)
    if inspect.isclass(estimator):
        raise ModelError(f"{name} is a class: write {name}() for an estimator of it")
    if not isinstance(estimator, base.Base):
        raise ModelError(
            f"{estimator!r} is a {name} and no River estimator; write for example "
            "linear_model.LogisticRegression(), or wrap a scikit-learn one in "
            "river.compat.convert_sklearn_to_river(…)"
        )
    for unfit, reason in _UNFIT.items():
        if isinstance(estimator, unfit):
            raise ModelError(f"{name} {reason}")
    if isinstance(estimator, base.Classifier):
        if isinstance(last_step(estimator), _SEVERAL):
            return ("multiclass", "binary")
        return ("binary", "multiclass") if estimator._multiclass else ("binary",)
    if isinstance(estimator, base.Regressor):
        return ("regression",)
    if isinstance(estimator, (base.AnomalyDetector, base.AnomalyFilter)):
        if estimator._supervised:
            raise ModelError(
                f"{name} finds anomalies, but a part of it learns from labels, which an anomaly "
                "detector never sees: take that part out, or end with a classifier"
            )
        return ("anomaly",)
    raise ModelError(
        f"{name} scores no events: end with a classifier, a regressor or an anomaly detector, "
        f"for example {name} | linear_model.LogisticRegression()"
    )


def last_step(estimator: Any) -> Any:
    """The estimator at the end of a pipeline; the estimator itself if it is none."""
    while isinstance(estimator, compose.Pipeline):
        estimator = estimator._last_step
    return estimator


def described(value: Any) -> Any:
    """A parameter, or a whole estimator with its parameters, as JSON can hold it.

    Functions are known by their name, so changing one's body does not show.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, base.Base):
        return {"class": _path(type(value)), **{k: described(v) for k, v in _parameters(value)}}
    if isinstance(value, Mapping):
        return {str(k): described(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [described(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted((described(v) for v in value), key=repr)
    if hasattr(value, "__qualname__"):
        return _path(value)
    names = getattr(value, "__dataclass_fields__", None) or getattr(value, "__dict__", {})
    return {"class": _path(type(value)), **{n: described(getattr(value, n)) for n in names}}


def seeded(estimator: Any, seed: int) -> Any:
    """An untrained copy in which every random part left without a seed has one drawn from `seed`.

    River's own `clone` keeps ``seed=None``, and then no two clones learn the same.
    """
    random = Random(seed)
    return _sown(copy.deepcopy(estimator), lambda: random.getrandbits(32)).clone()


def _sown(value: Any, draw: Callable[[], int]) -> Any:
    """`value` with its missing seeds set, in place where it can be changed."""
    if isinstance(value, base.Base):
        if isinstance(value, (compose.Pipeline, compose.TransformerUnion)):
            steps = _steps(value)
            steps.update({name: _sown(step, draw) for name, step in steps.items()})
            return value
        for name, parameter in _parameters(value):
            grown = _sown(parameter, draw)
            if grown is not parameter:
                setattr(value, name, grown)
            elif name == "seed" and parameter is None:
                value.seed = draw()
        return value
    if isinstance(value, (list, tuple)) and any(isinstance(v, base.Base) for v in value):
        # River's clone copies a list of estimators as it is: those have to be made anew here.
        members = [_sown(member, draw).clone() for member in value]
        if isinstance(value, tuple):
            return tuple(members)
        value[:] = members
    return value


def _parameters(estimator: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(estimator, (compose.Pipeline, compose.TransformerUnion)):
        yield from _steps(estimator).items()
        return
    for name in inspect.signature(type(estimator)).parameters:
        yield name, getattr(estimator, name, None)


def _steps(estimator: Any) -> dict[str, Any]:
    is_pipeline = isinstance(estimator, compose.Pipeline)
    steps: dict[str, Any] = estimator.steps if is_pipeline else estimator.transformers
    return steps


def _path(named: Any) -> str:
    return f"{named.__module__}.{named.__qualname__}"


def _name(estimator: Any) -> str:
    if isinstance(estimator, compose.Pipeline):
        return str(estimator)
    return estimator.__name__ if inspect.isclass(estimator) else type(estimator).__name__


_SEVERAL = (
    multiclass.OneVsRestClassifier,
    multiclass.OneVsOneClassifier,
    multiclass.OutputCodeClassifier,
)

_UNFIT: Mapping[type, str] = {
    base.MultiLabelClassifier: (
        "answers several labels at once, and an event here has one: make a pipeline for each label"
    ),
    base.MultiTargetRegressor: (
        "predicts several numbers at once, and an event here has one: make a pipeline for each"
    ),
    active.base.ActiveLearningClassifier: (
        "chooses which labels to ask for, and labels here come unasked: write the classifier in it"
    ),
    reco.base.Ranker: (
        "learns from a user and an item, not from an event's features: "
        "write facto.FMClassifier() or facto.FMRegressor() on both as features"
    ),
    base.SupervisedAnomalyDetector: (
        "scores the label itself, which is not known when its event is scored: "
        "write anomaly.HalfSpaceTrees() or another detector that reads features only"
    ),
    base.Clusterer: (
        "answers a cluster's number, which is no score: end with an anomaly detector, "
        "or put it before a classifier as a transformer"
    ),
}
