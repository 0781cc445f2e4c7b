"""The rules a pipeline's declaration has to keep; each broken one has an answer that teaches."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from models.codes import codes
from models.features import Feature, FeatureError
from models.protocol import Model
from streams.decisions import Decide
from streams.declare import Labels, Topic
from streams.errors import DeclarationError
from streams.fields import suggestion
from streams.measure import Measure
from streams.schema import Field, FieldType

__all__ = [
    "check_features",
    "check_measure",
    "check_name",
    "check_numbers",
    "check_parts",
    "check_raw",
    "check_reasons",
    "check_topics",
]

_RAW_TYPES: tuple[FieldType, ...] = (str, int, float, bool)


def check_name(name: str) -> None:
    """A pipeline's name heads its own topics, its group and its metrics."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,199}", name):
        legal = re.sub(r"[^a-zA-Z0-9]+", "-", str(name)).strip("-")[:200].lower()
        raise DeclarationError(
            f"Pipeline(name={name!r})",
            "the name begins the names of topics, where Kafka counts '.' and '_' as the same: "
            "letters, digits and '-' only, at most 200",
            f'Pipeline(name="{legal or "fraud"}", …)',
        )


def check_parts(events: object, labels: object, features: object, decide: object) -> None:
    """Every argument of a pipeline is what it is called."""
    if not isinstance(events, Topic):
        raise DeclarationError(
            f"Pipeline(events={events!r})",
            "the events' topic has a schema besides its name",
            'events=Topic("payments", schema=Payment)',
        )
    if not isinstance(labels, Labels | str | None):
        raise DeclarationError(
            f"Pipeline(labels={labels!r})",
            "labels come by a topic, or in a field of the event, or not at all",
            'labels=Labels("chargebacks"), or labels="<field>"',
        )
    if features is not None and (isinstance(features, str) or not isinstance(features, Sequence)):
        raise DeclarationError(
            f"Pipeline(features={features!r})",
            "features stand in a list",
            'features=[Number("amount"), …]',
        )
    if decide is not None and not isinstance(decide, Decide):
        raise DeclarationError(
            f"Pipeline(decide={decide!r})",
            "a decision is made by a rule on the score",
            "decide=Threshold(0.5)",
        )


def check_measure(measure: object) -> None:
    """What is measured is declared as such."""
    if not isinstance(measure, Measure | None):
        raise DeclarationError(
            f"Pipeline(measure={measure!r})",
            "what is measured besides is declared field by field",
            'measure=Measure(per_day=100, one_per="customer_id")',
        )


def check_numbers(seed: int, max_event_bytes: int) -> None:
    """The seed and the size limit are whole numbers in their range."""
    if type(seed) is not int or not 0 <= seed < 1 << 32:
        raise DeclarationError(
            f"Pipeline(seed={seed!r})",
            "a seed is a whole number from 0 to 2**32 - 1, so that every run is the same",
            "seed=0",
        )
    if type(max_event_bytes) is not int or max_event_bytes < 1:
        raise DeclarationError(
            f"Pipeline(max_event_bytes={max_event_bytes!r})",
            "it is the size of the largest record that is read, in bytes",
            "max_event_bytes=262_144",
        )


def check_topics(outputs: Sequence[str], inputs: Sequence[str]) -> None:
    """No two of a pipeline's topics are one to Kafka."""
    events, *labels = inputs
    if events in labels:
        raise DeclarationError(
            f"events=Topic({events!r}, …) and labels=Labels({events!r}, …)",
            "one topic has one schema: its records could not be told apart",
            f'labels=Labels("{events}-labels", …), or labels="<field>" for a label in the event',
        )
    for topic in inputs:
        if topic in outputs:
            raise DeclarationError(
                f"the pipeline reads {topic!r}",
                "it is what the pipeline writes: it would score its own answers",
                "another topic, or another name= of the pipeline",
            )
    seen: dict[str, str] = {}
    for topic in (*outputs, *inputs):
        other = seen.setdefault(topic.replace(".", "_"), topic)
        if other != topic:
            raise DeclarationError(
                f"the topics {other!r} and {topic!r}",
                "Kafka counts '.' and '_' in a topic's name as the same",
                topic.replace(".", "-").replace("_", "-"),
            )


