"""How far a group has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiokafka
import pytest
from aiokafka import TopicPartition

from streams.broker import Broker
from streams.chunks import Chunk
from streams.offsets import Lag, lag
from streams.producing import produce

kafka = pytest.mark.kafka


async def commit(bootstrap: str, group: str, offsets: dict[TopicPartition, int]) -> None:
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
    finally:
        await consumer.stop()


@kafka
def test_lag_counts_from_what_is_committed_to_the_end(broker: Broker, topic: Callable[..., str]):
    name = topic(partitions=2)
    produce([Chunk([b"{}"] * 10)], broker.bootstrap, name)
    asyncio.run(commit(broker.bootstrap, name, {TopicPartition(name, 0): 3}))
    found = lag(broker.bootstrap, name, [name, "no-such-topic"])
    assert found == [Lag(name, 0, 3, 0, 5), Lag(name, 1, None, 0, 5)]
    assert [partition.behind for partition in found] == [2, 5]


@kafka
def test_a_group_that_never_was_is_behind_by_everything(broker: Broker, topic: Callable[..., str]):
    name = topic()
    produce([Chunk([b"{}"] * 3)], broker.bootstrap, name)
    assert [partition.behind for partition in lag(broker.bootstrap, "nobody", [name])] == [3]
    assert lag(broker.bootstrap, "nobody", []) == []


def test_what_was_deleted_before_it_was_read_is_not_waited_for():
    assert Lag("t", 0, committed=10, begin=50, end=60).behind == 10
