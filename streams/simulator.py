"""The card-fraud stream: simulated payments and what becomes known of them, message by message."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import count

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.blocks import Block
from streams.chargebacks import SOURCES, LabelPlan
from streams.disturbances import Disturbances
from streams.payments import CHANNELS, DAY_MS, Payments, SimulationError, World
from streams.population import CATEGORIES, COUNTRIES

__all__ = ["Chargeback", "Payment", "Simulator"]


class Payment(msgspec.Struct, frozen=True, gc=False):
    """An event as it is sent, keyed by `customer_id`.

    Attributes:
        tx_id: day and number in the day; unique.
        at: RFC 3339 with milliseconds, UTC.
        terminal_id: where it was made; its `category` and `country` never change.
        amount: with cents, at least 0.01.
        device_id: the card or phone it was made with; a customer has up to three.
    """

    tx_id: str
    at: str
    customer_id: str
    terminal_id: str
    amount: float
    channel: str
    category: str
    country: str
    device_id: str


class Chargeback(msgspec.Struct, frozen=True, gc=False):
    """A label as it is sent, keyed by `customer_id`.

    Attributes:
        fraud: 1 or 0.
        at: when it became known, RFC 3339 with milliseconds, UTC.
        source: ``"chargeback"`` or ``"investigator"``.
    """

    tx_id: str
    customer_id: str
    fraud: int
    at: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Simulator(World):
    """A world, and the messages that tell of it: the same bytes for the same declaration.

    The payments of a day depend on nothing but the declaration and the day, so a longer simulation
    begins as a shorter one does. Memory holds one day and the labels that are not yet due.

    Kafka judges a record by its timestamp: topics for a simulation need ``retention.ms=-1``, or
    records of last year are deleted as they come.

    >>> block = next(Simulator(customers=10, terminals=20, days=1).messages())
    >>> block.roles[0], list(msgspec.json.decode(block.values[0]))[:5]
    ('events', ['tx_id', 'at', 'customer_id', 'terminal_id', 'amount'])

    Attributes:
        labels: who finds out about a payment, and when.
        disturbances: what goes wrong on the way.
    """

    labels: LabelPlan = field(default_factory=LabelPlan)
    disturbances: Disturbances = field(default_factory=Disturbances)

    def messages(self, size: int | None = None) -> Iterator[Block]:
        """All messages in order of arrival, to the last label of the last day's payments.

        Args:
            size: most messages in a block; by default a block is a day. Blocks end with the day
                in any case, and none is empty.

        Raises:
            SimulationError: `size` is less than one.
        """
        if size is not None and size < 1:
            raise SimulationError(f"size={size}", "a block holds at least one message", "size=1000")
        return self._messages(size)

    def _messages(self, size: int | None) -> Iterator[Block]:
        due: defaultdict[int, list[Block]] = defaultdict(list)
        for day in count():
            if day < self.days:
                for arrival, part in self._told_of(day).spans(self.start_ms, DAY_MS):
                    due[arrival].append(part)
            elif not due:
                return
            yield from Block.merge(due.pop(day, [])).pieces(size)

    def _told_of(self, day: int) -> Block:
        """All messages about one day's payments, by arrival."""
        payments = self.payments(day)
        prefix = f"p{day:04d}-"
        ids = [prefix + str(number).zfill(7) for number in range(len(payments))]
        draw = partial(self.draw, day=day)
        return Block.merge(
            [
                *self.disturbances.on_events(self._events(payments, ids), draw),
                *self.disturbances.on_labels(self._labels(payments, ids, draw), draw),
            ]
        )

    def _events(self, payments: Payments, ids: Sequence[str]) -> Block:
        names = self._names
        times = payments.at.tolist()
        rows = map(
            Payment,
            ids,
            _rfc3339(payments.at),
            names.customers[payments.customer].tolist(),
            names.terminals[payments.terminal].tolist(),
            (payments.cents / 100).tolist(),
            _CHANNELS[payments.channel].tolist(),
            _CATEGORIES[payments.category].tolist(),
            _COUNTRIES[payments.country].tolist(),
            ["d" + str(device).zfill(6) for device in payments.device.tolist()],
        )
        keys = names.keys[payments.customer].tolist()
        return Block(["events"] * len(keys), keys, _lines(list(rows)), times, times)

    def _labels(
        self, payments: Payments, ids: Sequence[str], draw: Callable[[str], np.random.Generator]
    ) -> Block:
        labels = self.labels.of(payments, draw)
        customer = payments.customer[labels.payment]
        times = labels.at.tolist()
        rows = map(
            Chargeback,
            [ids[payment] for payment in labels.payment.tolist()],
            self._names.customers[customer].tolist(),
            labels.fraud.astype(np.int64).tolist(),
            _rfc3339(labels.at),
            _SOURCES[labels.source].tolist(),
        )
        keys = self._names.keys[customer].tolist()
        return Block(["labels"] * len(keys), keys, _lines(list(rows)), times, times)

    @cached_property
    def _names(self) -> _Names:
        customers = [f"c{number:05d}" for number in range(self.customers)]
        return _Names(
            customers=np.array(customers, object),
            keys=np.array([name.encode() for name in customers], object),
            terminals=np.array([f"t{number:05d}" for number in range(self.terminals)], object),
        )


@dataclass(frozen=True, slots=True)
class _Names:
    """Ids as Python strings, made once: taking one from an array is ten times faster."""

    customers: NDArray[np.object_]
    keys: NDArray[np.object_]
    terminals: NDArray[np.object_]


_CHANNELS, _CATEGORIES, _COUNTRIES, _SOURCES = (
    np.array(names, object) for names in (CHANNELS, CATEGORIES, COUNTRIES, SOURCES)
)
_encoder = msgspec.json.Encoder()


def _rfc3339(milliseconds: NDArray[np.int64]) -> list[str]:
    texts: list[str] = np.datetime_as_string(
        milliseconds.astype("datetime64[ms]"), timezone="UTC"
    ).tolist()
    return texts


def _lines(rows: Sequence[msgspec.Struct]) -> list[bytes]:
    """Each row as JSON, encoded in one call; each line, the last too, ends with a line break."""
    return _encoder.encode_lines(rows).split(b"\n")[:-1]
