"""How many series workers export while partitions come and go.

``python -m benchmarks.cardinality`` simulates an hour: 64 partitions among four workers that share
them anew each minute, and all that can be told of a partition is told. What is counted is what
Prometheus would read of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

import click
import numpy as np
from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.table import Table

from models.history import History
from models.quality import Quality
from streams.catalogue import CLOSED_LABELS
from streams.observer import PrometheusObserver

__all__ = ["Minute", "hour", "told"]

_DECLARED = {"decision": ("false", "true"), "rule": ("huge", "abroad")}
_FIGURES = sorted(Quality("binary", measurement=History("binary", {}, per_day=9)).summary())
_MODEL = ("learned", "skipped", "weights", "norm", "drift_evidence", "drift_alarms", "background")
_ALERTING = ("today", "budget", "threshold", "version")
_SEGMENTS = 22
"""Of a field: twenty values, the others, and those that are missing."""

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Minute:
    """What there is to scrape at the end of a minute.

    Attributes:
        number: of it.
        series: samples of each worker.
        owned: partitions of each worker.
        ever: different series that there have been up to now.
    """

    number: int
    series: list[int]
    owned: list[int]
    ever: int


def told(observer: PrometheusObserver, partition: int, draw: Random) -> None:
    """Every hook of a partition, with every value that its labels can have."""

    def some(names: tuple[str, ...]) -> Mapping[str, int]:
        return {name: draw.randrange(9) for name in names}

    observer.on_slice(partition, 4_096, 4_096, 0.01)
    observer.on_labels(partition, some(CLOSED_LABELS["outcome"]), 90)  # type: ignore[arg-type]
    observer.on_decisions(partition, some(_DECLARED["decision"]), some(_DECLARED["rule"]))
    observer.on_dead_letters(partition, some(CLOSED_LABELS["reason"]))
    observer.on_dropped(partition, 1)
    observer.on_one_by_one(partition, 1)
    observer.on_latency(partition, np.array([0.01, 0.2]))
    observer.on_commit(partition, 0.1)
    observer.on_checkpoint(partition, 1 << 20, 0.2)
    observer.on_checkpoint_failed(partition)
    observer.on_recovery(partition, 9)
    observer.on_lag(partition, 9, 0.5)
    observer.on_pending(partition, 9)
    observer.on_quality(partition, dict.fromkeys(_FIGURES, draw.random()))
    observer.on_model(partition, dict.fromkeys(_MODEL, draw.random()))
    observer.on_alerting(partition, dict.fromkeys(_ALERTING, draw.random()))


def hour(
    partitions: int = 64, workers: int = 4, minutes: int = 60, seed: int = 7
) -> Iterator[Minute]:
    """Minute by minute; each begins with the group's partitions shared out at random."""
    draw = Random(seed)
    observers = [
        PrometheusObserver("fraud", CollectorRegistry(), "fraud-1a2b3c4d", values=_DECLARED)
        for _ in range(workers)
    ]
    owned: list[set[int]] = [set() for _ in range(workers)]
    ever: set[tuple[str, ...]] = set()
    for number in range(1, minutes + 1):
        shares: list[set[int]] = [set() for _ in range(workers)]
        for partition in range(partitions):
            draw.choice(shares).add(partition)
        for observer, before, after in zip(observers, owned, shares, strict=True):
            observer.on_revoked(sorted(before - after))
            observer.on_assigned(sorted(after - before))
            for partition in sorted(after):
                told(observer, partition, draw)
            observer.on_worker_quality(dict.fromkeys(_FIGURES, 0.5))
            # Other values than before, as if the worker's partitions had other countries.
            first = draw.randrange(1_000)
            observer.on_worker_segments(
                {("country", f"c{first + n}"): {"auc": 0.5} for n in range(_SEGMENTS)}
            )
        owned = shares
        scraped = [_series(observer) for observer in observers]
        for worker, series in enumerate(scraped):
            ever |= {(str(worker), *one) for one in series}
        yield Minute(number, list(map(len, scraped)), list(map(len, owned)), len(ever))


def _series(observer: PrometheusObserver) -> set[tuple[str, ...]]:
    return {
        (sample.name, *map(str, sorted(sample.labels.items())))
        for family in observer.registry.collect()
        for sample in family.samples
    }


@click.command()
@click.option("--partitions", default=64, show_default=True)
@click.option("--workers", default=4, show_default=True)
@click.option("--minutes", default=60, show_default=True)
def main(partitions: int, workers: int, minutes: int) -> None:
    """Count the series of an hour of rebalances."""
    shown = Table(box=None)
    for name in ("minute", "partitions", "series of the workers", "together", "ever"):
        shown.add_column(name, justify="right")
    found = list(hour(partitions, workers, minutes))
    for one in found:
        if one.number in (1, minutes) or one.number % 10 == 0:
            shown.add_row(
                str(one.number),
                " ".join(map(str, one.owned)),
                " ".join(f"{count:,}" for count in one.series),
                f"{sum(one.series):,}",
                f"{one.ever:,}",
            )
    console.print(shown)
    first, most = sum(found[0].series), max(sum(one.series) for one in found)
    console.print(f"together {first:,} after the first minute, {most:,} at most")


if __name__ == "__main__":
    main()
