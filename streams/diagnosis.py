"""What is wrong with topics and with a group, judged by what a cluster says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from streams.offsets import Lag
from streams.rights import Right, command, kafka_name
from streams.topics import TopicRole, TopicSpec

__all__ = ["Finding", "GroupState", "Severity", "TopicState", "of_group", "of_topic", "of_topics"]

Severity: TypeAlias = Literal["good", "doubtful", "wrong"]

_BATCH_BYTES = 1 << 20
_DAY_MS = 86_400_000
_PARALLEL: tuple[TopicRole, ...] = ("events", "labels", "predictions", "checkpoints", "journal")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: what it is about, in a word or two.
        severity: `wrong` keeps a worker from running or from keeping its promises.
        found: how it is.
        mend: the command or setting that changes it; None where there is nothing to change.
    """

    about: str
    severity: Severity
    found: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as a cluster shows it to us.

    Attributes:
        spec: what it should be.
        seen: whether it is there; None if we may not know.
        partitions: how many.
        copies: of each partition.
        in_sync: copies of the partition with the fewest that are up to date.
        leaderless: partitions that nobody leads.
        allowed: what we may do, as the protocol names it; None if the cluster does not say.
        configs: its settings; empty if we may not read them.
    """

    spec: TopicSpec
    seen: bool | None
    partitions: int = 0
    copies: int = 0
    in_sync: int = 0
    leaderless: int = 0
    allowed: frozenset[str] | None = None
    configs: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class GroupState:
    """A consumer group as a cluster shows it.

    Attributes:
        name: of the group.
        state: as Kafka calls it.
        members: how many.
        lag: partition by partition.
    """

    name: str
    state: str
    members: int
    lag: Sequence[Lag]


def of_topic(
    topic: TopicState, right: Right, brokers: str, user: str, image_every_s: float
) -> Iterator[Finding]:
    """What is wrong with one topic; nothing if it is as it should be, or is not there.

    Args:
        topic: to be judged.
        right: what a worker needs to be allowed on it.
        brokers: for the commands.
        user: who we are to the cluster.
        image_every_s: time between two checkpoints.
    """
    name = topic.spec.name
    about = f"topic {name}"
    if topic.seen is None:
        mend = command(right, brokers, user)
        yield Finding(about, "wrong", f"{user} may not see it, if it is there at all", mend)
        return
    if not topic.seen:
        return
    missing = _missing(topic, right)
    if missing:
        lacking = ", ".join(missing)
        severity: Severity = "doubtful" if missing == ["DescribeConfigs"] else "wrong"
        mend = command(right, brokers, user, missing)
        yield Finding(about, severity, f"{user} is not allowed to {lacking}", mend)
    if topic.leaderless:
        mend = f"kafka-topics --bootstrap-server {brokers} --describe --topic {name}"
        yield Finding(about, "wrong", f"{topic.leaderless} partitions have no leader", mend)
    elif topic.in_sync < topic.copies:
        found = f"only {topic.in_sync} of {topic.copies} copies of a partition are up to date"
        mend = f"kafka-topics --bootstrap-server {brokers} --describe --under-replicated-partitions"
        yield Finding(about, "doubtful", found, mend)
    if topic.configs:
        alter = (
            f"kafka-configs --bootstrap-server {brokers} --alter --entity-type topics "
            f"--entity-name {name} --add-config "
        )
        yield from _of_configs(topic, topic.configs, about, alter, image_every_s)


def _of_configs(
    topic: TopicState, configs: Mapping[str, str], about: str, alter: str, image_every_s: float
) -> Iterator[Finding]:
    policy, compacted = configs["cleanup.policy"], topic.spec.role == "checkpoints"
    if compacted and policy != "compact":
        found = f"cleanup.policy={policy}: images would be deleted by age, the newest ones too"
        yield Finding(about, "wrong", found, f"{alter}cleanup.policy=compact")
    if not compacted and "compact" in policy:
        found = f"cleanup.policy={policy}: of all records with one key only the last is kept"
        yield Finding(about, "wrong", found, f"{alter}cleanup.policy=delete")
    least, copies = int(configs["min.insync.replicas"]), topic.copies
    if least > copies:
        found = f"min.insync.replicas={least} with {copies} copies: nothing can be written"
        yield Finding(about, "wrong", found, f"{alter}min.insync.replicas={max(1, copies - 1)}")
    elif copies > 1 and least == 1:
        found = f"min.insync.replicas=1: what one of {copies} brokers has alone counts as written"
        yield Finding(about, "doubtful", found, f"{alter}min.insync.replicas={copies - 1}")
    most = int(configs["max.message.bytes"])
    if topic.spec.role not in ("events", "labels") and most < _BATCH_BYTES:
        found = f"max.message.bytes={most}: a worker writes batches of almost {_BATCH_BYTES}"
        yield Finding(about, "wrong", found, f"{alter}max.message.bytes={_BATCH_BYTES}")
    keep = int(configs["retention.ms"])
    if not compacted and 0 <= keep <= image_every_s * 1000:
        found = (
            f"retention.ms={keep}, and checkpoints are {image_every_s:g} s apart: what a restart "
            "has to read again may be gone"
        )
        yield Finding(about, "wrong", found, f"{alter}retention.ms={7 * _DAY_MS}")


def of_topics(
    topics: Sequence[TopicState], brokers: str, maturity_s: float | None
) -> Iterator[Finding]:
    """What is wrong with topics as they stand beside one another.

    Args:
        topics: of one pipeline.
        brokers: for the commands.
        maturity_s: for how long labels may come; None where that is not said.
    """
    missing = [topic.spec.name for topic in topics if topic.seen is False]
    if missing:
        mend = f"thalweg topics PIPELINE --create --brokers {brokers}"
        yield Finding("topics", "wrong", f"missing: {', '.join(missing)}", mend)
    there = {topic.spec.role: topic for topic in topics if topic.seen}
    events = there.get("events")
    if events is None:
        return
    for role in _PARALLEL:
        other = there.get(role, events)
        name = other.spec.name
        found = f"{other.partitions} partitions, and {events.spec.name} has {events.partitions}"
        if role == "labels" and other.partitions != events.partitions:
            found += ": a label finds its event in the partition of the same number"
            mend = "a new topic with as many partitions, its records produced again"
            fewer, more = sorted((other.partitions, events.partitions))
            if more % fewer == 0:
                mend = f"thalweg grow PIPELINE --partitions {more}, if one has grown; else {mend}"
            yield Finding(f"topic {name}", "wrong", found, mend)
        elif other.partitions < events.partitions:
            found += ": the task of partition i writes to partition i"
            mend = (
                f"kafka-topics --bootstrap-server {brokers} --alter --topic {name} "
                f"--partitions {events.partitions}"
            )
            yield Finding(f"topic {name}", "wrong", found, mend)
    deltas = there.get("deltas")
    if deltas is not None and deltas.partitions != 1:
        found = f"{deltas.partitions} partitions: deltas are taken over in the order of one log"
        mend = f"kafka-topics --bootstrap-server {brokers} --delete --topic {deltas.spec.name}"
        yield Finding(f"topic {deltas.spec.name}", "wrong", found, mend)
    if {topic.copies for topic in there.values()} == {1}:
        found = "one copy of each: they last as long as one broker's disk"
        mend = "thalweg topics PIPELINE --create --replication 3, before there is anything in them"
        yield Finding("topics", "doubtful", found, mend)
    yield from _of_retentions(there, events, brokers, maturity_s)


def _of_retentions(
    there: Mapping[TopicRole, TopicState],
    events: TopicState,
    brokers: str,
    maturity_s: float | None,
) -> Iterator[Finding]:
    alter = f"kafka-configs --bootstrap-server {brokers} --alter --entity-type topics --entity-name"
    keep = _kept_ms(events)
    journal = there.get("journal")
    short = None if journal is None else _kept_ms(journal)
    if journal is not None and short is not None and (keep is None or short < keep):
        mend = f"{alter} {journal.spec.name} --add-config retention.ms={keep or -1}"
        found = f"retention.ms={short}, shorter than that of the events whose order it tells"
        yield Finding(f"topic {journal.spec.name}", "wrong", found, mend)
    deltas = there.get("deltas")
    if deltas is not None and (short := _kept_ms(deltas)) is not None:
        mend = f"{alter} {deltas.spec.name} --add-config retention.ms=-1"
        found = f"retention.ms={short}: a learner that is new begins with the first delta there was"
        yield Finding(f"topic {deltas.spec.name}", "wrong", found, mend)
    if maturity_s is None:
        return
    for role in ("events", "labels"):
        topic = there.get(role, events)
        kept = _kept_ms(topic)
        if kept is not None and kept < maturity_s * 1000:
            found = (
                f"retention.ms={kept}, and labels come for {maturity_s / 86_400:g} days: a model "
                "cannot be learned anew from what is left"
            )
            mend = f"{alter} {topic.spec.name} --add-config retention.ms={int(2000 * maturity_s)}"
            yield Finding(f"topic {topic.spec.name}", "doubtful", found, mend)


def _kept_ms(topic: TopicState) -> int | None:
    keep = int((topic.configs or {}).get("retention.ms", -1))
    return None if keep < 0 else keep


def _missing(topic: TopicState, right: Right) -> list[str]:
    """Operations that are not among those we may do."""
    allowed = topic.allowed
    if allowed is None:
        return []
    return [name for name in right.operations if kafka_name(name) not in allowed]


def of_group(group: GroupState, partitions: int) -> Iterator[Finding]:
    """How a group stands.

    Args:
        group: to be judged.
        partitions: of the events topic.
    """
    about = f"group {group.name}"
    behind = sum(partition.behind for partition in group.lag)
    for it in group.lag:
        if it.committed is not None and it.committed < it.begin:
            lost = f"{it.begin - it.committed:,} records of {it.topic}[{it.partition}]"
            mend = "thalweg topics PIPELINE, and a longer retention.ms; they cannot be had back"
            yield Finding(about, "wrong", f"{lost} were deleted before they were read", mend)
    if not group.members and all(it.committed is None for it in group.lag):
        yield Finding(about, "good", f"nobody has been in it yet; {behind:,} records wait")
    elif not group.members and behind > len(group.lag):
        found = f"nobody is in it, and {behind:,} records wait"
        yield Finding(about, "wrong", found, "thalweg worker PIPELINE")
    elif not group.members:
        found = "nobody is in it, and nothing waits: its worker has ended, or is still starting"
        yield Finding(about, "good", found)
    elif group.members > partitions:
        idle = group.members - partitions
        found = f"{group.members} workers on {partitions} partitions: {idle} have nothing to do"
        yield Finding(about, "doubtful", found, f"thalweg worker PIPELINE --workers {partitions}")
    elif group.members and group.state != "Stable":
        found = f"{group.state}: it is sharing its partitions out"
        yield Finding(about, "doubtful", found, "thalweg doctor PIPELINE, in a minute again")
    else:
        found = f"{group.state}, members: {group.members}, records behind: {behind:,}"
        yield Finding(about, "good", found)
