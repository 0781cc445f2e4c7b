"""What a worker says of itself over ``/metrics``, read as any Prometheus would."""

from __future__ import annotations

import math
import time
import urllib.request
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException

import numpy as np
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families

from streams import catalogue

__all__ = [
    "BOUNDS", "Meter", "NoPageError", "Reading", "page", "parsed", "quantile", "read", "scrape",
]  # fmt: skip

_ANSWER_S = 2.0
_RECENT = 10
_PAGE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Reading:
    """The metrics of one worker at one moment, over all its partitions.

    Attributes:
        at: seconds, from any origin.
        partitions: that it owns.
        events: scored.
        learned: labels learned.
        dead_letters: records turned away.
        lag: records that wait.
        latency: int64[buckets], events by latency.
        quality: the figures of `models.quality.Quality.summary`; empty before the first.
    """

    at: float
    partitions: int
    events: int
    learned: int
    dead_letters: int
    lag: int
    latency: NDArray[np.int64]
    quality: Mapping[str, float]


BOUNDS = np.array((*catalogue.LATENCY_SECONDS.buckets, math.inf))
"""Upper bounds of the buckets of `Reading.latency`, in seconds."""


class NoPageError(ValueError):
    """Somebody else answers there: it is no page of a worker's metrics."""


@contextmanager
def parsed() -> Iterator[None]:
    """What a parser and its numbers stumble over is no page; the parser declares no error.

    Raises:
        NoPageError: what went wrong inside of the block.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise NoPageError(f"no page of metrics: {error!r}") from error


def read(text: str, at: float) -> Reading:
    """The reading in the text of a ``/metrics`` page.

    Raises:
        NoPageError: it is none.
    """
    with parsed():
        return _read(text, at)


def _read(text: str, at: float) -> Reading:
    total: dict[str, float] = {}
    latency = np.zeros(len(BOUNDS), np.int64)
    quality: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == f"{catalogue.LATENCY_SECONDS.name}_bucket":
                latency[np.searchsorted(BOUNDS, float(sample.labels["le"]))] += int(sample.value)
            elif sample.name == catalogue.WORKER_QUALITY.name:
                quality[sample.labels["metric"]] = sample.value
            else:
                total[sample.name] = total.get(sample.name, 0.0) + sample.value

    def count(metric: catalogue.Metric) -> int:
        return int(total.get(metric.name, 0))

    return Reading(
        at=at,
        partitions=count(catalogue.ASSIGNED),
        events=count(catalogue.EVENTS),
        learned=count(catalogue.LEARNED),
        dead_letters=count(catalogue.DEAD_LETTERS),
        lag=count(catalogue.LAG_RECORDS),
        latency=np.diff(latency, prepend=0),
        quality=quality,
    )


def scrape(url: str) -> Reading | None:
    """Ask a worker for its metrics; None while it does not answer."""
    text = page(url)
    with suppress(NoPageError):
        return None if text is None else read(text, time.monotonic())
    return None


def page(url: str) -> str | None:
    """The text of a metrics page; None while nobody serves it."""
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:
            text: str = answer.read(_PAGE_BYTES).decode()
    except (OSError, HTTPException, UnicodeDecodeError):
        return None
    return text


class Meter:
    """Rates and latencies over the last readings.

    Attributes:
        last: the newest reading; None before the first.
        auc: ROC AUC over the last labels at each reading that has one, in order.
    """

    def __init__(self) -> None:
        self.auc: list[float] = []
        self._readings: deque[Reading] = deque(maxlen=_RECENT)
        self._first: Reading | None = None

    @property
    def last(self) -> Reading | None:
        """The newest reading."""
        return self._readings[-1] if self._readings else None

    def add(self, reading: Reading) -> None:
        """Take in a reading, newer than those before."""
        self._first = self._first or reading
        self._readings.append(reading)
        auc = reading.quality.get("window_auc", math.nan)
        if not math.isnan(auc):
            self.auc.append(auc)

    @property
    def quality(self) -> Mapping[str, float]:
        """The newest figures; empty before the first."""
        return {} if self.last is None else self.last.quality

    def rate(self) -> float:
        """Events scored a second, lately; 0 before the second reading."""
        if len(self._readings) < 2:
            return 0.0
        old, new = self._readings[0], self._readings[-1]
        return (new.events - old.events) / max(new.at - old.at, 1e-9)

    def latency(self, share: float, *, overall: bool = False) -> float:
        """The latency in seconds that this share of the events kept, lately or since the start."""
        if self._first is None:
            return math.nan
        since = self._first if overall else self._readings[0]
        return quantile(self._readings[-1].latency - since.latency, share)


def quantile(latency: NDArray[np.int64], share: float) -> float:
    """The seconds that this share of the events kept, int64[buckets] by latency.

    Inside a bucket it is interpolated, as Prometheus' ``histogram_quantile`` does; NaN where there
    are none.
    """
    count = np.cumsum(latency)
    if not count[-1]:
        return math.nan
    rank = share * int(count[-1])
    place = int(np.searchsorted(count, rank))
    if place == len(BOUNDS) - 1:
        return float(BOUNDS[-2])
    low, below = (float(BOUNDS[place - 1]), int(count[place - 1])) if place else (0.0, 0)
    return low + (float(BOUNDS[place]) - low) * (rank - below) / (int(count[place]) - below)
