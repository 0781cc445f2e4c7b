"""A producer outlives the numbers that its batches are counted with."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.producer.transaction_manager import TransactionManager
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as Place
from hypothesis import given
from hypothesis import strategies as st

from streams.producer import PartitionProducer, next_sequence
from streams.slices import Records

LAST = 2**31 - 1
sequences = st.integers(0, LAST)


def increment_sequence(sequence: int, increment: int) -> int:
    """As Kafka's DefaultRecordBatch has it."""
    if sequence > LAST - increment:
        return increment - (LAST - sequence) - 1
    return sequence + increment


@given(sequences, sequences)
def test_sequence_numbers_go_on_as_kafkas_own(sequence, records):
    assert next_sequence(sequence, records) == increment_sequence(sequence, records)


@given(sequences, st.lists(st.integers(1, 10_000), max_size=10))
def test_where_batches_are_cut_does_not_matter(sequence, sizes):
    at = sequence
    for size in sizes:
        at = next_sequence(at, size)
    assert at == next_sequence(sequence, sum(sizes))


def test_zero_follows_the_last_number():
    assert next_sequence(LAST, 1) == 0
    assert next_sequence(LAST - 2, 10) == 7


def test_aiokafka_counts_with_our_numbers():
    async def in_a_loop() -> TransactionManager:
        return TransactionManager("fraud-0", 60_000)

    manager = asyncio.run(in_a_loop())
    place = TopicPartition("predictions", 0)
    manager._sequence_numbers[place] = LAST - 1
    manager.increment_sequence_number(place, 5)
    assert manager.sequence_number(place) == 3
    assert "increment_sequence_number(" in inspect.getsource(MessageAccumulator._pop_batch)


@pytest.mark.kafka
def test_a_broker_takes_batches_before_across_and_behind_the_end(broker, topic):
    name = topic("predictions")
    sizes = [3, 7, 4, 2]
    asyncio.run(_send(broker.bootstrap, name, first=LAST - 4, sizes=sizes))
    numbers = [b"%d" % n for n in range(sum(sizes))]
    assert _read(broker.bootstrap, name, len(numbers)) == numbers


async def _send(brokers: str, topic: str, first: int, sizes: Sequence[int]) -> None:
    """Records 0, 1, 2 … in a transaction a size, the first of them with sequence number `first`."""
    producer = PartitionProducer({"bootstrap_servers": brokers}, f"{topic}-0", 60.0, "none")
    await producer.start()
    producer._producer._txn_manager._sequence_numbers[TopicPartition(topic, 0)] = first
    sent = 0
    try:
        for size in sizes:
            values = [b"%d" % n for n in range(sent, sent + size)]
            await producer.begin()
            await producer.send(
                topic, 0, Records([None] * size, values, [1_700_000_000_000] * size)
            )
            await producer.add_offsets({}, "group")
            await producer.commit()
            sent += size
    finally:
        await producer.stop()


def _read(brokers: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": topic,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    consumer.assign([Place(topic, 0, 0)])
    messages = consumer.consume(count, 20.0)
    consumer.close()
    return [message.value() for message in messages]
