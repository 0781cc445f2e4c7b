"""A producer outlives the numbers that its batches are counted with."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.producer.transaction_manager import TransactionManager
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as Place
from hypothesis import given
from hypothesis import strategies as st

from streams.producer import Fenced, InDoubtError, PartitionProducer, next_sequence
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


@pytest.mark.kafka
@pytest.mark.parametrize("request_name", ["EndTxnRequest", "TxnOffsetCommitRequest"])
def test_after_a_lost_answer_a_transaction_is_committed_once_and_no_other_is_begun(
    broker, topic, request_name
):
    name = topic("predictions")
    asyncio.run(_lose(broker.bootstrap, name, request_name, KafkaConnectionError, sent=True))
    assert _read(broker.bootstrap, name, 1) == [b"0"]


@pytest.mark.kafka
def test_a_request_that_was_never_sent_raises_no_doubt(broker, topic):
    name = topic("predictions")
    asyncio.run(_lose(broker.bootstrap, name, "EndTxnRequest", NodeNotReadyError, sent=False))
    assert _read(broker.bootstrap, name, 1) == [b"0"]


async def _lose(
    brokers: str, topic: str, request_name: str, error: type[Exception], *, sent: bool
) -> None:
    """One transaction, in which the answer to the first request of that name is lost."""
    producer = PartitionProducer({"bootstrap_servers": brokers}, f"{topic}-0", 60.0, "none")
    await producer.start()
    client, lost = producer._producer.client, []
    ask = client.send

    async def lossy(node, request, **options):
        if type(request).__name__ == request_name and not lost:
            lost.append(request)
            if sent:
                await ask(node, request, **options)
            raise error
        return await ask(node, request, **options)

    client.send = lossy
    try:
        await producer.begin()
        await producer.send(topic, 0, Records([None], [b"0"], [1_700_000_000_000]))
        await producer.add_offsets({TopicPartition(topic, 0): 1}, topic)
        await producer.commit()
        assert lost
        with pytest.raises(InDoubtError, match="start again") if sent else nullcontext():
            await producer.begin()
    finally:
        await producer.stop()


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


@pytest.mark.kafka
def test_a_producer_that_was_replaced_says_so_whatever_is_asked_of_it(broker, topic):
    asyncio.run(_replace(broker.bootstrap, topic("predictions")))


async def _replace(brokers: str, topic: str) -> None:
    record = Records([None], [b"0"], [1_700_000_000_000])
    former, owner = (
        PartitionProducer({"bootstrap_servers": brokers}, f"{topic}-0", 60.0, "none")
        for _ in range(2)
    )
    await former.start()
    await former.begin()
    await owner.start()
    try:
        await former.send(topic, 0, record)
        with pytest.raises(Fenced):
            await former.add_offsets({}, "")
        for ask in (former.begin, partial(former.send, topic, 0, record), former.commit):
            with pytest.raises(Fenced):
                await ask()
    finally:
        await former.stop()
        await owner.stop()
