"""What a broker has forgotten to abort is aborted by the partition's next owner."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from outside import Worker, read
from shop_files import answered, shop_file, visit

from streams import load, topics
from streams.broker import Broker
from streams.cluster import admin
from streams.producer import PartitionProducer, transactional_ids
from streams.slices import Records

pytestmark = pytest.mark.kafka

HANGING = b"of a transaction without an end"
FAR = 1_000_000


@pytest.fixture(scope="module")
def forgetful() -> Iterator[Broker]:
    """It believes a producer that says what it writes to, though its coordinator never heard."""
    with Broker(settings={"transaction.partition.verification.enable": "false"}) as running:
        yield running


def leave_hanging(brokers: str, name: str, written: list[str], read_from: list[str]) -> None:
    """As both producers of partition 0: records and offsets, which no coordinator knows of."""

    async def sent(identity: str) -> None:
        producer = PartitionProducer({"bootstrap_servers": brokers}, identity, 60.0, "none")
        await producer.start()
        await producer.begin()
        manager = producer._producer._txn_manager
        manager._txn_partitions.update(TopicPartition(topic, 0) for topic in written)
        manager.consumer_group_added(name)
        for topic in written:
            await producer.send(topic, 0, Records([name.encode()], [HANGING], [0]))
        await producer.add_offsets({TopicPartition(topic, 0): FAR for topic in read_from}, name)
        await producer.stop()

    for identity in transactional_ids(name, 0):
        asyncio.run(sent(identity))


def test_the_next_owner_commits_nothing_of_it(forgetful: Broker, tmp_path):
    name, brokers = f"shop-{uuid4().hex[:6]}", forgetful.bootstrap
    file = shop_file(tmp_path, name)
    pipeline = load(str(file))
    topics.ensure(brokers, topics.required_topics(pipeline, 1, retention_ms=-1))
    inputs = [f"{name}.visits", f"{name}.sales"]
    outputs = [
        pipeline.predictions_topic,
        pipeline.dead_letters_topic,
        pipeline.checkpoints_topic,
        pipeline.journal_topic,
    ]
    visit(brokers, name, 0, 500)
    with Worker(file, brokers) as worker:
        answered(worker, name, brokers, 500)
        assert worker.stop() == 0
    leave_hanging(brokers, name, outputs, inputs)
    visit(brokers, name, 500, 500, sales=False)
    with Worker(file, brokers) as worker:
        answered(worker, name, brokers, 1_000)
        assert worker.stop() == 0
    for topic in outputs:
        assert HANGING not in [message.value() for message in read(brokers, topic)]
    with admin(brokers) as client:
        committed = client.list_group_offsets([name])[name]
    assert max(it.offset for it in committed.values()) < FAR
