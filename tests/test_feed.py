"""The feed sends a whole simulation, and lets be known what is known at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition

from streams.broker import Broker
from streams.feed import Feed
from streams.simulator import Simulator

pytestmark = pytest.mark.kafka

SIMULATOR = Simulator(customers=60, terminals=10, days=12)


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def consumed(broker: Broker, topic: str, count: int) -> list:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "test"})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(2)])
    messages = consumer.consume(count, 30)
    consumer.close()
    return messages


def test_all_is_sent_stamped_with_the_moment_and_known_when_its_time_has_come(broker, topic):
    topics = {role: topic(role, partitions=2) for role in ("events", "labels")}
    feed = Feed(SIMULATOR, broker.bootstrap, topics, rate=20_000)
    assert not feed.over
    feed.start()
    wait(lambda: feed.over)
    assert feed.failure is None
    expected = list(SIMULATOR.messages())
    assert feed.payments == sum(len(block.of("events")) for block in expected)
    assert feed.labels == sum(len(block.of("labels")) for block in expected) > 0

    payments = consumed(broker, topics["events"], feed.payments)
    assert len(payments) == feed.payments
    _, stamped = payments[0].timestamp()
    assert abs(datetime.fromtimestamp(stamped / 1000, UTC) - datetime.now(UTC)) < timedelta(hours=1)
    paid = msgspec.json.decode(payments[-1].value())
    assert feed.amount(paid["tx_id"]) == paid["amount"]
    assert feed.amount("p9999-9999999") is None

    for message in consumed(broker, topics["labels"], feed.labels):
        label = msgspec.json.decode(message.value())
        known = datetime.fromisoformat(label["at"])
        assert feed.verdict(label["tx_id"], known) is bool(label["fraud"])
        assert feed.verdict(label["tx_id"], known - timedelta(milliseconds=1)) is None


def test_a_feed_that_is_stopped_sends_no_more(broker, topic):
    topics = {role: topic(role, partitions=2) for role in ("events", "labels")}
    feed = Feed(SIMULATOR, broker.bootstrap, topics, rate=50)
    feed.stop()  # before it has begun, too
    feed = Feed(SIMULATOR, broker.bootstrap, topics, rate=5_000)
    feed.start()
    wait(lambda: feed.payments)
    feed.stop()
    assert feed.over
    assert feed.failure is None


def test_a_feed_without_a_kafka_says_why(broker):
    feed = Feed(SIMULATOR, "127.0.0.1:1", {"events": "e", "labels": "l"}, rate=50)
    feed.start()
    wait(lambda: feed.over)
    assert "no Kafka at 127.0.0.1:1" in str(feed.failure)
