"""What only a real Kafka has: codecs, transactions, and topics and clients of other people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kafka_harness import SHOPS, OnKafka
from test_lives import send, told

from streams.broker import Broker
from streams.topics import describe

pytestmark = pytest.mark.kafka

CODECS = {
    codec: range(1_000 * turn, 1_000 * turn + 100)
    for turn, codec in enumerate(("none", "gzip", "snappy", "lz4", "zstd"))
}
TRANSACTIONS = [range(10_000 + 100 * turn, 10_000 + 100 * turn + 30) for turn in range(6)]
COMMITTED, ABORTED = TRANSACTIONS[::2], TRANSACTIONS[1::2]
PLAIN = range(20_000, 20_060)


def produce(producer: Producer, numbers: Iterable[int]) -> None:
    for number in numbers:
        for topic, value in told("extended.visits", number):
            producer.produce(topic, msgspec.json.encode(value), value.customer)
    assert producer.flush(30) == 0


@pytest.fixture(scope="module")
def ran(broker: Broker) -> Iterator[tuple[OnKafka, str]]:
    """A worker that was on topics which others made and wrote to, each in their own manner."""
    brokers = {"bootstrap.servers": broker.bootstrap}
    topics = [
        NewTopic("extended.visits", 3, 1, config={"segment.bytes": "1048576"}),
        NewTopic("extended.predictions", 7, 1, config={"compression.type": "zstd"}),
        NewTopic("extended.notes", 1, 1),
    ]
    somebody = AdminClient(brokers)
    for made in somebody.create_topics(topics).values():
        made.result(30)
    for codec, numbers in CODECS.items():
        produce(Producer({**brokers, "compression.type": codec, "linger.ms": 100}), numbers)
    writer = Producer({**brokers, "transactional.id": "somebody"})
    writer.init_transactions(30)
    for numbers in TRANSACTIONS:
        writer.begin_transaction()
        produce(writer, numbers)
        (writer.commit_transaction if numbers in COMMITTED else writer.abort_transaction)(30)
    harness = OnKafka(broker.bootstrap, "pipeline", 3, file=SHOPS.with_name("extended.py"))
    send(harness, PLAIN.start, len(PLAIN))
    harness.send("extended.notes", b"a word", key=None, partition=0)
    harness.scale(1)
    [worker] = harness.workers
    harness.settle()
    worker.until(lambda: "noted a word" in worker.output, 30)
    harness.scale(0)
    yield harness, worker.output
    harness.close()


@pytest.fixture(scope="module")
def wired(ran: tuple[OnKafka, str]) -> OnKafka:
    return ran[0]


@pytest.fixture(scope="module")
def predicted(wired: OnKafka) -> Counter[int]:
    """How many predictions there are of each event, by its number."""
    return Counter(int((one.id or "")[1:]) for one in wired.predictions())


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_of_kafkas_is_read(predicted: Counter[int], codec: str):
    assert [predicted[number] for number in CODECS[codec]] == [1] * 100


def test_events_of_committed_transactions_are_scored_once(predicted: Counter[int]):
    assert all(predicted[number] == 1 for numbers in COMMITTED for number in numbers)


def test_events_of_aborted_transactions_are_never_scored(predicted: Counter[int]):
    assert not any(predicted[number] for numbers in ABORTED for number in numbers)


def test_nothing_else_is_scored(predicted: Counter[int]):
    assert predicted.total() == sum(map(len, [*CODECS.values(), *COMMITTED, PLAIN]))


def test_topics_that_others_made_stay_as_they_are(wired: OnKafka, broker: Broker):
    names = ["extended.visits", "extended.predictions", "extended.checkpoints"]
    found = {topic.name: topic.partitions for topic in describe(broker.bootstrap, names)}
    assert found == dict(zip(names, (3, 7, 3), strict=True))
    assert {one.raw.partition for one in wired.predictions()} == {0, 1, 2}


def test_an_agent_and_a_timer_of_the_users_own_run_beside_the_pipeline(ran: tuple[OnKafka, str]):
    _, output = ran
    assert output.count("noted a word") == 1
    assert output.count("ticked") > 1


def test_a_worker_on_an_empty_topic_waits_and_stops_cleanly(broker: Broker):
    harness = OnKafka(broker.bootstrap, "idle", 2)
    try:
        harness.scale(1)
        [worker] = harness.workers
        assert worker.stop() == 0
        assert "0 events scored" in worker.output
        assert harness.predictions() == []
    finally:
        harness.close()
