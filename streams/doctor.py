"""What stands in the way of a pipeline: cluster, topics, group, rights, clock, this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import (
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from streams import surroundings
from streams.checkpoint import Checkpoints
from streams.cluster import ClusterError, admin
from streams.diagnosis import Finding, GroupState, TopicState, of_group, of_topic, of_topics
from streams.growth import mend, told
from streams.offsets import lag
from streams.probing import Probe, probe
from streams.rights import command, worker_rights
from streams.security import client_options
from streams.topics import TopicSpec, required_topics

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["examine"]

_CONFIGS = ("cleanup.policy", "retention.ms", "min.insync.replicas", "max.message.bytes")
_CLOCK_MS = 1_000
_OLDEST = (2, 5)  # transactions whose producers can be fenced by their epoch


def examine(
    pipeline: Pipeline, settings: Settings, config: Path | None = None
) -> Iterator[Finding]:
    """Look at everything a worker of `pipeline` needs; what is found comes as it is found.

    Changes nothing: the only thing it writes is a transaction without records, aborted.

    Args:
        pipeline: to be run.
        settings: it would run with.
        config: the file they are from, if there are secrets in it.
    """
    group = settings.group or pipeline.name
    yield from surroundings.of_versions()
    yield from surroundings.of_files(settings, config)
    yield from surroundings.of_store(settings, group)
    yield from surroundings.of_pending(pipeline, settings)
    yield from surroundings.of_doors(settings)
    try:
        with admin(settings.brokers, client_options(settings)) as client:
            yield from _of_cluster(client, pipeline, settings, group)
    except ClusterError as error:
        yield Finding("broker", "wrong", f"{error.given}: {error.why}", error.write)


def _of_cluster(
    client: KafkaAdminClient, pipeline: Pipeline, settings: Settings, group: str
) -> Iterator[Finding]:
    brokers, user = settings.brokers, settings.sasl_username or "ANONYMOUS"
    yield _of_brokers(client)
    rights = {right.name: right for right in worker_rights(pipeline, group)}
    topics = _topics(client, required_topics(pipeline, 1))
    troubles: list[Finding] = []
    for topic in topics:
        image_every = settings.checkpoint_interval_s
        troubles += of_topic(topic, rights[topic.spec.name], brokers, user, image_every)
    labels = pipeline.label_topic
    troubles += of_topics(topics, brokers, None if labels is None else labels.maturity)
    there = [topic for topic in topics if topic.seen]
    if not troubles:
        yield Finding("topics", "good", f"{len(there)} as they should be")
    yield from troubles
    readable = [topic for topic in there if topic.spec.role in ("events", "labels")]
    if not readable:
        return
    place = TopicPartition(readable[0].spec.name, 0)
    tried = probe(client, brokers, client_options(settings), group, place)
    yield from _of_probe(tried, pipeline, group, brokers, user)
    if tried.denied is None and tried.failed is None:
        names = [topic.spec.name for topic in readable]
        partitions = readable[0].partitions
        yield from of_group(_group(client, settings, group, names), partitions)
        if any(_can_be_read(topic) for topic in there if topic.spec.role == "checkpoints"):
            yield from asyncio.run(_of_growth(pipeline, settings, group, partitions))


def _can_be_read(topic: TopicState) -> bool:
    return not topic.leaderless and (topic.allowed is None or "READ" in topic.allowed)


async def _of_growth(
    pipeline: Pipeline, settings: Settings, group: str, partitions: int
) -> list[Finding]:
    """Whether the group's state is divided among the partitions that there are."""
    client, topic = client_options(settings), pipeline.checkpoints_topic
    images = await Checkpoints(client, topic, 0, group, trusting=True).manifests()
    before = told(images[0]) if images else None
    if before is None or before == partitions:
        return []
    events = pipeline.events.name
    found = f"{events} has {partitions} partitions, and it has learned from {before}"
    return [Finding(f"group {group}", "wrong", found, mend(before, partitions))]


def _of_brokers(client: KafkaAdminClient) -> Finding:
    nodes = client.describe_cluster()["brokers"]
    version = client.get_broker_version_data(nodes[0]["broker_id"]).broker_version
    spelled = ".".join(map(str, version))
    found = f"{len(nodes)} in the cluster, speaking the protocol of Kafka {spelled} or later"
    if version < _OLDEST:
        return Finding("broker", "wrong", found, f"Kafka {'.'.join(map(str, _OLDEST))} or later")
    return Finding("broker", "good", found)


def _topics(client: KafkaAdminClient, specs: list[TopicSpec]) -> list[TopicState]:
    shown = {found["name"]: found for found in client.describe_topics([it.name for it in specs])}
    return [_topic(client, spec, shown[spec.name]) for spec in specs]


def _topic(client: KafkaAdminClient, spec: TopicSpec, shown: Mapping[str, Any]) -> TopicState:
    code = shown["error_code"]
    if code == TopicAuthorizationFailedError.errno:
        return TopicState(spec, seen=None)
    if code == UnknownTopicOrPartitionError.errno:
        return TopicState(spec, seen=False)
    partitions = shown["partitions"]
    allowed = shown["authorized_operations"]
    resource = ConfigResource(ConfigResourceType.TOPIC, spec.name, list(_CONFIGS))
    configs = client.describe_configs([resource], config_filter="all")["topic"][spec.name]
    return TopicState(
        spec,
        seen=True,
        partitions=len(partitions),
        copies=min(len(it["replica_nodes"]) for it in partitions),
        in_sync=min(len(it["isr_nodes"]) for it in partitions),
        leaderless=sum(it["leader_id"] < 0 for it in partitions),
        allowed=None if allowed is None else frozenset(allowed),
        configs={name: config["value"] for name, config in configs.items()},
    )


def _group(
    client: KafkaAdminClient, settings: Settings, group: str, names: list[str]
) -> GroupState:
    behind = lag(settings.brokers, group, names, client_options(settings))
    found = client.describe_groups([group])[group]
    return GroupState(group, found["group_state"], len(found["members"]), behind)


def _of_probe(
    tried: Probe, pipeline: Pipeline, group: str, brokers: str, user: str
) -> Iterator[Finding]:
    if tried.denied is not None:
        rights = [it for it in worker_rights(pipeline, group) if it.resource == tried.denied]
        mend = "; ".join(command(right, brokers, user) for right in rights) or None
        found = f"{user} lacks a right on the {tried.denied} {group}"
        yield Finding("rights", "wrong", found, mend)
    elif tried.failed is not None:
        mend = f"thalweg doctor PIPELINE again; then the logs of {brokers}"
        yield Finding("transactions", "wrong", f"none can be made: {tried.failed}", mend)
    else:
        yield Finding("rights", "good", f"{user} can transact, for group {group}")
    if tried.clock_ms is not None:
        yield _of_clock(tried.clock_ms)


def _of_clock(ahead_ms: float) -> Finding:
    if abs(ahead_ms) < _CLOCK_MS:
        return Finding("clock", "good", "as the broker's, within a second")
    by = f"{abs(ahead_ms) / 1000:.1f} s {'behind' if ahead_ms > 0 else 'ahead of'} the broker's"
    found = f"{by}: latencies, lags in seconds and retention are off by as much"
    return Finding("clock", "wrong", found, "timedatectl set-ntp true, on both machines")
