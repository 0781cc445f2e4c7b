"""What a cluster of one broker cannot be made to show: judged from its description."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.diagnosis import Finding, GroupState, TopicState, of_group, of_topic, of_topics
from streams.offsets import Lag
from streams.rights import OPERATIONS, Right, kafka_name
from streams.topics import TopicRole, TopicSpec

CONFIGS = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "min.insync.replicas": "2",
    "max.message.bytes": "1048588",
}


def topic(role: TopicRole = "events", **changed: object) -> TopicState:
    configs = {**CONFIGS, "cleanup.policy": "compact" if role == "checkpoints" else "delete"}
    sound = TopicState(TopicSpec(role, 4, role=role), True, 4, 3, 3, 0, None, configs)
    return replace(sound, **changed)  # type: ignore[arg-type]


def found(state: TopicState) -> list[Finding]:
    right = Right("Topic", state.spec.name, OPERATIONS[state.spec.role])
    return list(of_topic(state, right, "kafka:9092", "fraud", 60.0))


@pytest.mark.parametrize("role", OPERATIONS)
def test_a_topic_as_it_should_be_is_not_mentioned(role):
    assert found(topic(role)) == []


def test_a_partition_without_a_leader_is_wrong_and_a_late_copy_doubtful():
    assert [it.severity for it in found(topic(leaderless=1, in_sync=0))] == ["wrong"]
    (late,) = found(topic(in_sync=2))
    assert (late.severity, late.found[:11]) == ("doubtful", "only 2 of 3")


def test_one_copy_that_counts_as_written_is_doubtful():
    (alone,) = found(topic(configs={**CONFIGS, "min.insync.replicas": "1"}))
    assert alone.severity == "doubtful"
    assert alone.mend is not None
    assert alone.mend.endswith("min.insync.replicas=2")


def test_the_right_that_is_missing_is_named_with_the_command_for_it_alone():
    (denied,) = found(topic("journal", allowed=frozenset({"READ", "DESCRIBE_CONFIGS"})))
    assert denied.found == "fraud is not allowed to Write"
    assert denied.mend == (
        "kafka-acls --bootstrap-server kafka:9092 --add --allow-principal User:fraud "
        "--operation Write --topic journal"
    )


def test_settings_that_cannot_be_looked_at_are_no_reason_to_fail():
    allowed = frozenset(map(kafka_name, ("Read", "Describe")))
    (unseen,) = found(topic(allowed=allowed, configs={}))
    assert unseen.severity == "doubtful"


def test_labels_elsewhere_than_their_events_are_wrong():
    (apart,) = of_topics([topic(), topic("labels", partitions=8)], "kafka:9092", None)
    assert apart.found == (
        "8 partitions, and events has 4: a label finds its event in the partition of the same "
        "number"
    )


def test_deltas_in_several_partitions_or_not_kept_for_ever_are_wrong():
    good = topic("deltas", partitions=1)
    assert not list(of_topics([topic(), good], "kafka:9092", None))
    (several,) = of_topics([topic(), topic("deltas")], "kafka:9092", None)
    assert several.severity == "wrong"
    assert several.found.startswith("4 partitions: ")
    brief = replace(good, configs={**CONFIGS, "retention.ms": "604800000"})
    (gone,) = of_topics([topic(), brief], "kafka:9092", None)
    assert gone.severity == "wrong"
    assert gone.mend is not None
    assert gone.mend.endswith("deltas --add-config retention.ms=-1")


def group(members: int, state: str = "Stable", *, committed: int | None = 90) -> GroupState:
    return GroupState("fraud", state, members, [Lag("events", 0, committed, 50, 100)])


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        (group(1), "good"),
        (group(0, "Empty", committed=None), "good"),
        (group(0, "Empty"), "wrong"),
        (group(3), "doubtful"),
        (group(1, "PreparingRebalance"), "doubtful"),
    ],
)
def test_a_group_is_judged_by_who_is_in_it_and_what_waits(state, severity):
    assert [it.severity for it in of_group(state, partitions=2)] == [severity]


def test_a_group_without_work_and_workers_is_told_to_be_so_in_words():
    (found,) = of_group(group(0, "Empty", committed=100), partitions=2)
    assert found.severity == "good"
    assert found.found.startswith("nobody is in it, and nothing waits")


def test_records_deleted_before_they_were_read_are_a_loss():
    lost, _ = of_group(group(1, committed=20), partitions=2)
    assert lost.severity == "wrong"
    assert lost.found == "30 records of events[0] were deleted before they were read"
