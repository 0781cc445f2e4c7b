"""The rules for labels: where they are found, and that the model can learn them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from models.durations import seconds
from models.features import LabelRate
from models.protocol import Kind, Model
from streams.declare import Labels, Topic
from streams.errors import DeclarationError, nearest
from streams.fields import ID_TYPES, field_for
from streams.schema import TIME_TYPES, Field, FieldType, fields_of, type_name

__all__ = [
    "check_label",
    "check_label_rates",
    "check_labels",
    "check_otherwise",
    "check_sources",
    "check_weights",
]

_LABEL_TYPES: tuple[FieldType, ...] = (bool, int, float, str)

_LEARNS: Mapping[Kind, tuple[str, str]] = {
    "binary": ("true or false, 1 or 0", "bool"),
    "anomaly": ("true or false, 1 or 0", "bool"),
    "multiclass": ("classes", "str"),
    "regression": ("numbers", "float"),
}
"""For each kind what its labels are, and the first type to think of."""


def check_labels(labels: Labels, events: Topic, fields: Mapping[str, Field]) -> Field:
    """A labels topic can find an event and judge it; answers the field that holds the label."""
    if events.id is None:
        candidates = [name for name, field in fields.items() if field.type in ID_TYPES]
        likely = nearest("id", candidates) or next(iter(candidates), "tx_id")
        raise DeclarationError(
            f"labels=Labels({labels.topic!r}, …), but Topic({events.name!r}, …) has no id=",
            "a label finds its event by an id that both of them carry",
            f'Topic({events.name!r}, schema={events.schema.__name__}, id="{likely}")',
        )
    own = fields_of(labels.schema)

    def found(role: str, name: str, noun: str, types: tuple[FieldType, ...]) -> Field:
        given = f"Labels({labels.topic!r}, {role}={name!r})"
        if name not in own and role == "id" and events.id in own:
            raise DeclarationError(
                f"{given}: {labels.schema.__name__} has no field {name!r}",
                "a label finds its event by an id that both of them carry",
                f'Labels({labels.topic!r}, id="{events.id}", …)',
            )
        required = role not in ("time", "value")
        return field_for(own, name, given, noun, types, required=required)

    identity, value = (
        found("id", labels.id, "an id", ID_TYPES),
        found("value", labels.value, "a label", _LABEL_TYPES),
    )
    if labels.time is not None:
        found("time", labels.time, "a time", TIME_TYPES)
    if labels.source is not None:
        found("source", labels.source, "a source", (str,))
    if labels.propensity is not None:
        given = f"Labels({labels.topic!r}, propensity={labels.propensity!r})"
        field_for(fields, labels.propensity, given, "a propensity", (float, int), required=False)
    if identity.type is not fields[events.id].type:
        other = type_name(fields[events.id].type)
        raise DeclarationError(
            f"{labels.schema.__name__}.{labels.id} is {type_name(identity.type)}, "
            f"{events.schema.__name__}.{events.id} is {other}",
            "a label whose id is of another type never finds its event",
            f"{labels.id}: {other}    # in the schema= of Labels",
        )
    return value


def check_label(field: Field, kind: Kind, model: str) -> None:
    """A label's type is one that a model of this kind learns."""
    fits = {
        "multiclass": field.type in (str, int),
        "regression": field.type in (int, float) and not field.choices,
    }
    if not fits.get(kind, field.type in (bool, int, float) and set(field.choices) <= {0, 1}):
        words, instead = _LEARNS[kind]
        several = f", or model=OneVsRestClassifier({model}(…))" * (field.type is str)
        raise DeclarationError(
            f"the label {field.name} is {field.spelled}",
            f"{model} is a {kind} model: it learns {words}",
            f"{field.name}: {instead}{several * (kind == 'binary')}",
        )


def check_otherwise(labels: Labels, model: Model) -> None:
    """What silence means is a label like any other."""
    refusal = None if labels.otherwise is None else model.accepts(labels.otherwise)
    if refusal is not None:
        example = {"multiclass": '"genuine"', "regression": "0.0"}.get(model.kind, "0")
        raise DeclarationError(
            f"Labels({labels.topic!r}, otherwise={labels.otherwise!r})",
            refusal,
            f"otherwise={example}",
        )


def check_label_rates(features: Iterable[object], labels: Labels | str | None, kind: Kind) -> None:
    """Labels that a feature counts come at all, have a mean, and are known after its delay."""
    for feature in features:
        if not isinstance(feature, LabelRate):
            continue
        given = feature.written()
        if labels is None:
            raise DeclarationError(
                f"{given} without labels=",
                "there are no labels to count",
                f'Window(by="{feature.by}", over={list(feature.over)}, stats=["count"])',
            )
        if kind == "multiclass":
            raise DeclarationError(
                f"{given} of classes",
                "it counts labels that are true or false, or numbers: classes have no mean",
                f'Hashed("{feature.by}"), of which the model learns how often it has which class',
            )
        silence = labels.maturity if isinstance(labels, Labels) else None
        if isinstance(labels, Labels) and silence and (seconds(feature.delay) or 0) < silence:
            raise DeclarationError(
                f"{given}, and silence means {labels.otherwise!r} after {labels.matures_after}",
                f"{feature.delay} after an event complaints alone are known: the rate would be too "
                "high, and tell of the delay rather than of the events",
                feature.written(delay=labels.matures_after),
            )


def check_sources(labels: Labels | None, model: Model) -> None:
    """Where labels have sources, the model learns them apart; and only there."""
    sources = getattr(model, "sources", ())
    declared = labels is not None and labels.source is not None
    if declared and labels is not None and not sources:
        raise DeclarationError(
            f"Labels({labels.topic!r}, source={labels.source!r}) and one model for all sources",
            "labels are told apart by source for a model that learns each source by itself",
            'model=BySource({"investigator": …, "chargeback": …}, "chargeback"), or no source=',
        )
    if sources and not declared:
        where = "" if labels is None else f"{labels.topic!r}, "
        raise DeclarationError(
            f"model=BySource(…) for labels from {', '.join(sources)} without Labels(source=…)",
            "nothing says which of its models a label is for",
            f'labels=Labels({where}source="source", matures_after="7d", otherwise=0)',
        )
    if sources and labels is not None and labels.matures_after is None:
        raise DeclarationError(
            f"Labels({labels.topic!r}, source={labels.source!r}) without matures_after=",
            "an event that one source has judged would wait for the others for ever",
            f'Labels({labels.topic!r}, source={labels.source!r}, matures_after="7d", otherwise=0)',
        )


def check_weights(labels: Labels | None, model: Model, name: str) -> None:
    """Where labels count more or less, the model learns with weights."""
    if labels is not None and labels.propensity is not None and not getattr(model, "weighs", False):
        raise DeclarationError(
            f"Labels({labels.topic!r}, propensity={labels.propensity!r}) for {name}",
            "its learn_one takes no weight, w=…, by which a label could count more",
            "a model that learns with weights: model=Logistic(bits=20)",
        )
