"""Traffic whose every event carries the moment it was sent, and readers that note when it came.

One clock, one machine: the id of an event is the time it was sent, a prediction repeats the id, and
whoever reads either subtracts the one from the other. Readers are one process, so that three of
them cost two cores as little as possible, and three threads, so that none waits for another.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Mapping
from itertools import cycle, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Event, Thread
from typing import TypeAlias

import msgspec
import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata
from confluent_kafka import Consumer, TopicPartition
from numpy.typing import NDArray

from benchmarks.payments import Payment, payments
from streams.framing import framed
from streams.pacing import Pace
from streams.partitioning import partitions_of
from streams.slices import Records

__all__ = ["Arrivals", "Readers", "Reading", "ends", "send"]

Arrivals: TypeAlias = NDArray[np.int64]
"""int64[2, n]: when each was sent and when it was read, ns since the epoch."""

Reading: TypeAlias = tuple[str, str, Mapping[int, int]]
"""A topic, the isolation level, and by partition the offset to begin at."""

_ID = slice(len('{"id":"'), len('{"id":"') + 19)
"""Where the time stands in the JSON of an event and of its prediction."""

_DIFFERENT = 50_000
_MOST = 10_000
_BATCH_BYTES = 900 * 1024
_POLL_S = 0.1
_QUIET_S = 2.0
_SWITCH_S = 0.0002  # or a thread that has a message waits 5 ms for one that counts its own


def send(brokers: str, topic: str, rate: float, seconds: float) -> int:
    """Send payments at an even pace, keyed by card; answers how many.

    Framed by ourselves: a client that takes one record after another costs two cores as much as
    the worker that is measured on them.
    """
    return asyncio.run(_send(brokers, topic, rate, seconds))


async def _send(brokers: str, topic: str, rate: float, seconds: float) -> int:
    source = [(one.card.encode(), _after_id(one)) for one in payments(_DIFFERENT)]
    async with AIOKafkaProducer(bootstrap_servers=brokers, acks="all") as producer:
        count = len(await producer.partitions_for(topic))
        places = partitions_of([key for key, _ in source], count).tolist()
        rest = cycle([(*one, place) for one, place in zip(source, places, strict=True)])
        pace, last = Pace(rate), 0
        on_the_way: deque[asyncio.Future[RecordMetadata]] = deque()
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            due = pace.take(_MOST, now)
            first = max(time.time_ns(), last + 1)
            last = first + due
            columns: list[tuple[list[bytes], list[bytes]]] = [([], []) for _ in range(count)]
            for sent, (key, value, place) in enumerate(islice(rest, due), first):
                keys, values = columns[place]
                keys.append(key)
                values.append(b'{"id":"%d%b' % (sent, value))
            for place, (keys, values) in enumerate(columns):
                records = Records(keys, values, np.full(len(keys), first // 1_000_000))
                for batch in framed(records, _BATCH_BYTES, "none", transactional=False):
                    on_the_way += [await producer.send_batch(batch, topic, partition=place)]
            while on_the_way and on_the_way[0].done():
                on_the_way.popleft().result()  # or raises why it could not be sent
            await asyncio.sleep(pace.pause(time.monotonic()))
        await asyncio.gather(*on_the_way)
    return pace.taken


def _after_id(payment: Payment) -> bytes:
    """The JSON of a payment from behind its id."""
    return msgspec.json.encode(payment)[len('{"id":"0000000') :]


class Readers:
    """Reads topics, each as told, until it is asked what came.

    Args:
        brokers: to read from.
        topics: by the name of the reader, what it reads.
    """

    def __init__(self, brokers: str, topics: Mapping[str, Reading]) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_read, args=(brokers, topics, theirs), daemon=True)
        self._process.start()
        self._connection.recv()

    def stop(self) -> Mapping[str, Arrivals]:
        """Read until nothing more comes, and answer what each reader saw."""
        self._connection.send("stop")
        arrivals: Mapping[str, Arrivals] = self._connection.recv()
        self._process.join()
        return arrivals


def _read(brokers: str, topics: Mapping[str, Reading], connection: Connection) -> None:
    sys.setswitchinterval(_SWITCH_S)
    readers = [_Reader(brokers, *told) for told in topics.values()]
    connection.send("ready")
    connection.recv()
    for reader in readers:
        reader.stopping.set()
    for reader in readers:
        reader.join()
    connection.send({name: one.arrivals() for name, one in zip(topics, readers, strict=True)})


class _Reader(Thread):
    """Takes a message as soon as there is one, and all that wait behind it."""

    def __init__(self, brokers: str, topic: str, isolation: str, places: Mapping[int, int]) -> None:
        super().__init__(daemon=True)
        self.stopping = Event()
        self._ids: list[bytes] = []
        self._counts: list[int] = []
        self._times: list[int] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "latency",
                "enable.auto.commit": False,
                "isolation.level": isolation,
                "fetch.wait.max.ms": 100,
            }
        )
        self._consumer.assign([TopicPartition(topic, *place) for place in places.items()])
        self.start()

    def run(self) -> None:
        quiet_since = time.monotonic()
        while not self.stopping.is_set() or time.monotonic() - quiet_since < _QUIET_S:
            message = self._consumer.poll(_POLL_S)
            if message is None:
                continue
            messages = [message, *self._consumer.consume(_MOST, 0)]
            now = time.time_ns()
            values = [one.value() for one in messages if one.error() is None]
            self._ids.append(b"".join([value[_ID] for value in values]))
            self._counts.append(len(values))
            self._times.append(now)
            quiet_since = time.monotonic()
        self._consumer.close()

    def arrivals(self) -> Arrivals:
        sent = np.frombuffer(b"".join(self._ids), "S19").astype(np.int64)
        return np.stack([sent, np.repeat(np.array(self._times, np.int64), self._counts)])


def ends(brokers: str, topic: str) -> Mapping[int, int]:
    """By partition, the offset after the last record."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "latency"})
    partitions = consumer.list_topics(topic, 10.0).topics[topic].partitions
    places = [TopicPartition(topic, number) for number in partitions]
    found = {one.partition: consumer.get_watermark_offsets(one, 10.0)[1] for one in places}
    consumer.close()
    return found
