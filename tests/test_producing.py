"""Columns into topics: every record once, in its partition, in its order, at its time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from streams import delivery
from streams.broker import Broker
from streams.chunks import Chunk
from streams.cluster import connection
from streams.delivery import Delivery
from streams.offsets import lag
from streams.partitioning import partitions_of
from streams.producing import ProduceError, produce
from streams.routing import Router
from streams.topics import TopicError, describe

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).parents[1]


def stored(broker: Broker, topic: str, count: int) -> dict[int, list[Message]]:
    """What each partition of a topic holds, read by another client."""
    (known,) = describe(broker.bootstrap, [topic])
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, i, OFFSET_BEGINNING) for i in range(known.partitions)])
    found = defaultdict(list)
    for message in consumer.consume(count, timeout=30):
        assert message.error() is None
        found[message.partition()].append(message)
    consumer.close()
    return found


def blocks(count: int, size: int) -> Iterator[Chunk]:
    values = [b"v%d" % i for i in range(count)]
    keys = [b"k%d" % (i * 7919 % 50) for i in range(count)]
    whole = Chunk(values, keys, list(range(10**12, 10**12 + count)))
    return (whole.cut(start, start + size) for start in range(0, count, size))


def test_every_record_is_there_once_in_its_keys_partition_and_in_order(
    broker: Broker, topic: Callable[..., str]
):
    name = topic(partitions=3)
    seen: list[int] = []
    summary = produce(
        blocks(50_000, 3000), broker.bootstrap, name, progress=lambda s: seen.append(s.records)
    )
    assert (summary.records, summary.sent, summary.interrupted) == (50_000, 50_000, False)
    assert seen == sorted(seen)
    assert seen[-1] == 50_000
    found = stored(broker, name, 50_000)
    assert sum(map(len, found.values())) == 50_000
    for partition, records in found.items():
        numbers = [int(record.value()[1:]) for record in records]
        assert numbers == sorted(set(numbers))
        assert [record.timestamp()[1] for record in records] == [10**12 + n for n in numbers]
        keys = [record.key() for record in records]
        assert keys == [b"k%d" % (n * 7919 % 50) for n in numbers]
        assert set(partitions_of(keys, 3).tolist()) == {partition}


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_records_larger_than_a_batch_and_tombstones_come_through_any_compression(
    broker: Broker, topic: Callable[..., str], compression
):
    name = topic()
    values = [b"a", None, bytes(700_000), b"b"]
    chunk = Chunk(values, [b"k"] * 4)
    assert produce([chunk], broker.bootstrap, name, compression=compression).records == 4
    assert [record.value() for record in stored(broker, name, 4)[0]] == values


def test_roles_go_to_their_topics_and_times_that_are_not_given_are_now(
    broker: Broker, topic: Callable[..., str]
):
    names = {
        "events": topic("payments", partitions=2),
        "labels": topic("chargebacks", partitions=2),
    }
    block = Chunk([b"e", b"l", b"f"], [b"k"] * 3, roles=["events", "labels", "events"])
    before = time.time_ns() // 1_000_000
    assert produce([block], broker.bootstrap, names).records == 3
    (events,) = stored(broker, names["events"], 2).values()
    (labels,) = stored(broker, names["labels"], 1).values()
    assert [record.value() for record in events] == [b"e", b"f"]
    assert [record.value() for record in labels] == [b"l"]
    assert all(before <= record.timestamp()[1] <= time.time_ns() // 1_000_000 for record in events)


def test_a_rate_spreads_records_over_many_batches(broker: Broker, topic: Callable[..., str]):
    name = topic()
    steps: list[int] = []
    produce(
        [Chunk([b"{}"] * 200)], broker.bootstrap, name, rate=1000,
        progress=lambda summary: steps.append(summary.sent),
    )  # fmt: skip
    # One step at least each 5 ms would be 40 of 5 records; a busy machine makes fewer of more.
    assert steps[-1] == 200
    assert steps[0] == 1
    assert len(set(steps)) > 4


def test_a_topic_is_made_if_asked_and_missed_if_not(broker: Broker, topic: Callable[..., str]):
    name = topic() + "-more"
    with pytest.raises(TopicError, match="no such topic"):
        produce([], broker.bootstrap, name)
    assert produce([], broker.bootstrap, name, partitions=2).records == 0
    assert [known.partitions for known in describe(broker.bootstrap, [name])] == [2]


def test_a_record_larger_than_the_topic_allows_is_refused_and_said_so(
    broker: Broker, topic: Callable[..., str]
):
    name = topic(max_message_bytes="10000")
    with pytest.raises(ProduceError, match=r"more than the topic's max\.message\.bytes") as caught:
        produce([Chunk([bytes(20_000)])], broker.bootstrap, name)
    assert f"kafka-configs --alter --topic {name}" in caught.value.write


def test_records_that_kafka_would_delete_at_once_are_refused(
    broker: Broker, topic: Callable[..., str]
):
    name = topic(retention_ms=str(7 * 86_400_000))
    old = Chunk([b"{}"], timestamps=[1_522_584_000_000])
    with pytest.raises(ProduceError) as caught:
        produce([old], broker.bootstrap, name)
    assert caught.value.given == f"records of 2018-04-01T12:00:00Z for topic {name!r}"
    assert "it keeps them for 7 days, counted from their timestamps" in caught.value.why
    assert "retention.ms=-1; or no --time" in caught.value.write
    assert produce([Chunk([b"{}"])], broker.bootstrap, name).records == 1


def test_a_timestamp_too_far_ahead_is_refused_and_said_so(
    broker: Broker, topic: Callable[..., str]
):
    name = topic(message_timestamp_after_max_ms="1000")
    ahead = Chunk([b"{}"], timestamps=[time.time_ns() // 1_000_000 + 10**9])
    with pytest.raises(ProduceError, match="lies farther in the future than the cluster allows"):
        produce([ahead], broker.bootstrap, name)


def test_what_a_source_gave_before_it_broke_is_delivered(broker: Broker, topic: Callable[..., str]):
    def torn() -> Iterator[Chunk]:
        yield Chunk([b"{}"] * 7)
        raise ValueError("torn")

    name = topic()
    with pytest.raises(ValueError, match="torn"):
        produce(torn(), broker.bootstrap, name)
    assert len(stored(broker, name, 7)[0]) == 7


def test_a_rate_of_nothing_is_refused(broker: Broker):
    with pytest.raises(ProduceError, match="write: --rate 1000"):
        produce([], broker.bootstrap, "t", rate=0)


PRODUCE = """
import sys
from streams.columns import Fields
from streams.producing import produce
from streams.sources import open_source

