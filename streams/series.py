"""Time series of the catalogue's metrics, as Prometheus collects them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, product
from threading import Lock
from time import monotonic

import numpy as np
from numpy.typing import NDArray
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from models.compiled import compiled
from streams.catalogue import CLOSED_LABELS, DECLARED_LABELS, METRICS, Metric

__all__ = ["Series"]


class Series(Collector):
    """All series of one pipeline in one worker; written by its loop, read by the scraping thread.

    Unlike the client library's own metrics it counts a whole array of observations at once, keeps
    the series of a partition only while the worker owns it, and knows no metric that the catalogue
    does not know. Label values are given without the pipeline, in the catalogue's order.

    Args:
        pipeline: value of the first label of every series.
        clock: seconds, from any origin.
        values: of labels whose values the pipeline declares, by label.
    """

    def __init__(
        self,
        pipeline: str,
        clock: Callable[[], float] = monotonic,
        values: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._values = {**dict.fromkeys(DECLARED_LABELS, ()), **CLOSED_LABELS, **(values or {})}
        self._clock = clock
        self._lock = Lock()
        self._numbers: dict[str, dict[tuple[str, ...], float]] = {
            metric.name: {} for metric in METRICS if metric.type != "histogram"
        }
        self._marks: dict[str, dict[tuple[str, ...], float]] = {
            metric.name: {} for metric in METRICS if metric.type == "gauge"
        }
        self._histograms: dict[str, dict[tuple[str, ...], _Histogram]] = {
            metric.name: {} for metric in METRICS if metric.type == "histogram"
        }

    def set(self, metric: Metric, value: float, *labels: object) -> None:
        """Set a gauge."""
        with self._lock:
            self._numbers[metric.name][self._key(labels)] = value

    def replace(self, metric: Metric, values: Mapping[tuple[str, ...], float]) -> None:
        """Set all series of a gauge by their labels; no other stays."""
        with self._lock:
            self._numbers[metric.name] = {self._key(key): it for key, it in values.items()}

    def mark(self, metric: Metric, *labels: object) -> float:
        """Set a gauge to 0 seconds, from where it counts up by itself; answers how far it was."""
        key, now = self._key(labels), self._clock()
        with self._lock:
            since = self._marks[metric.name].get(key, now)
            self._marks[metric.name][key] = now
        return now - since

    def add(self, metric: Metric, amount: float, *labels: object) -> None:
        """Raise a counter; by 0 to have it exist."""
        key = self._key(labels)
        with self._lock:
            series = self._numbers[metric.name]
            series[key] = series.get(key, 0) + amount

    def observe(self, metric: Metric, values: NDArray[np.float64], *labels: object) -> None:
        """Count float64[k] observations in a histogram; none to have it exist."""
        key = self._key(labels)
        with self._lock:
            series = self._histograms[metric.name]
            if key not in series:
                series[key] = _Histogram(metric.buckets)
            series[key].observe(values)

    def begin(self, partition: int) -> None:
        """Have every counter and histogram of a partition exist, so that a first rate is right."""
        for metric in METRICS:
            if "partition" not in metric.labels or metric.type == "gauge":
                continue
            for rest in product(*(self._values[name] for name in metric.labels[2:])):
                if metric.type == "counter":
                    self.add(metric, 0, partition, *rest)
                else:
                    self.observe(metric, np.empty(0), partition, *rest)

    def end(self, partition: int) -> None:
        """Remove every series of a partition."""
        with self._lock:
            for metric in METRICS:
                if "partition" not in metric.labels:
                    continue
                place = metric.labels.index("partition")
                for kept in (self._numbers, self._marks, self._histograms):
                    series = kept.get(metric.name, {})
                    for key in [key for key in series if key[place] == str(partition)]:
                        del series[key]

    def describe(self) -> Iterator[Family]:
        """The families without samples: what a registry checks for names taken twice."""
        yield from map(_family, METRICS)

    def collect(self) -> Iterator[Family]:
        """All families with their samples of this moment."""
        with self._lock:
            families = [self._collected(metric) for metric in METRICS]
        yield from families

    def _collected(self, metric: Metric) -> Family:
        family = _family(metric)
        if isinstance(family, HistogramMetricFamily):
            for labels, histogram in self._histograms[metric.name].items():
                family.add_metric(labels, histogram.buckets(), histogram.sum)
        elif isinstance(family, CounterMetricFamily | GaugeMetricFamily):
            for labels, value in self._numbers[metric.name].items():
                family.add_metric(labels, value)
            for labels, since in self._marks.get(metric.name, {}).items():
                family.add_metric(labels, self._clock() - since)
        return family

    def _key(self, labels: tuple[object, ...]) -> tuple[str, ...]:
        return (self._pipeline, *map(str, labels))


class _Histogram:
    __slots__ = ("_bounds", "_count", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = np.array(bounds)
        self._count: NDArray[np.int64] = np.zeros(len(bounds) + 1, np.int64)
        self.sum = 0.0

    def observe(self, values: NDArray[np.float64]) -> None:
        self.sum += _count(self._bounds, values, self._count)

    def buckets(self) -> list[tuple[str, float]]:
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        return list(zip(bounds, accumulate(self._count.tolist()), strict=True))


@compiled
def _count(
    bounds: NDArray[np.float64], values: NDArray[np.float64], count: NDArray[np.int64]
) -> float:
    """Count values in buckets, of which each holds what is at most its bound; answers their sum.

    Neighbours are mostly alike: the search begins where the one before was found.
    """
    total, place = 0.0, 0
    for row in range(len(values)):
        value = values[row]
        while place < len(bounds) and not value <= bounds[place]:
            place += 1
        while place > 0 and value <= bounds[place - 1]:
            place -= 1
        count[place] += 1
        total += value
    return total


def _family(metric: Metric) -> Family:
    labels = metric.labels
    if metric.type == "counter":
        return CounterMetricFamily(metric.name, metric.meaning, labels=labels)
    if metric.type == "gauge":
        return GaugeMetricFamily(metric.name, metric.meaning, labels=labels)
    return HistogramMetricFamily(metric.name, metric.meaning, labels=labels)
