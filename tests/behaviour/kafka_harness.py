"""The other world: a real broker, worker processes, and clients that know nothing of us."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from harness import Values
from outside import Worker, read

from streams import load
from streams.checkpoint import Checkpoints
from streams.image import pack
from streams.predictions import Prediction
from streams.slices import Headers, Record
from streams.testing import DeadLetter, Predicted
from streams.topics import ensure, required_topics
from tests.messages import record_of

__all__ = ["OnKafka"]

SHOPS = Path(__file__).with_name("shops.py")
_PATIENCE_S = 60.0
_PAUSE_S = 0.02
_EVENTS_A_PAUSE = 10
_SEEN = 300
_LEVEL_LOOKS, _LEVEL_LOOK_S = 12, 0.5


class OnKafka:
    """A pipeline of `shops`, its topics on a broker, its workers as processes.

    Args:
        brokers: host:port.
        name: of the pipeline in its file.
        partitions: of its events topic.
        slots: whether workers have slots: one that is killed is replaced at once, one that stops
            is waited for.
        refresh_ms: after so long at the latest the producer knows of new partitions.
        settings: of the workers.
    """

    def __init__(
        self,
        brokers: str,
        name: str,
        partitions: int,
        *,
        slots: bool = False,
        file: Path = SHOPS,
        refresh_ms: int = 300_000,
        **settings: Any,
    ) -> None:
        self._place = f"{file}:{name}"
        self.pipeline = load(self._place)
        self.partitions = partitions
        self.sent: list[Record] = []
        self.workers: list[Worker] = []
        self.producer = Producer(
            {
                "bootstrap.servers": brokers,
                "partitioner": "murmur2_random",
                "message.max.bytes": 4 << 20,
                "linger.ms": 2,
                "topic.metadata.refresh.interval.ms": refresh_ms,
            }
        )
        self._brokers = brokers
        self._slots = slots
        self._settings = settings
        self._started = ExitStack()
        self._group = Consumer({"bootstrap.servers": brokers, "group.id": self.pipeline.name})
        ensure(brokers, required_topics(self.pipeline, partitions))

    def close(self) -> None:
        """Let go of everything, whatever state it is in."""
        self._started.close()
        self._group.close()

    def send(
        self,
        topic: str,
        value: Any,
        *,
        key: str | None,
        partition: int | None = None,
        timestamp: int | None = None,
        headers: Headers = (),
    ) -> Record:
        found: list[Record] = []
        self._produce(topic, value, found.append, key, partition, timestamp, headers)
        assert self.producer.flush(_PATIENCE_S) == 0
        return found[0]

    def _produce(
        self,
        topic: str,
        value: Any,
        told: Callable[[Record], Any],
        key: str | None,
        partition: int | None = None,
        timestamp: int | None = None,
        headers: Headers = (),
    ) -> None:
        def delivered(error: Any, message: Message) -> None:
            assert error is None, error
            record = replace(record_of(message), headers=tuple(headers))  # reports have none
            self.sent.append(record)
            told(record)

        plain = value is None or isinstance(value, bytes)
        self.producer.produce(
            topic,
            value if plain else msgspec.json.encode(value),
            key,
            partition=-1 if partition is None else partition,
            timestamp=0 if timestamp is None else timestamp,
            headers=list(headers),
            on_delivery=delivered,
        )

    def scale(self, workers: int) -> None:
        while len(self.workers) > workers:
            leaving = self.workers.pop()
            assert leaving.stop() == 0, leaving.output
        while len(self.workers) < workers:
            slot = {"slot": len(self.workers)} if self._slots else {}
            worker = Worker(self._place, self._brokers, report_every_s=0, **slot, **self._settings)
            self.workers.append(self._started.enter_context(worker))
        shares = sorted(
            self.partitions // workers + (number < self.partitions % workers)
            for number in range(workers)
        )
        for worker in self.workers:
            worker.until(lambda: sorted(self._owned()) == shares, _PATIENCE_S)

    def _owned(self) -> list[float]:
        return [worker.total("thalweg_assigned_partitions") for worker in self.workers]

    def crash(self) -> None:
        self.scale(self.kill())

    def kill(self) -> int:
        """Kill all workers, and start none; answers how many it were."""
        killed, self.workers = self.workers, []
        for worker in killed:
            worker.kill()
        return len(killed)

    def settle(self) -> None:
        assert self.producer.flush(_PATIENCE_S) == 0
        ends: dict[tuple[str, int], int] = {}
        for record in self.sent:
            place = (record.topic, record.partition)
            ends[place] = max(ends.get(place, 0), record.offset + 1)
        places = [TopicPartition(*place) for place in ends]

        def read_up() -> bool:
            committed = self._group.committed(places, _PATIENCE_S)
            return all(found.offset >= ends[found.topic, found.partition] for found in committed)

        self.workers[0].until(read_up, _PATIENCE_S)

    def level(self) -> None:
        """Wait until all have read all deltas and tell no more: what gathered is the next one."""

        def stays() -> bool:
            for _ in range(_LEVEL_LOOKS):
                behind = [worker.totals("thalweg_deltas_behind") for worker in self.workers]
                if behind != [[0.0]] * len(self.workers):
                    return False
                time.sleep(_LEVEL_LOOK_S)
            return True

        self.workers[0].until(stays, 2 * _PATIENCE_S)

    @contextmanager
    def load(self, values: Values) -> Iterator[None]:
        ended = threading.Event()

        def produce() -> None:
            for number in count():
                for topic, value in values(number):
                    self._produce(topic, value, lambda record: None, value.customer)
                self.producer.poll(0)
                if number % _EVENTS_A_PAUSE == 0 and ended.wait(_PAUSE_S):
                    return

        thread = threading.Thread(target=produce)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def progress(self) -> None:
        def predicted() -> float:
            return sum(worker.total("thalweg_predictions_total") for worker in self.workers)

        before = predicted()
        self.workers[0].until(lambda: predicted() >= before + _SEEN, _PATIENCE_S)

    def predictions(self) -> list[Predicted]:
        return [
            Predicted(**msgspec.structs.asdict(found), raw=record)
            for record in self._read(self.pipeline.predictions_topic)
            for found in [msgspec.json.decode(record.value or b"", type=Prediction)]
        ]

    def dead_letters(self) -> list[DeadLetter]:
        return [DeadLetter.of(record) for record in self._read(self.pipeline.dead_letters_topic)]

    def _read(self, topic: str) -> list[Record]:
        found = [record_of(message) for message in read(self._brokers, topic)]
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def images(self) -> list[bytes]:
        return asyncio.run(self._images())

    async def _images(self) -> list[bytes]:
        return await asyncio.gather(*map(self._image, range(self.partitions)))

    async def _image(self, number: int) -> bytes:
        client = {"bootstrap_servers": self._brokers}
        topic, group = self.pipeline.checkpoints_topic, self.pipeline.name
        found = await Checkpoints(client, topic, number, group).newest()
        assert found is not None
        return pack(found.image)
