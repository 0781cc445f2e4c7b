"""Payments and the verdicts on them, dated as they happened: what a worker finds after a pause."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from confluent_kafka import Producer

from benchmarks.payments import payments
from benchmarks.pipelines import VERDICTS, Verdict
from benchmarks.systems import PAYMENTS

__all__ = ["Dated", "backlog", "write"]

_KNOWN_AFTER_S = 3_600
_FLUSH = 50_000


class Dated(NamedTuple):
    """A record and when it happened, in milliseconds since the epoch."""

    topic: str
    key: bytes
    value: bytes
    timestamp: int


def backlog(count: int) -> Iterator[Dated]:
    """So many payments, and an hour after each fraud its verdict, by date.

    Verdicts have the key of their payment, the card: so both are in the same partition.
    """
    encode = msgspec.json.Encoder().encode
    frauds: deque[tuple[int, str, bytes]] = deque()
    for payment in payments(count):
        while frauds and frauds[0][0] <= payment.at:
            at, name, key = frauds.popleft()
            verdict = Verdict(name, 1, datetime.fromtimestamp(at, UTC))
            yield Dated(VERDICTS, key, encode(verdict), at * 1_000)
        key = payment.card.encode()
        if payment.fraud:
            frauds.append((payment.at + _KNOWN_AFTER_S, payment.id, key))
        yield Dated(PAYMENTS, key, encode(payment), payment.at * 1_000)


def write(brokers: str, count: int) -> None:
    """Write such a backlog to its topics, which exist."""
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 50,
            "log_level": 3,  # that a new broker is not quite ready is no news
            "queue.buffering.max.messages": 500_000,
        }
    )
    for number, record in enumerate(backlog(count)):
        producer.produce(record.topic, record.value, record.key, timestamp=record.timestamp)
        if number % _FLUSH == 0:
            producer.flush()
    producer.flush()
