"""Which model a pipeline gets for what its user wrote, and whether it can read the events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from models.mixing import Mixing, mixes
from models.protocol import Kind, Model
from streams.declare import Topic
from streams.errors import DeclarationError
from streams.schema import Field

__all__ = ["as_model", "called", "check_mixing", "check_shared", "probe"]

_EXAMPLES: Mapping[Kind, str] = {
    "binary": "model=Logistic(bits=20)",
    "multiclass": "model=HoeffdingTreeClassifier()",
    "regression": "model=Linear(bits=20)",
    "anomaly": "model=HalfSpaceTrees()",
}


def as_model(given: Any, label: Field | None) -> Model:
    """The model: as it is, or a River estimator adapted to the labels it is to learn.

    Raises:
        DeclarationError: it is neither, or it cannot do without labels.
    """
    several = label is not None and (label.type is str or not set(label.choices) <= {0, 1})
    kind: Kind = "multiclass" if several else "binary" if label else "anomaly"
    if isinstance(given, type):
        raise DeclarationError(
            f"model={given.__name__}",
            "that is the class; every partition starts from a copy of an instance",
            f"model={given.__name__}()",
        )
    if not (hasattr(given, "form") and hasattr(given, "accepts")):
        given = _adapted(given, kind)
    model: Model = given
    if label is None and model.kind != "anomaly":
        raise DeclarationError(
            f"model={called(model)} without labels=",
            f"a {model.kind} model learns from labels alone",
            'labels=Labels("chargebacks"), or labels="<field>" for a label in the event',
        )
    return model


def _adapted(given: Any, kind: Kind) -> Model:
    from models.adapter import ModelError, adapt
    from models.estimators import kinds

    try:
        possible = kinds(given)
        return adapt(given, kind if kind in possible else possible[0])
    except ModelError as error:
        raise DeclarationError(f"model={given!r}", str(error), _EXAMPLES[kind]) from error


def probe(model: Any, x: Mapping[str, Any], label: Field | None) -> None:
    """Have a River estimator score, learn and keep the event `x`.

    Raises:
        DeclarationError: it cannot.
    """
    from models.adapter import ModelError

    target = {"multiclass": "a", "regression": 1.0}.get(model.kind, True)
    if label is not None and label.choices:
        target = label.choices[0]
    try:
        model.probe(x, target)
    except ModelError as error:
        numbers = ", ".join(
            f'Number("{name}")'
            for name, value in x.items()
            if isinstance(value, int | float) and name.isidentifier()
        )
        raise DeclarationError(
            f"model={called(model)} on {', '.join(x)}", str(error), f"features=[{numbers}]"
        ) from error


def check_mixing(mixing: Any, model: Model) -> None:
    """Learners that are to learn as one can.

    Raises:
        DeclarationError: it is none of ours to mix by, or the model's learners cannot.
    """
    if mixing is None:
        return
    if not isinstance(mixing, Mixing):
        raise DeclarationError(
            f"mixing={mixing!r}",
            "how the partitions' learners learn as one is declared by Mixing",
            "mixing=Mixing(), or leave it out: each partition learns by itself",
        )
    if not mixes(model):
        raise DeclarationError(
            f"mixing={mixing!r} with model={called(model)}",
            "its learners cannot take over what those of other partitions have learned",
            "model=Logistic(bits=20) or Linear(bits=20), whose weights can be mixed; or the same "
            "without mixing=: each partition learns by itself",
        )


def check_shared(features: Iterable[Any], events: Topic) -> None:
    """Windows that partitions share are by a field that does not decide on the partition.

    Raises:
        DeclarationError: one is by the topic's own key.
    """
    for feature in features:
        if getattr(feature, "shared", False) and feature.by == events.key:
            raise DeclarationError(
                feature.written(shared=True),
                f"{feature.by} is the topic's key: all events of one are in its own partition, and "
                "the others would remember them for nothing",
                feature.written(),
            )


def called(model: Model) -> str:
    """A model's name for people."""
    if inside := getattr(model, "models", None):
        names = dict.fromkeys(called(one) for one in inside.values())
        return f"{type(model).__name__} of {', '.join(names)}"
    estimator = getattr(model, "estimator", None)
    return type(model).__name__ if estimator is None else str(estimator)
