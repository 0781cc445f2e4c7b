"""A simulated stream on its way to Kafka, and what its audience may know of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from threading import Event, Thread

import msgspec

from streams.blocks import Block
from streams.chunks import Chunk
from streams.cluster import Security
from streams.producing import produce
from streams.simulator import Simulator

__all__ = ["Feed"]

_BLOCK = 500
_REMEMBERED_BLOCKS = 200
_STOP_S = 5.0


class _Payment(msgspec.Struct, gc=False):
    tx_id: str
    amount: float


class _Label(msgspec.Struct, gc=False):
    tx_id: str
    fraud: int
    at: datetime


_payments = msgspec.json.Decoder(_Payment)
_labels = msgspec.json.Decoder(_Label)


class Feed:
    """Sends a simulation at an even rate, from a thread of its own.

    Records carry the moment of sending as Kafka's time, as from a till; what the simulation says
    of their time stands in the message. So latency can be measured, and no retention is too short.

    Args:
        simulator: what to send.
        brokers: to ask first, host:port with commas between.
        topics: the topic of each role.
        rate: messages a second, payments and labels together.
        security: options of the connection.

    Attributes:
        payments: how many were handed to the producer.
        labels: likewise.
        failure: why it ended early, if it did by itself.
    """

    def __init__(
        self,
        simulator: Simulator,
        brokers: str,
        topics: Mapping[str, str],
        rate: float,
        security: Security | None = None,
    ) -> None:
        self.payments = 0
        self.labels = 0
        self.failure: BaseException | None = None
        self._simulator = simulator
        self._brokers = brokers
        self._topics = topics
        self._rate = rate
        self._security = security
        self._amounts: deque[dict[str, float]] = deque(maxlen=_REMEMBERED_BLOCKS)
        self._verdicts: dict[str, _Label] = {}
        self._stopping = Event()
        self._thread = Thread(target=self._send, name="feed", daemon=True)

    @property
    def over(self) -> bool:
        """Whether nothing more will be sent."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more; what was handed over is still delivered, for some seconds at most."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)

    def amount(self, payment: str) -> float | None:
        """The amount of one of the last hundred thousand payments."""
        return next((block[payment] for block in self._amounts.copy() if payment in block), None)

    def verdict(self, payment: str, now: datetime) -> bool | None:
        """Whether a payment is known to be fraud at a simulated time; None where nothing is."""
        label = self._verdicts.get(payment)
        return None if label is None or label.at > now else bool(label.fraud)

    def _send(self) -> None:
        try:
            produce(
                self._sent(), self._brokers, self._topics, rate=self._rate, security=self._security
            )
        except Exception as error:
            self.failure = error

    def _sent(self) -> Iterator[Chunk]:
        for block in self._simulator.messages(_BLOCK):
            if self._stopping.is_set():
                return
            self._note(block)
            yield Chunk(block.values, block.keys, None, block.roles)

    def _note(self, block: Block) -> None:
        paid = [_payments.decode(value) for value in block.of("events").values]
        told = [_labels.decode(value) for value in block.of("labels").values]
        self._amounts.append({payment.tx_id: payment.amount for payment in paid})
        self._verdicts |= {label.tx_id: label for label in told}
        self.payments += len(paid)
        self.labels += len(told)
