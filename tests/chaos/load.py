"""Steady load: a plain client that sends what a lane's traffic brings, event by event."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Producer

from streams.pacing import Pace
from streams.pipeline import Pipeline
from tests.chaos.traffic import Traffic

__all__ = ["Load"]

_MOST = 1_000
_FLUSH_S = 120.0


class Load(threading.Thread):
    """Sends until it is stopped, whatever becomes of the broker meanwhile.

    What the broker took and could not confirm is sent again: so an event or a label is doubled now
    and then. An idempotent producer would do that as well when a broker is killed, or give up.

    Args:
        brokers: host:port.
        pipeline: whose topics.
        traffic: for each event the messages to send.
        rate: events a second.

    Attributes:
        failures: messages that could not be delivered.
    """

    def __init__(self, brokers: str, pipeline: Pipeline, traffic: Traffic, rate: float) -> None:
        super().__init__(name=f"load-{pipeline.name}", daemon=True)
        self.failures: list[str] = []
        self._topics = dict(zip(("events", "labels"), pipeline.input_topics, strict=False))
        self._traffic = traffic
        self._rate = rate
        self._ends: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._ended = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "partitioner": "murmur2_random",
                "acks": "all",
                "max.in.flight": 1,
                "linger.ms": 5,
                "message.timeout.ms": 600_000,
                "queue.buffering.max.messages": 1_000_000,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )

    def run(self) -> None:
        """Send at an even pace."""
        pace = Pace(self._rate)
        while not self._ended.is_set():
            for _ in range(pace.take(_MOST, time.monotonic())):
                for message in next(self._traffic):
                    self._producer.produce(
                        self._topics[message.role],
                        message.value,
                        message.key,
                        timestamp=message.timestamp,
                        on_delivery=self._delivered,
                    )
            self._producer.poll(0)
            self._ended.wait(pace.pause(time.monotonic()))

    def ends(self) -> Mapping[tuple[str, int], int]:
        """By topic and partition, the offset after the last record that is known to be there."""
        return dict(self._ends)

    def give_up(self) -> None:
        """Send no more, and forget what has not arrived."""
        self._ended.set()
        if self.is_alive():
            self.join()
        self._producer.purge()

    def stop(self) -> None:
        """Send no more; returns when everything that was sent has arrived."""
        self._ended.set()
        self.join()
        if left := self._producer.flush(_FLUSH_S):
            self.failures.append(f"{left} messages were not delivered")

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            self.failures.append(str(error))
            return
        place = (message.topic(), message.partition())
        self._ends[place] = max(self._ends[place], message.offset() + 1)
