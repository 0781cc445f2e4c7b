"""Payments and the verdicts on them, dated as they happened: what a worker finds after a pause."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from benchmarks.payments import payments, send
from benchmarks.pipelines import VERDICTS, Verdict
from benchmarks.systems import PAYMENTS

__all__ = ["Dated", "backlog", "write"]

_KNOWN_AFTER_S = 3_600


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
    send(brokers, backlog(count))
