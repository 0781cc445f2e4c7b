"""A worker's metrics page, partition by partition."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from streams import catalogue
from streams.readings import BOUNDS, Reading, parsed

__all__ = ["Page", "by_partition", "together"]

_GROUPED = {
    catalogue.QUALITY.name: "metric",
    catalogue.MODEL.name: "measure",
    catalogue.ALERTING.name: "measure",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What a worker says of one partition.

    Attributes:
        reading: what is counted, and the figures of quality.
        lag_s: age of the newest record computed while others wait, in seconds.
        checkpoint_s: since the newest image, in seconds; NaN before the first.
        model: what the model tells of itself.
        alerting: the use of its alert budget; empty without one.
        counts: the sum of each other metric, by its name.
    """

    reading: Reading
    lag_s: float
    checkpoint_s: float
    model: Mapping[str, float]
    alerting: Mapping[str, float]
    counts: Mapping[str, float]

    @property
    def alarms(self) -> int:
        """How often drift was found."""
        return int(self.model.get("drift_alarms", 0))


@dataclass(slots=True)
class _Found:
    groups: dict[str, dict[str, float]] = field(
        default_factory=lambda: {name: {} for name in _GROUPED}
    )
    counts: dict[str, float] = field(default_factory=dict)
    below: dict[float, int] = field(default_factory=dict)


def by_partition(text: str, at: float, pipeline: str) -> dict[int, Page]:
    """The partitions on a page that are of this pipeline.

    Args:
        text: of the page.
        at: when it was read, seconds from any origin.
        pipeline: its name; what is of another is left out.

    Raises:
        NoPageError: it is no page of metrics.
    """
    with parsed():
        return _by_partition(text, at, pipeline)


def _by_partition(text: str, at: float, pipeline: str) -> dict[int, Page]:
    found: dict[int, _Found] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = sample.labels
            if labels.get("pipeline") != pipeline or "partition" not in labels:
                continue
            one = found.setdefault(int(labels["partition"]), _Found())
            if sample.name == f"{catalogue.LATENCY_SECONDS.name}_bucket":
                one.below[float(labels["le"])] = int(sample.value)
            elif sample.name in _GROUPED:
                one.groups[sample.name][labels[_GROUPED[sample.name]]] = sample.value
            else:
                one.counts[sample.name] = one.counts.get(sample.name, 0.0) + sample.value
    return {number: _page(one, at) for number, one in sorted(found.items())}


def _page(found: _Found, at: float) -> Page:
    counts = found.counts
    below = np.array([found.below.get(float(bound), 0) for bound in BOUNDS], np.int64)
    reading = Reading(
        at=at,
        partitions=1,
        events=int(counts.get(catalogue.EVENTS.name, 0)),
        learned=int(counts.get(catalogue.LEARNED.name, 0)),
        dead_letters=int(counts.get(catalogue.DEAD_LETTERS.name, 0)),
        lag=int(counts.get(catalogue.LAG_RECORDS.name, 0)),
        latency=np.diff(below, prepend=0),
        quality=found.groups[catalogue.QUALITY.name],
    )
    return Page(
        reading,
        counts.get(catalogue.LAG_SECONDS.name, math.nan),
        counts.get(catalogue.CHECKPOINT_AGE.name, math.nan),
        found.groups[catalogue.MODEL.name],
        found.groups[catalogue.ALERTING.name],
        counts,
    )


def together(pages: Collection[Page], at: float) -> Reading:
    """One reading of all; a figure of quality is the mean of theirs, each by its last labels."""
    readings = [page.reading for page in pages]
    weights = [reading.quality.get("window_labels", 0.0) for reading in readings]
    quality: dict[str, float] = {}
    for name in {name for reading in readings for name in reading.quality}:
        known = [
            (reading.quality[name], weight)
            for reading, weight in zip(readings, weights, strict=True)
            if weight and not math.isnan(reading.quality.get(name, math.nan))
        ]
        if known:
            total = sum(weight for _, weight in known)
            quality[name] = sum(value * weight for value, weight in known) / total
    quality["window_labels"] = sum(weights)
    return Reading(
        at=at,
        partitions=len(readings),
        events=sum(reading.events for reading in readings),
        learned=sum(reading.learned for reading in readings),
        dead_letters=sum(reading.dead_letters for reading in readings),
        lag=sum(reading.lag for reading in readings),
        latency=sum((reading.latency for reading in readings), np.zeros(len(BOUNDS), np.int64)),
        quality=quality,
    )
