"""Card payments for benchmarks: nine fields, 135 bytes of JSON, the label among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
import numpy as np
from confluent_kafka import Producer

from streams import Event

__all__ = ["Payment", "fill", "payments", "send"]

_ENTRIES = ("chip", "web", "tap")
_COUNTRIES = ("AT", "BE", "CH", "DE", "DK", "ES", "FR", "GB", "IT", "NL", "PL", "US")
_CHUNK = 50_000
_SINCE = 1_767_225_600


class Payment(Event, frozen=True):
    id: str
    at: int
    card: str
    shop: str
    amount: float
    entry: str
    country: str
    device: str
    fraud: Literal[0, 1]


def payments(count: int, seed: int = 7) -> Iterator[Payment]:
    """The same payments every time; few cards pay often, and a few shops are bad."""
    random = np.random.default_rng(seed)
    weight = random.lognormal(0.0, 1.0, 20_000)
    weight /= weight.sum()
    home = random.integers(0, 5_000, len(weight))
    device = random.integers(0, 100_000, len(weight))
    for first in range(0, count, _CHUNK):
        n = min(_CHUNK, count - first)
        card = random.choice(len(weight), n, p=weight)
        shop = (home[card] + random.geometric(0.05, n)) % 5_000
        amount = np.round(random.lognormal(3.5, 1.0, n), 2)
        risk = 0.002 + 0.3 * (shop % 29 == 0) + 0.01 * (amount > 200.0)
        columns = zip(
            range(first, first + n),
            card.tolist(),
            shop.tolist(),
            amount.tolist(),
            random.integers(0, len(_ENTRIES), n).tolist(),
            (card % len(_COUNTRIES)).tolist(),
            device[card].tolist(),
            (random.random(n) < risk).astype(int).tolist(),
            strict=True,
        )
        for number, who, where, much, entry, country, what, fraud in columns:
            yield Payment(
                f"{number:07}",
                _SINCE + number // 40,
                f"c{who:05}",
                f"s{where:04}",
                much,
                _ENTRIES[entry],
                _COUNTRIES[country],
                f"d{what:05}",
                fraud,
            )


def fill(brokers: str, topic: str, count: int) -> float:
    """Write payments to a topic, keyed by card; answers the mean size of a value in bytes."""
    encode = msgspec.json.Encoder().encode
    return send(brokers, ((topic, p.card.encode(), encode(p), 0) for p in payments(count))) / count


def send(brokers: str, records: Iterable[tuple[str, bytes, bytes, int]]) -> int:
    """Write records to their topics, which exist; answers the size of all values in bytes.

    Args:
        brokers: host:port.
        records: topic, key, value, and milliseconds since the epoch; 0: when it is written.
    """
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
    size = 0
    for number, (topic, key, value, timestamp) in enumerate(records):
        size += len(value)
        producer.produce(topic, value, key, timestamp=timestamp)
        if number % _CHUNK == 0:
            producer.flush()
    producer.flush()
    return size