def check_features(
    features: Sequence[Any], fields: Mapping[str, Field], label: str | None, time: str | None
) -> None:
    """Every feature has its own name and reads fields that exist and do not tell the label."""
    if not features:
        usable = [suggestion(field) for name, field in fields.items() if name != label]
        raise DeclarationError(
            "features=[]", "there is nothing to learn from", f"features=[{', '.join(usable)}]"
        )
    types = {name: field.type for name, field in fields.items()}
    names: set[str] = set()
    for feature in features:
        if not isinstance(feature, Feature):
            _refuse_feature(feature, fields)
        try:
            feature.check(types)
        except FeatureError as error:
            raise DeclarationError(error.given, error.why, error.write) from error
        call = feature.written().removesuffix(")")
        if feature.timed and time is None:
            raise DeclarationError(
                f"{call}) of events without a time",
                "a window is of the last days or minutes, so each event has to tell when it was",
                'events=Topic(…, time="at"), with a field at: datetime in the schema',
            )
        if label in feature.fields:
            raise DeclarationError(
                f"{call}) reads the label",
                "a model that sees the answer learns nothing else, and has no answer to see "
                "where it counts",
                f"features=[…] without {call})",
            )
        if feature.name in names:
            raise DeclarationError(
                f"two features are called {feature.name!r}",
                "they would be hashed alike and taken for one",
                f'{call}, name="{feature.name}-2")',
            )
        names.add(feature.name)


def check_raw(names: Sequence[str], fields: Mapping[str, Field], form: str) -> None:
    """A model without features can take the event's fields as they are."""
    suggested = f"features=[{', '.join(suggestion(fields[name]) for name in names)}]"
    if form == "hashed":
        raise DeclarationError(
            "a hashed model without features=",
            "it learns weights of features; what to make of each field is for you to say",
            suggested,
        )
    for name in names:
        if fields[name].type not in _RAW_TYPES:
            raise DeclarationError(
                f"a River model without features=, and {name} is {fields[name].spelled}",
                "as they are, River reads numbers and text alone",
                suggested,
            )
    if not names:
        raise DeclarationError(
            "a River model without features=, and no field but id, time and label",
            "there is nothing left to learn from",
            "amount: float    # in the schema",
        )


def check_reasons(reasons: int, model: Model, features: Sequence[Feature] | None) -> None:
    """Reasons are of a model that knows them as it scores, and their codes differ."""
    if type(reasons) is not int or reasons < 0:
        raise DeclarationError(
            f"reasons={reasons!r}",
            "it is how many reasons go with a prediction that is decided True",
            "reasons=3",
        )
    if not reasons:
        return
    if model.kind != "binary" or not hasattr(model.new(0), "weigh"):
        raise DeclarationError(
            f"reasons={reasons} of a {type(model).__name__}",
            "they are what features add to the log-odds, which Logistic, Pairwise and an Averaged "
            "of them know as they score; any other would have to be asked hundreds of times",
            "reasons=0, and thalweg explain for single events",
        )
    try:
        codes(features or ())
    except FeatureError as error:
        raise DeclarationError(error.given, error.why, error.write) from error


def _refuse_feature(given: object, fields: Mapping[str, Field]) -> NoReturn:
    shown = given.__name__ if isinstance(given, type) else repr(given)
    field = fields.get(given) if isinstance(given, str) else None
    raise DeclarationError(
        f"features=[…, {shown}, …]",
        "a feature says how a field is read: as a number, hashed, split into words",
        f"features=[…, {suggestion(field or _AMOUNT)}, …]",
    )


_AMOUNT = Field("amount", "amount", float)
