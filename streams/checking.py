"""What `thalweg check` tells of a pipeline: what it reads, learns, needs and decides."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from models.codes import codes
from streams.decisions import Bands, Rule
from streams.declare import Labels, Threshold
from streams.modelling import called
from streams.pending import waiting
from streams.pipeline import Pipeline
from streams.schema import Event, example, fields_of
from streams.topics import TopicRole, required_topics

__all__ = ["Checked", "FieldLine", "Sample", "TopicLine", "as_json", "check", "describe"]

_PARTITIONS: Mapping[TopicRole, str] = {
    "events": "as many as tasks shall run side by side",
    "labels": "as many as events, keyed alike",
    "deltas": "1, which all tasks read",
}


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field of the events.

    Attributes:
        field: its name.
        record: what the record calls it.
        type: as declared.
        default: of a field that a record may lack, as declared; None where it must not.
        role: id, key, time, propensity or label, where it is one.
        features: what reads it.
        entries: how many entries of a row each of those takes.
    """

    field: str
    record: str
    type: str
    default: str | None
    role: str
    features: tuple[str, ...]
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopicLine:
    """A topic the pipeline needs: what for, how many partitions, and Kafka's cleanup policy."""

    role: str
    topic: str
    partitions: str
    cleanup: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A record as the pipeline wants it.

    Attributes:
        topic: where it is written to.
        key: what its key is to be, in words.
        value: made up, as JSON.
    """

    topic: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A pipeline as it was understood.

    Attributes:
        name: of the pipeline.
        version: what its predictions say they are from.
        fingerprint: equal where all scores are equal.
        kind: binary, multiclass, regression or anomaly.
        model: its name.
        settings: all its parameters.
        buckets: of the weight table, where it has one.
        memory: bytes of that table in each partition, where it has one.
        windows: what sliding windows remember, in words, where there are any.
        waiting: how much of memory and of disk events take that wait for a label, in words, where
            any do.
        labels: where they come from, in words.
        decision: how one is made, in words.
        rules: what is decided whatever the score, in words.
        measure: what is measured besides, in words, if anything is.
        fields: of the events, in order.
        reasons: the codes of what may be published as a reason, by column; none: nothing is.
        topics: what it needs.
        samples: a record of each topic that is read.
    """

    name: str
    version: str
    fingerprint: str
    kind: str
    model: str
    settings: Mapping[str, Any]
    buckets: int | None
    memory: int | None
    windows: str | None
    waiting: str | None
    labels: str
    decision: str
    rules: tuple[str, ...]
    measure: str | None
    fields: tuple[FieldLine, ...]
    reasons: Mapping[str, str]
    topics: tuple[TopicLine, ...]
    samples: tuple[Sample, ...]


def check(pipeline: Pipeline) -> Checked:
    """How a pipeline was understood."""
    bits = getattr(pipeline.model, "bits", None)
    return Checked(
        name=pipeline.name,
        version=pipeline.model_version,
        fingerprint=pipeline.fingerprint,
        kind=pipeline.kind,
        model=called(pipeline.model),
        settings=pipeline.model.describe(),
        buckets=None if bits is None else 2**bits,
        memory=getattr(pipeline.new_learner(0), "memory", None),
        windows=_windows(pipeline),
        waiting=_waiting(pipeline),
        labels=_labels(pipeline.labels),
        decision=_decision(pipeline),
        rules=tuple(map(_rule, pipeline.rules)),
        measure=None if pipeline.measure is None else str(pipeline.measure),
        fields=tuple(_fields(pipeline)),
        reasons=codes(pipeline.features or ()) if pipeline.reasons else {},
        topics=tuple(
            TopicLine(
                spec.role,
                spec.name,
                _PARTITIONS.get(spec.role, "as many as events"),
                spec.configs.get("cleanup.policy", "delete"),
            )
            for spec in required_topics(pipeline, partitions=1)
        ),
        samples=tuple(_samples(pipeline)),
    )


def as_json(pipeline: Pipeline) -> str:
    """The same for programs, two spaces deep."""
    return msgspec.json.format(msgspec.json.encode(check(pipeline))).decode()


def describe(pipeline: Pipeline) -> RenderableType:
    """The same for people."""
    checked = check(pipeline)
    facts = Table(title=f"{checked.name}: a {checked.kind} pipeline", **_PLAIN, show_header=False)
    for name, fact in _facts(checked).items():
        facts.add_row(name, fact)
    renamed = any(line.record != line.field for line in checked.fields)
    named = ("field", *(("in the record",) if renamed else ()))
    fields = Table(*named, "type", "is", "read as", "entries a row", title="events", **_PLAIN)
    for line in checked.fields:
        style = "dim" if not (line.role or line.features) else None
        read, entries = "\n".join(line.features), "\n".join(line.entries)
        names = (line.field, line.record)[: len(named)]
        kind = line.type if line.default is None else f"{line.type} = {line.default}"
        fields.add_row(*names, kind, line.role, read or "–", entries, style=style)
    topics = Table("topic", "for", "partitions", "cleanup", title="topics", **_PLAIN)
    for topic in checked.topics:
        topics.add_row(topic.topic, topic.role, topic.partitions, topic.cleanup)
    parts: list[RenderableType] = [facts, "", fields, "", topics]
    reasons = Table("code", "what it stands for", title="reasons", **_PLAIN)
    for name, code in checked.reasons.items():
        reasons.add_row(code, name)
    if checked.reasons:
        parts += ["", reasons]
    for sample in checked.samples:
        head = Text(f"a record of {sample.topic}, {sample.key}", "bold")
        parts += ["", head, Text(f" {sample.value}")]
    return Group(*parts)


