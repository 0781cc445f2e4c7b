"""Predictions read back from their topic, as any consumer would read them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain
from threading import Event, Lock, Thread

import aiokafka
import msgspec
from aiokafka import ConsumerRecord, TopicPartition

from streams.cluster import Security, connection
from streams.predictions import Prediction

__all__ = ["ReadBack"]

_WAIT_MS, _MOST = 200, 8192
_STOP_S = 5.0

_decoder = msgspec.json.Decoder(Prediction)


class ReadBack:
    """Reads a predictions topic from its beginning, committed records only, in a thread.

    Args:
        brokers: to ask first, host:port with commas between.
        topic: of predictions.
        partitions: that it has.
        security: options of the connection.

    Attributes:
        count: predictions read.
        alerts: how many of them decided True.
        doubled: how many were of an event, or of one before it, that another had been of already.
        failure: why it ended, if it did by itself.
    """

    def __init__(
        self, brokers: str, topic: str, partitions: int, security: Security | None = None
    ) -> None:
        self.count = 0
        self.alerts = 0
        self.doubled = 0
        self.failure: BaseException | None = None
        self._topic = topic
        self._partitions = partitions
        self._connection = connection(brokers, security)
        self._read_up_to: dict[int, int] = {}
        self._lock = Lock()
        self._newest: Prediction | None = None
        self._riskiest: Prediction | None = None
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="read back", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)

    def take(self) -> tuple[Prediction, Prediction] | None:
        """The riskiest and the newest prediction since this was last asked; None: there is none."""
        with self._lock:
            newest, riskiest = self._newest, self._riskiest
            self._newest = self._riskiest = None
        return None if newest is None or riskiest is None else (riskiest, newest)

    def _run(self) -> None:
        try:
            asyncio.run(self._read())
        except Exception as error:
            self.failure = error

    async def _read(self) -> None:
        consumer = aiokafka.AIOKafkaConsumer(
            **self._connection,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            consumer.assign(
                [TopicPartition(self._topic, number) for number in range(self._partitions)]
            )
            while True:
                found = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_MOST)
                self._note(list(chain.from_iterable(found.values())))
                # Not before the first read: aiokafka cannot stop what it has not yet begun.
                if self._stopping.is_set():
                    return
        finally:
            await consumer.stop()

    def _note(self, records: Sequence[ConsumerRecord]) -> None:
        predictions = [_decoder.decode(record.value) for record in records]
        if not predictions:
            return
        for one in predictions:
            self.doubled += one.offset <= self._read_up_to.get(one.partition, -1)
            self._read_up_to[one.partition] = one.offset
        riskiest = max(predictions, key=_risk)
        with self._lock:
            self._newest = max(predictions, key=_time)
            if self._riskiest is None or _risk(riskiest) > _risk(self._riskiest):
                self._riskiest = riskiest
        self.alerts += sum(one.decision is True for one in predictions)
        self.count += len(predictions)


def _risk(prediction: Prediction) -> float:
    return -1.0 if prediction.score is None else prediction.score


def _time(prediction: Prediction) -> float:
    return prediction.at.timestamp()
