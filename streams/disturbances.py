"""What goes wrong between a payment and its topic: late, doubled, malformed, incomplete."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streams.blocks import Block
from streams.payments import DAY_MS, SimulationError, check_share

__all__ = ["DETAILS", "Disturbances"]

DETAILS = ("channel", "category", "country", "device_id")
"""The fields of a payment that may be missing."""

_HOUR_MS = 3_600_000
_AMOUNT = re.compile(rb'"amount":[^,]+')


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbances:
    """Shares of messages that something happens to; nothing does by default.

    No payment is lost, though it may lack a detail. Each kind draws from a generator of its own:
    turning one on leaves the payments as they are.

    Attributes:
        late: of payments that arrive up to `late_hours` after they were made; the timestamp stays.
        duplicates: of payments that are sent again within ten minutes.
        malformed: of payments that are preceded by a broken copy: torn, not UTF-8, without an id,
            in an array, or with an amount that is text, NaN or infinite.
        missing: of payments that lack one of their `DETAILS`.
        label_duplicates: of labels that are sent again within a day.
    """

    late: float = 0.0
    late_hours: float = 6.0
    duplicates: float = 0.0
    malformed: float = 0.0
    missing: float = 0.0
    label_duplicates: float = 0.0

    def __post_init__(self) -> None:
        for name in ("late", "duplicates", "malformed", "missing", "label_duplicates"):
            check_share(name, getattr(self, name))
        if not 0 < self.late_hours < float("inf"):
            raise SimulationError(
                f"late_hours={self.late_hours}",
                "a late payment arrives some time after it was made",
                "late_hours=6",
            )

    def on_events(self, events: Block, draw: Callable[[str], np.random.Generator]) -> list[Block]:
        """Blocks of all the messages that one day's payments become, to be merged."""
        values, arrivals = list(events.values), list(events.arrivals)
        random, hit = _hit(draw("missing"), events, self.missing)
        for place, detail in zip(hit, random.integers(len(DETAILS), size=len(hit)), strict=True):
            values[place] = _without(DETAILS[detail], values[place])

        random, hit = _hit(draw("late"), events, self.late)
        delays = random.integers(1, int(self.late_hours * _HOUR_MS) + 1, len(hit))
        for place, delay in zip(hit, delays.tolist(), strict=True):
            arrivals[place] += delay

        events = replace(events, values=values, arrivals=arrivals)
        random, hit = _hit(draw("malformed"), events, self.malformed)
        broken = events.take(hit)
        for place, damage in enumerate(random.integers(len(_DAMAGES), size=len(hit))):
            broken.values[place] = _DAMAGES[damage](broken.values[place])
        return [broken, events, _again(draw("duplicates"), events, self.duplicates, _HOUR_MS // 6)]

    def on_labels(self, labels: Block, draw: Callable[[str], np.random.Generator]) -> list[Block]:
        """Blocks of all the messages that one day's labels become, to be merged."""
        return [labels, _again(draw("label_duplicates"), labels, self.label_duplicates, DAY_MS)]


def _hit(
    random: np.random.Generator, messages: Block, share: float
) -> tuple[np.random.Generator, list[int]]:
    """The generator, and the places of a share of the messages."""
    places: NDArray[np.int64] = np.flatnonzero(random.random(len(messages)) < share)
    return random, places.tolist()


def _again(random: np.random.Generator, messages: Block, share: float, within: int) -> Block:
    """Copies of a share of the messages, each arriving less than `within` ms after the first."""
    random, hit = _hit(random, messages, share)
    copies = messages.take(hit)
    for place, delay in enumerate(random.integers(1, within, len(hit)).tolist()):
        copies.arrivals[place] += delay
    return copies


def _without(field: str, value: bytes) -> bytes:
    return re.sub(rb',"%s":"[^"]*"' % field.encode(), b"", value)


_DAMAGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda value: value[: len(value) // 2],
    lambda value: value.replace(b':"c', b':"\xff', 1),
    lambda value: value.replace(b'"tx_id"', b'"id"', 1),
    lambda value: b"[" + value + b"]",
    lambda value: _AMOUNT.sub(b'"amount":"a lot"', value),
    lambda value: _AMOUNT.sub(b'"amount":NaN', value),
    lambda value: _AMOUNT.sub(b'"amount":1e999', value),
)