_PLAIN: Mapping[str, Any] = {"box": None, "title_justify": "left", "title_style": "bold"}


def _facts(checked: Checked) -> Mapping[str, str]:
    if checked.buckets is None or checked.memory is None:
        size = "grows with what it learns"
    else:
        size = f"{checked.buckets:,} buckets, {checked.memory / 1e6:,.1f} MB in each partition"
    return {
        "model": checked.model,
        "size": size,
        **({} if checked.windows is None else {"windows": checked.windows}),
        "labels": checked.labels,
        **({} if checked.waiting is None else {"waiting": checked.waiting}),
        "decision": checked.decision,
        **({"rules": "\n".join(checked.rules)} if checked.rules else {}),
        **({} if checked.measure is None else {"measured besides": checked.measure}),
        "version": checked.version,
        "fingerprint": checked.fingerprint,
    }


def _windows(pipeline: Pipeline) -> str | None:
    from models.sliding import Sliding

    windows = [it for it in pipeline.features or () if isinstance(it, Sliding)]
    if not windows:
        return None
    events, size = sum(it.most_events for it in windows), sum(it.most_bytes for it in windows)
    shared = dict.fromkeys(it.by for it in windows if it.shared)
    others = dict.fromkeys(
        it.by for it in windows if it.by != pipeline.events.key and not it.shared
    )
    alone = f"; those by {', '.join(others)} see the events of their own partition" * bool(others)
    told = f"; those by {', '.join(shared)} remember the events of all partitions" * bool(shared)
    return f"up to {events:,} events, {size / 1e6:,.1f} MB in each partition{alone}{told}"


def _labels(labels: Labels | str | None) -> str:
    if labels is None:
        return "none"
    if isinstance(labels, str):
        return f"{labels} in the event, learned as soon as it is scored"
    silence = (
        "silence teaches nothing"
        if labels.matures_after is None
        else f"silence for {labels.matures_after} means {labels.otherwise!r}"
    )
    parts = [
        f"{labels.value} in {labels.topic}, joined by its {labels.id}",
        silence,
        f"taught apart by its {labels.source}" if labels.source else "",
        "held until then" if labels.hold else "",
        f"corrected until {labels.correctable}" if labels.correctable else "",
        f"up to {labels.remember:,} events wait in each partition",
    ]
    return "; ".join(part for part in parts if part)


def _waiting(pipeline: Pipeline) -> str | None:
    labels, each = pipeline.label_topic, waiting(pipeline)
    if labels is None:
        return None
    if each is None:
        return "events wait in memory, as dicts"
    entries, rows = each.entry * labels.remember / 1e6, each.row * labels.remember / 1e6
    return (
        f"an event takes {each.entry} bytes of memory, and about {each.row} of memory or, with "
        f"--pending-directory, of disk: {entries:,.0f} MB and {rows:,.0f} MB of {labels.remember:,}"
    )


def _decision(pipeline: Pipeline) -> str:
    decide, through = pipeline.decide, ""
    if pipeline.explore:
        through = f"; {pipeline.explore:g} of the severest decisions are not taken, by chance"
    if isinstance(decide, Threshold):
        return f"true for a score of {decide.at} or more{through}"
    if isinstance(decide, Bands):
        bands = [f"{name} from {at:g}" for name, at in decide.thresholds.items()]
        return f"{', '.join(bands)}{through}"
    if decide is not None:
        shares = f", {decide.share(0)} of them in partition 0" * (decide.partitions > 1)
        once = "" if decide.one_per is None else f", one for each {decide.one_per}"
        return f"true for {decide.per_day} events a day (UTC){shares}{once}{through}"
    if pipeline.kind in ("binary", "multiclass"):
        return "the model's likeliest class"
    return "none"


def _rule(rule: Rule) -> str:
    shadow = ", in shadow" * rule.shadow
    return f"{rule.name}: {rule.then!r} where {rule.when}{shadow}"


def _fields(pipeline: Pipeline) -> list[FieldLine]:
    events, lines = pipeline.events, []
    for name, field in fields_of(events.schema).items():
        roles = {"id": events.id, "key": events.key, "time": events.time}
        roles["propensity"] = pipeline.propensity
        role = ", ".join(
            what for what, of in {**roles, "label": pipeline.label_field}.items() if of == name
        )
        if pipeline.features is None:
            raw = name in pipeline.fields
            read, entries = ("as it is",) * raw, ("1",) * raw
        else:
            reading = [feature for feature in pipeline.features if name in feature.fields]
            read = tuple(f"{type(feature).__name__} {feature.name}" for feature in reading)
            entries = tuple(feature.slots for feature in reading)
        lines.append(FieldLine(name, field.wire, field.spelled, field.default, role, read, entries))
    return lines


def _samples(pipeline: Pipeline) -> Iterator[Sample]:
    events, labels = pipeline.events, pipeline.label_topic
    wire = fields_of(events.schema)
    key = "of any key" if events.key is None else f"whose key is its {wire[events.key].wire}"
    yield Sample(events.name, key, _sample(events.schema))
    if labels is not None:
        yield Sample(labels.topic, "whose key is that of its event", _sample(labels.schema))


def _sample(schema: type[Event]) -> str:
    return json.dumps(msgspec.to_builtins(example(schema)), ensure_ascii=False)