def progress(summary):
    print(summary.records, flush=True)

bootstrap, topic = sys.argv[1:]
summary = produce(open_source("-", Fields(key="id")), bootstrap, topic, progress=progress)
print(summary.records, summary.sent, summary.interrupted)
"""


def test_ctrl_c_ends_a_pipe_that_stands_still_and_says_how_many_were_acknowledged(
    broker: Broker, topic: Callable[..., str]
):
    name = topic(partitions=2)
    process = subprocess.Popen(
        [sys.executable, "-c", PRODUCE, broker.bootstrap, name],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    process.stdin.write(b'{"id":1}\n{"id":2}\n{"id":3}\n')
    process.stdin.flush()
    process.stdout.readline()  # something was handed over, and the pipe stays open
    process.send_signal(signal.SIGINT)
    # Not communicate(): it would close the pipe.
    last = process.stdout.read().splitlines()[-1]
    process.wait(20)
    assert last == b"3 3 True"
    assert process.stderr.read() == b""
    process.stdin.close()
    assert sum(partition.end for partition in lag(broker.bootstrap, "nobody", [name])) == 3


@pytest.mark.chaos
def test_brokers_that_answer_no_more_are_not_waited_for_forever(
    broker: Broker, topic: Callable[..., str], monkeypatch
):
    monkeypatch.setattr(delivery, "_STOP_S", 0.1)
    name = topic()

    async def run() -> None:
        one = Delivery(Router(name, {name: 1}), {**connection(broker.bootstrap), "acks": "all"})
        await one.start()
        await one.append(Chunk([b"{}"] * 3))
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            await one.stop(patience=0.2)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        with pytest.raises(ProduceError, match="3 records without an acknowledgement, 0 with one"):
            one.check()

    asyncio.run(run())
