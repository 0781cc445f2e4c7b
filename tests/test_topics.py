"""A pipeline's topics: made where missing, left alone where not, refused where they do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from uuid import uuid4

import msgspec
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from streams.broker import Broker
from streams.cluster import ClusterError, admin
from streams.topics import (
    TopicError,
    TopicSpec,
    delete,
    describe,
    ensure,
    required_topics,
    retention_ms,
    topic_named,
)

kafka = pytest.mark.kafka


def pipeline(labels: bool = True) -> SimpleNamespace:
    name = f"p{uuid4().hex[:8]}"
    return SimpleNamespace(
        name=name,
        events=SimpleNamespace(name=f"{name}-events"),
        labels=SimpleNamespace(topic=f"{name}-labels") if labels else None,
        predictions_topic=f"{name}.predictions",
        dead_letters_topic=f"{name}.dead-letters",
        checkpoints_topic=f"{name}.checkpoints",
        journal_topic=f"{name}.journal",
        deltas_topic=None,
    )


def test_a_pipeline_needs_six_topics_and_only_checkpoints_are_compacted():
    specs = required_topics(pipeline(), 4, replication=3, retention_ms=-1)
    roles = ["events", "labels", "predictions", "dead-letters", "checkpoints", "journal"]
    assert [spec.role for spec in specs] == roles
    assert [spec.configs.get("cleanup.policy") for spec in specs] == [*[None] * 4, "compact", None]
    assert [spec.configs.get("retention.ms") for spec in specs] == [*["-1"] * 4, None, "-1"]
    assert {spec.replication for spec in specs} == {3}


def test_partitions_that_learn_as_one_need_a_journal_and_deltas_that_are_never_deleted():
    plain = pipeline(labels=False)
    plain.deltas_topic = f"{plain.name}.deltas"
    *_, journal, deltas = required_topics(plain, 4, retention_ms=1_000)
    assert journal.role == "journal"
    assert (deltas.name, deltas.role, deltas.partitions) == (plain.deltas_topic, "deltas", 1)
    assert deltas.configs["retention.ms"] == deltas.configs["retention.bytes"] == "-1"
    assert deltas.configs["cleanup.policy"] == "delete"


@kafka
def test_deltas_in_more_than_one_partition_are_refused(broker: Broker, topic: Callable[..., str]):
    plain = pipeline()
    plain.deltas_topic = topic("deltas", partitions=2)
    with pytest.raises(TopicError, match="in one order, that of a single log"):
        ensure(broker.bootstrap, required_topics(plain, 2))
    plain.deltas_topic = f"{plain.name}.deltas"
    created = ensure(broker.bootstrap, required_topics(plain, 2))
    assert [it.partitions for it in created] == [2] * 6 + [1]


@pytest.mark.parametrize("labels", [None, "fraud"])
def test_labels_that_are_none_or_a_field_of_the_event_need_no_topic(labels):
    plain = pipeline()
    plain.labels = labels
    assert "labels" not in [spec.role for spec in required_topics(plain, 4)]


@kafka
def test_missing_topics_are_made_and_existing_ones_left_as_they_are(broker: Broker):
    plain = pipeline()
    made = ensure(broker.bootstrap, required_topics(plain, 3))
    assert [(topic.partitions, topic.created) for topic in made] == [(3, True)] * 6
    again = ensure(broker.bootstrap, required_topics(plain, 8))
    assert [(topic.partitions, topic.created) for topic in again] == [(3, False)] * 6
    assert json.loads(msgspec.json.encode(again[0])) == {
        "name": plain.events.name,
        "partitions": 3,
        "replication": 1,
        "role": "events",
        "created": False,
    }


@kafka
def test_new_topics_follow_the_events_topic_that_exists(broker: Broker, topic: Callable[..., str]):
    plain = pipeline()
    plain.events.name = topic("payments", partitions=5)
    made = ensure(broker.bootstrap, required_topics(plain, 2))
    assert [topic.partitions for topic in made] == [5] * 6


@kafka
def test_events_and_labels_of_unequal_partitions_are_refused_before_anything_is_made(
    broker: Broker, topic: Callable[..., str]
):
    plain = pipeline()
    plain.labels.topic = topic("labels", partitions=2)
    with pytest.raises(TopicError) as caught:
        ensure(broker.bootstrap, required_topics(plain, 4))
    assert "would get 4 partitions and labels topic" in caught.value.given
    assert "a label finds its event in the partition of the same number" in caught.value.why
    assert caught.value.write == "--partitions 2"
    assert describe(broker.bootstrap, [plain.events.name]) == []

    plain.events.name = topic("events", partitions=4)
    with pytest.raises(TopicError, match=f"a new topic in place of '{plain.labels.topic}' with 4"):
        ensure(broker.bootstrap, required_topics(plain, 4))


@kafka
@pytest.mark.parametrize("role", ["predictions", "checkpoints", "journal"])
def test_an_output_topic_with_fewer_partitions_than_events_is_refused(
    broker: Broker, topic: Callable[..., str], role: str
):
    plain = pipeline()
    setattr(plain, f"{role}_topic", topic(role, partitions=1))
    with pytest.raises(TopicError, match="the task of partition i writes to partition i of both"):
        ensure(broker.bootstrap, required_topics(plain, 2))
    assert len(ensure(broker.bootstrap, required_topics(plain, 1))) == 6


@kafka
def test_what_the_cluster_refuses_is_told_in_its_own_words(broker: Broker):
    name = f"t{uuid4().hex[:8]}"
    with pytest.raises(TopicError, match="only 1 broker") as caught:
        ensure(broker.bootstrap, [TopicSpec(name, 1, replication=3)])
    assert caught.value.write == "--replication 1, on a cluster of one broker"
    with pytest.raises(TopicError, match=r"Unknown topic config name: no\.such"):
        ensure(broker.bootstrap, [TopicSpec(name, 1, configs={"no.such": "1"})])
    with pytest.raises(TopicError, match=r"TopicSpec\('.*', partitions=4\)"):
        ensure(broker.bootstrap, [TopicSpec(name)])


@kafka
def test_a_compacted_topic_is_compacted(broker: Broker):
    plain = pipeline()
    ensure(broker.bootstrap, required_topics(plain, 1, retention_ms=1000))
    with admin(broker.bootstrap) as client:
        resource = ConfigResource(ConfigResourceType.TOPIC, plain.checkpoints_topic)
        configs = client.describe_configs([resource])["topic"][plain.checkpoints_topic]
    assert configs["cleanup.policy"]["value"] == "compact"
    assert retention_ms(broker.bootstrap, plain.checkpoints_topic) is None
    assert retention_ms(broker.bootstrap, plain.events.name) == 1000


@kafka
def test_a_topic_that_is_not_there_is_told_with_the_nearest_one(
    broker: Broker, topic: Callable[..., str]
):
    name = topic("payments")
    assert topic_named(broker.bootstrap, name).partitions == 1
    with pytest.raises(TopicError) as caught:
        topic_named(broker.bootstrap, name.upper() + "x")
    assert caught.value.write == repr(name)


@kafka
def test_deleting_says_what_was_there(broker: Broker, topic: Callable[..., str]):
    name = topic()
    assert delete(broker.bootstrap, ["no-such-topic", name]) == [name]
    assert describe(broker.bootstrap, [name]) == []
    assert name not in [known.name for known in describe(broker.bootstrap)]


def test_without_a_kafka_nothing_is_retried_for_minutes():
    with pytest.raises(ClusterError, match="write: thalweg broker, which starts one"):
        describe("127.0.0.1:1")


@kafka
def test_a_journal_is_kept_as_long_as_the_events_that_exist(broker: Broker):
    plain = pipeline()
    specs = required_topics(plain, 1, retention_ms=123_456_000)
    ensure(broker.bootstrap, [spec for spec in specs if spec.role == "events"])
    ensure(broker.bootstrap, required_topics(plain, 1))
    kept = {
        role: retention_ms(broker.bootstrap, name)
        for role, name in (("events", plain.events.name), ("journal", plain.journal_topic))
    }
    assert kept == {"events": 123_456_000, "journal": 123_456_000}
