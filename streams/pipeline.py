"""The pipeline a user declares: checked as it is made, frozen afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from models.column import EVENT_TIME
from models.mixing import Mixing, mixed
from models.protocol import Kind, Model
from streams.decisions import AlertBudget, Decide, Rule
from streams.declare import Declaration, Labels, Topic
from streams.fields import check_events, field_called
from streams.labelling import (
    check_label,
    check_label_rates,
    check_labels,
    check_otherwise,
    check_sources,
    check_weights,
)
from streams.measure import Measure
from streams.modelling import as_model, called, check_mixing, check_shared, probe
from streams.rules import (
    check_features,
    check_measure,
    check_name,
    check_numbers,
    check_parts,
    check_raw,
    check_reasons,
    check_topics,
)
from streams.ruling import check_deciding
from streams.schema import Event, Field, example, fields_of
from streams.secrecy import Pseudonyms, check_secrets

if TYPE_CHECKING:
    from models.encoders import HashedEncoder, NamedEncoder
    from models.quality import Quality
    from streams.app import App
    from streams.deciding import Decider
    from streams.reasons import Reasons

__all__ = ["Pipeline"]

_SOME_TIME = datetime(1970, 1, 1, tzinfo=UTC)

_REVISION = 1
"""Counts the changes to Thalweg itself by which the same declaration gives other scores."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pipeline(Declaration):
    """What is read, what is learned from it, and what is decided.

    Attributes:
        name: of its topics, its consumer group and its metrics.
        events: the topic it scores.
        labels: the topic its labels come by; or the event's own field that holds the label, which
            is learned as soon as the event is scored; or None for a model that needs none.
        features: what the model reads of an event; None, for a River model, for all its fields but
            id, time and label.
        model: one of our models, or any River estimator.
        decide: how a score becomes a decision; None for the model's own answer.
        rules: what is decided whatever the score; the first that fires has the last word.
        explore: of the events that the score decides for the severest, this share is let through,
            by a chance that their ids draw, so that it becomes known what they were.
        measure: what is measured besides what always is; no score depends on it.
        reasons: how many are published with each prediction that is decided True.
        mixing: how the learners of its partitions learn as one; None: each learns by itself.
        seed: of everything random that has no seed of its own.
        max_event_bytes: a larger record goes to the dead letters.
        pseudonyms: what stands for secrets, once `unlock` was told the key.

    Raises:
        DeclarationError: it cannot work; the text says why, and what to write instead.
    """

    name: str
    events: Topic
    labels: Labels | str | None = None
    features: Sequence[Any] | None = None
    model: Any
    decide: Decide | None = None
    rules: Sequence[Rule] = ()
    explore: float = 0.0
    measure: Measure | None = None
    reasons: int = 0
    mixing: Mixing | None = None
    seed: int = 0
    max_event_bytes: int = 262_144
    pseudonyms: Pseudonyms | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        check_parts(self.events, self.labels, self.features, self.decide)
        check_measure(self.measure)
        check_numbers(self.seed, self.max_event_bytes)
        schema = fields_of(self.events.schema)
        check_events(self.events, schema)
        label = self._label(schema)
        model = as_model(self.model, label)
        object.__setattr__(self, "model", model)
        if label is not None:
            check_label(label, model.kind, called(model))
        if self.label_topic is not None:
            check_otherwise(self.label_topic, model)
        check_sources(self.label_topic, model)
        check_weights(self.label_topic, model, called(model))
        check_mixing(self.mixing, model)
        has_id = self.events.id is not None
        check_deciding(self.decide, self.rules, self.explore, model.kind, schema, has_id=has_id)
        object.__setattr__(self, "rules", tuple(self.rules))
        if self.measure is not None:
            self.measure.check(self.events, self.labels, schema, self.label_field, model.kind)
        outputs = [self.predictions_topic, self.dead_letters_topic, self.checkpoints_topic]
        outputs += filter(None, (self.journal_topic, self.deltas_topic))
        check_topics(outputs, self.input_topics)
        if self.features is None:
            check_raw(self._raw_fields, schema, model.form)
        else:
            object.__setattr__(self, "features", tuple(self.features))
            check_features(self.features, schema, self.label_field, self.events.time)
            check_label_rates(self.features, self.labels, model.kind)
            check_shared(self.features, self.events)
        check_reasons(self.reasons, model, self.features)
        check_secrets(schema, self.events, self.fields, self.features or ())
        if model.form == "named":
            probe(model, self._example_row(), label)

    def __repr__(self) -> str:
        return f"<Pipeline {self.model_version}>"

    @property
    def kind(self) -> Kind:
        """What its model predicts."""
        return self._model.kind

    @property
    def label_topic(self) -> Labels | None:
        """The labels, where they come by a topic of their own."""
        return self.labels if isinstance(self.labels, Labels) else None

    @property
    def label_field(self) -> str | None:
        """The field of the event that holds its label, where one does."""
        return self.labels if isinstance(self.labels, str) else None

    @property
    def propensity(self) -> str | None:
        """The field of the event that says how likely it was to get a label, where one does."""
        return None if self.label_topic is None else self.label_topic.propensity

    @property
    def secrets(self) -> tuple[str, ...]:
        """The fields of the events that are `Secret`."""
        return tuple(name for name, it in fields_of(self.events.schema).items() if it.secret)

    def unlock(self, key: bytes) -> Pipeline:
        """Tell the key by which secret fields are hashed; another one makes it another pipeline.

        Raises:
            SettingsError: it is too short to be one.
        """
        object.__setattr__(self, "pseudonyms", Pseudonyms(key))
        for name in ("fingerprint", "described"):
            self.__dict__.pop(name, None)
        return self

    @property
    def input_topics(self) -> tuple[str, ...]:
        """Names of the topics it reads from its producers, events first."""
        labels = self.label_topic
        return (self.events.name,) if labels is None else (self.events.name, labels.topic)

    @property
    def consumed_topics(self) -> tuple[str, ...]:
        """Names of all topics that its tasks read, events first and deltas last."""
        deltas = self.deltas_topic
        return self.input_topics if deltas is None else (*self.input_topics, deltas)

    def partition_of(self, topic: str, number: int) -> int:
        """The partition of a topic that task `number` reads: all of them read the one of deltas."""
        return 0 if topic == self.deltas_topic else number

    @property
    def predictions_topic(self) -> str:
        """Where predictions go, each to the partition of its event."""
        return f"{self.name}.predictions"

    @property
    def dead_letters_topic(self) -> str:
        """Where records go that cannot be used."""
        return f"{self.name}.dead-letters"

    @property
    def checkpoints_topic(self) -> str:
        """Where the images of its tasks are kept."""
        return f"{self.name}.checkpoints"

    @property
    def reinjected_topic(self) -> str:
        """Where it is kept which dead letters were written again."""
        return f"{self.name}.reinjected"

    @property
    def journal_topic(self) -> str:
        """Where it is kept how far its tasks consumed their topics, and in which order."""
        return f"{self.name}.journal"

    @property
    def deltas_topic(self) -> str | None:
        """Where its tasks tell each other what they learned or saw; None: each is by itself."""
        return f"{self.name}.deltas" if self.mixing is not None or self.shares else None

    @property
    def shares(self) -> bool:
        """Whether some of its windows are of the events of all partitions."""
        return any(getattr(feature, "shared", False) for feature in self.features or ())

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The columns its encoder reads, in a fixed order."""
        return self.new_encoder().fields

    @cached_property
    def fingerprint(self) -> str:
        """Hash of `describe`, 32 hexadecimal digits: equal where all scores are equal."""
        described = msgspec.json.encode(self.describe(), order="deterministic")
        return blake2b(described, digest_size=16).hexdigest()

    @cached_property
    def described(self) -> dict[str, Any]:
        """`describe` as it comes back from JSON: what an image says it is of."""
        described: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self.describe()))
        return described

    @property
    def pickled(self) -> bool:
        """Whether its state holds a pickle: there is no other form for a River estimator."""
        return self._model.form == "named"

    @property
    def model_version(self) -> str:
        """Its name and the beginning of its fingerprint: what a prediction says it is from."""
        return f"{self.name}-{self.fingerprint[:8]}"

    @cached_property
    def app(self) -> App:
        """The Faust app that runs it, for agents and timers of one's own; not yet connected."""
        from streams.app import create_app

        return create_app(self)

    def describe(self) -> Mapping[str, Any]:
        """Everything that a score or a decision depends on besides the records themselves."""
        by = self.label_topic
        return {
            "revision": _REVISION,
            "schema": _described(self.events.schema),
            "id": self.events.id,
            "time": self.events.time,
            "labels": self.labels if by is None else _labels_described(by),
            "encoder": self.new_encoder().describe(),
            "model": self._model.describe(),
            "decide": None if self.decide is None else self.decide.describe(),
            **({"rules": [rule.describe() for rule in self.rules]} if self.rules else {}),
            **({"explore": self.explore} if self.explore else {}),
            **({"reasons": self.reasons} if self.reasons else {}),
            **({"mixing": self.mixing.describe()} if self.mixing is not None else {}),
            "seed": self.seed,
            "max_event_bytes": self.max_event_bytes,
            **self._privacy(),
        }

    def _privacy(self) -> Mapping[str, Any]:
        """What is declared of card numbers and secrets, where something is."""
        told: dict[str, Any] = {}
        if self.events.pan_free:
            told["pan_free"] = sorted(self.events.pan_free)
        if self.secrets:
            told["hash_key"] = self.pseudonyms and self.pseudonyms.fingerprint
        return told

    def new_encoder(self) -> HashedEncoder | NamedEncoder:
        """An encoder that has seen nothing."""
        from models.encoders import HashedEncoder, NamedEncoder

        model = self.model
        if model.form == "named":
            return NamedEncoder(self.features, self._raw_fields)
        slots: bool = getattr(model, "slots", False)
        return HashedEncoder(self.features or (), model.bits, model.seed, slots=slots)

    def new_rows(self) -> Any:
        """An empty window of rows as the encoder writes and the learner reads them."""
        from models.dictrows import DictRows
        from models.rows import Rows

        return DictRows() if self._model.form == "named" else Rows()

    def new_learner(self, partition: int) -> Any:
        """The learner of one partition, which has learned nothing."""
        if self.mixing is not None:
            return mixed(self.model, self.seed + partition, partition, self.mixing)
        return self._model.new(self.seed + partition)

    def new_reasons(self) -> Reasons | None:
        """What finds the reasons of decisions; None where none are asked for."""
        from streams.reasons import Reasons

        return Reasons(self.features or (), self.reasons) if self.reasons else None

    def new_quality(self) -> Quality:
        """Figures over no labels."""
        from models.quality import Quality

        measure = self.measure
        if measure is None:
            return Quality(self.kind)
        besides = measure.new(self.kind, self.events, self.labels)
        return Quality(self.kind, measurement=besides)

    def check_partitions(self, count: int) -> None:
        """Refuse a number of partitions among which its alert budget, if any, is not divided.

        Raises:
            DeclarationError: it is another one than declared.
        """
        if isinstance(self.decide, AlertBudget):
            self.decide.check_partitions(count)

    def new_decider(self, partition: int) -> Decider:
        """What decides for one partition, and has decided nothing yet."""
        from streams.deciding import Decider

        return Decider(self, partition)

    @property
    def _raw_fields(self) -> tuple[str, ...]:
        """What a River model without features reads: all fields but id, time and label."""
        apart = {self.events.id, self.events.time, self.label_field, self.propensity}
        return tuple(name for name in fields_of(self.events.schema) if name not in apart)

    @property
    def _model(self) -> Model:
        model: Model = self.model
        return model

    def _label(self, schema: Mapping[str, Field]) -> Field | None:
        if isinstance(self.labels, str):
            return field_called(schema, self.labels, f"labels={self.labels!r}")
        return None if self.labels is None else check_labels(self.labels, self.events, schema)

    def _example_row(self) -> Mapping[str, Any]:
        """An event made up of the schema, as a River estimator is given it."""
        event, encoder, rows = example(self.events.schema), self.new_encoder(), self.new_rows()
        columns = {name: [getattr(event, name)] for name in encoder.fields}
        encoder.append({**columns, EVENT_TIME: [_SOME_TIME]}, 1, rows)
        row: Mapping[str, Any] = rows[0]
        return row


def _labels_described(labels: Labels) -> Mapping[str, Any]:
    described = {
        "schema": _described(labels.schema),
        "id": labels.id,
        "value": labels.value,
        "time": labels.time,
        "maturity": labels.maturity,
        "otherwise": labels.otherwise,
        "remember": labels.remember,
    }
    # What is not declared is not described: fingerprints of before it could be stay the same.
    if labels.source is not None:
        described["source"] = labels.source
    if labels.hold:
        described["hold"] = True
    if labels.propensity is not None:
        described["propensity"] = labels.propensity
    if labels.correctable is not None:
        described["correctable"] = labels.corrections
    return described


def _described(schema: type[Event]) -> Mapping[str, Any]:
    return {
        name: [field.wire, field.spelled, field.default]
        for name, field in fields_of(schema).items()
    }
