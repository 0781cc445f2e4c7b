"""The topics a pipeline needs: created where missing, left as they are where they exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import (
    InvalidReplicationFactorError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from streams.cluster import Security, admin
from streams.errors import TeachingError, nearest

__all__ = [
    "Topic",
    "TopicError",
    "TopicRole",
    "TopicSpec",
    "delete",
    "describe",
    "ensure",
    "required_topics",
    "retention_ms",
    "topic_named",
]

TopicRole: TypeAlias = Literal[
    "events", "labels", "predictions", "dead-letters", "checkpoints", "journal", "deltas", "other"
]
"""What a topic is to its pipeline."""

_SEGMENT_BYTES = 64 << 20


class TopicError(TeachingError):
    """Topics that cannot be had, or do not fit together."""


class TopicNames(Protocol):
    """What is asked of a pipeline: see `streams.pipeline.Pipeline`."""

    @property
    def events(self) -> Any:
        """Has the topic's `name`."""

    @property
    def labels(self) -> Any:
        """Has the `topic`'s name if labels come by a topic."""

    @property
    def predictions_topic(self) -> str:
        """Its name."""

    @property
    def dead_letters_topic(self) -> str:
        """Its name."""

    @property
    def checkpoints_topic(self) -> str:
        """Its name."""

    @property
    def journal_topic(self) -> str:
        """Its name."""

    @property
    def deltas_topic(self) -> str | None:
        """Its name; None for a pipeline that does not mix."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be.

    Attributes:
        name: of the topic.
        partitions: how many, if it has to be created; None for as many as the events topic has.
        replication: copies of each partition; -1 for the cluster's default.
        role: what it is for.
        configs: Kafka's settings of the topic, by their names.
    """

    name: str
    partitions: int | None = None
    replication: int = -1
    role: TopicRole = "other"
    configs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is.

    Attributes:
        name: of the topic.
        partitions: how many.
        replication: copies of each.
        role: what it is for, if that is known.
        created: whether it has just been.
    """

    name: str
    partitions: int
    replication: int
    role: TopicRole = "other"
    created: bool = False


def required_topics(
    pipeline: TopicNames,
    partitions: int,
    replication: int = -1,
    retention_ms: int | None = None,
) -> list[TopicSpec]:
    """The topics a pipeline reads and writes.

    Args:
        pipeline: names them.
        partitions: of a new events topic; the others get as many as the events topic has.
        replication: copies of each partition; -1 for the cluster's default.
        retention_ms: how long records are kept; -1 for ever, None for the cluster's default. Kafka
            counts from a record's timestamp: event times of last year are gone in minutes.
    """
    kept = {} if retention_ms is None else {"retention.ms": str(retention_ms)}
    # Small segments: only closed ones are compacted, and a recovery reads what is left.
    compacted = {"cleanup.policy": "compact", "segment.bytes": str(_SEGMENT_BYTES)}
    by_topic: str | None = getattr(pipeline.labels, "topic", None)
    # A learner that is new begins with the first delta there was.
    forever = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    deltas = pipeline.deltas_topic
    topics: list[tuple[TopicRole, str | None, dict[str, str]]] = [
        ("events", pipeline.events.name, kept),
        ("labels", by_topic, kept),
        ("predictions", pipeline.predictions_topic, kept),
        ("dead-letters", pipeline.dead_letters_topic, kept),
        ("checkpoints", pipeline.checkpoints_topic, compacted),
        ("journal", pipeline.journal_topic, kept),
        ("deltas", deltas, forever),
    ]
    given = {"events": partitions, "deltas": 1}
    return [
        TopicSpec(name, given.get(role), replication, role, configs)
        for role, name, configs in topics
        if name is not None
    ]


def ensure(
    bootstrap: str,
    specs: Sequence[TopicSpec],
    security: Security | None = None,
    given: Iterable[str] = (),
) -> list[Topic]:
    """Create the topics that are missing, but for those `given`; one for each spec is returned.

    Nothing is created unless all of them, those that exist and those that will, fit together:
    labels have as many partitions as events, because partition i of both is one task; predictions
    and checkpoints have at least as many, because task i writes to partition i; deltas have one.

    Raises:
        ClusterError: there is no Kafka.
        TopicError: one that is given is missing, they do not fit together, or the cluster refuses
            to create one.
    """
    with admin(bootstrap, security) as client:
        existing = _described(client, [spec.name for spec in specs])
        for name in given:
            if name not in existing:
                raise _missing(name, _described(client, None), bootstrap)
        planned = [_planned(spec, existing, specs) for spec in specs]
        _check(planned)
        missing = [
            (spec, topic)
            for spec, topic in zip(specs, planned, strict=True)
            if spec.name not in existing
        ]
        for spec, topic in missing:
            kept = _kept_as_events(client, spec, specs, existing)
            _create(client, replace(spec, configs={**kept, **spec.configs}), topic.partitions)
        if missing:
            client.wait_for_topics([spec.name for spec, _ in missing])
            existing = _described(client, [spec.name for spec in specs])
        created = {spec.name for spec, _ in missing}
        return [
            replace(existing[spec.name], role=spec.role, created=spec.name in created)
            for spec in specs
        ]


def describe(
    bootstrap: str, names: Iterable[str] | None = None, security: Security | None = None
) -> list[Topic]:
    """Those of the named topics that exist, or all but Kafka's own, by name.

    Raises:
        ClusterError: there is no Kafka.
    """
    with admin(bootstrap, security) as client:
        found = _described(client, None if names is None else list(names))
    return [found[name] for name in sorted(found)]


def topic_named(bootstrap: str, name: str, security: Security | None = None) -> Topic:
    """A topic that has to exist.

    Raises:
        ClusterError: there is no Kafka.
        TopicError: there is no such topic; the nearest one is told.
    """
    with admin(bootstrap, security) as client:
        topics = _described(client, None)
    if name not in topics:
        raise _missing(name, topics, bootstrap)
    return topics[name]


def retention_ms(bootstrap: str, name: str, security: Security | None = None) -> int | None:
    """How long an existing topic keeps a record after its timestamp; None where that is no limit.

    Raises:
        ClusterError: there is no Kafka.
    """
    asked = ("retention.ms", "cleanup.policy", "message.timestamp.type")
    with admin(bootstrap, security) as client:
        keep, policy, stamp = _configs(client, name, asked)
    return int(keep) if int(keep) >= 0 and "delete" in policy and stamp == "CreateTime" else None


def delete(bootstrap: str, names: Sequence[str], security: Security | None = None) -> list[str]:
    """Delete topics with all their records; the names of those that existed, in order.

    Raises:
        ClusterError: there is no Kafka.
    """
    with admin(bootstrap, security) as client:
        existing = _described(client, names)
        gone = [name for name in names if name in existing]
        for name in gone:
            try:
                client.delete_topics([name])
            except UnknownTopicOrPartitionError:  # somebody else deleted it meanwhile
                continue
    return gone


def _described(client: KafkaAdminClient, names: Sequence[str] | None) -> dict[str, Topic]:
    if names is not None and not names:
        return {}
    return {
        found["name"]: Topic(
            found["name"],
            len(found["partitions"]),
            len(found["partitions"][0]["replica_nodes"]),
        )
        for found in client.describe_topics(names)
        if not found["error_code"] and not (names is None and found["is_internal"])
    }


def _missing(name: str, topics: Iterable[str], bootstrap: str) -> TopicError:
    known = nearest(name, topics)
    return TopicError(
        f"topic {name!r}",
        f"{bootstrap} has no such topic; it has {', '.join(sorted(topics)) or 'none at all'}",
        f"{known!r}" if known else "thalweg topics PIPELINE --create",
    )


def _kept_as_events(
    client: KafkaAdminClient,
    spec: TopicSpec,
    specs: Sequence[TopicSpec],
    existing: Mapping[str, Topic],
) -> Mapping[str, str]:
    """A journal is of use as long as the events whose order it tells: their retention."""
    events = next((other.name for other in specs if other.role == "events"), None)
    if spec.role != "journal" or events is None or events not in existing:
        return {}
    [keep] = _configs(client, events, ["retention.ms"])
    return {"retention.ms": keep}


def _configs(client: KafkaAdminClient, name: str, asked: Sequence[str]) -> list[str]:
    """Settings of a topic, in the order asked."""
    resource = ConfigResource(ConfigResourceType.TOPIC, name, list(asked))
    found = client.describe_configs([resource], config_filter="all")["topic"][name]
    if not found:
        raise TopicError(
            f"the settings of topic {name!r}",
            "the user we log in as may not read them",
            f"kafka-acls --add --allow-principal User:… --operation DescribeConfigs --topic {name}",
        )
    return [found[config]["value"] for config in asked]


def _planned(spec: TopicSpec, existing: Mapping[str, Topic], specs: Sequence[TopicSpec]) -> Topic:
    """The topic as it is, or as it would be created."""
    if spec.name in existing:
        return replace(existing[spec.name], role=spec.role)
    events = next((other for other in specs if other.role == "events"), None)
    if spec.partitions is not None:
        partitions = spec.partitions
    elif events is not None and events.name in existing:
        partitions = existing[events.name].partitions
    elif events is not None and events.partitions is not None:
        partitions = events.partitions
    else:
        raise TopicError(
            f"topic {spec.name!r} without a number of partitions",
            "it does not exist yet, and has no events topic to follow",
            f"TopicSpec({spec.name!r}, partitions=4)",
        )
    return Topic(spec.name, partitions, spec.replication, spec.role, created=True)


def _check(topics: Sequence[Topic]) -> None:
    by_role = {topic.role: topic for topic in topics}
    events = by_role.get("events")
    if events is None:
        return
    labels = by_role.get("labels", events)
    if labels.partitions != events.partitions:
        raise TopicError(
            f"{_counted(events)} and {_counted(labels)}",
            "a label finds its event in the partition of the same number, by the same key",
            _instead(events, labels),
        )
    deltas = by_role.get("deltas")
    if deltas is not None and deltas.partitions != 1:
        raise TopicError(
            _counted(deltas),
            "deltas are taken over in one order, that of a single log",
            f"kafka-topics --delete --topic {deltas.name}, and thalweg topics --create again, "
            "before there is anything in it",
        )
    for role in ("predictions", "checkpoints", "journal"):
        output = by_role.get(role, events)
        if output.partitions < events.partitions:
            raise TopicError(
                f"{_counted(events)} and {_counted(output)}",
                "the task of partition i writes to partition i of both",
                f"kafka-topics --alter --topic {output.name} --partitions {events.partitions}",
            )


def _counted(topic: Topic) -> str:
    """The topic and its number of partitions, existing or to be."""
    verb = "would get" if topic.created else "has"
    return f"{topic.role} topic {topic.name!r} {verb} {topic.partitions} partitions"


def _instead(events: Topic, labels: Topic) -> str:
    if events.created:
        return f"--partitions {labels.partitions}"
    fewer, more = sorted((events, labels), key=lambda topic: topic.partitions)
    anew = (
        f"a new topic in place of {fewer.name!r} with {more.partitions} partitions, its records "
        "produced again (more partitions for an old topic would part keys from their past)"
    )
    if more.partitions % fewer.partitions:
        return anew
    grown = f"thalweg grow PIPELINE --partitions {more.partitions}"
    return f"{grown}, if both had {fewer.partitions} and one has grown; else {anew}"


def _create(client: KafkaAdminClient, spec: TopicSpec, partitions: int) -> None:
    wanted = {
        "num_partitions": partitions,
        "replication_factor": spec.replication,
        "configs": dict(spec.configs),
    }
    answer = client.create_topics({spec.name: wanted}, raise_errors=False)["topics"][0]
    error = for_code(answer["error_code"])
    if not answer["error_code"] or error is TopicAlreadyExistsError:
        return
    reason = answer["error_message"] or error.description
    raise TopicError(
        f"topic {spec.name!r} with {partitions} partitions, {spec.replication} copies of each",
        f"the cluster refuses: {reason}",
        "--replication 1, on a cluster of one broker"
        if error is InvalidReplicationFactorError
        else f"topic {spec.name!r} without what it refuses",
    )
