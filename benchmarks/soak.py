"""A worker at half of its maximum rate for as long as one likes: is everything flat?

``python -m benchmarks.soak --minutes 30`` starts a broker and a worker, finds the maximum rate,
sends at half of it, and looks every few seconds: resident memory, file descriptors, exported
series, lag, and the latencies that the worker itself counts. The first fifth of the time is
warm-up; after that the last third is held against the first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import click
import numpy as np
import psutil
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.latency import most_rate
from benchmarks.machine import describe_machine
from benchmarks.measuring import BenchmarkError
from benchmarks.payments import fill
from benchmarks.processes import working
from benchmarks.systems import PAYMENTS, SYSTEMS
from benchmarks.traffic import send
from streams.broker import Broker
from streams.demo_process import free_port
from streams.readings import page, quantile, read
from streams.topics import TopicSpec, ensure

__all__ = ["BOUNDS", "Bound", "Sample", "main", "verdict"]

RESULTS = Path(__file__).parent / "results" / "soak.json"
_BACKLOG = 1_500_000
_SAMPLES, _LEAST_S = 360, 1.0
_WARM = 0.2
_MIB = 1 << 20
_PATIENCE_S, _LOOK_S = 120.0, 0.5
_KEPT = {"retention.bytes": str(256 * _MIB), "segment.bytes": str(32 * _MIB)}
"""Of each partition: half an hour at full rate is more than a disk should have to hold."""
_BROKER = {"log.retention.check.interval.ms": "5000", "log.segment.delete.delay.ms": "1000"}

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Sample:
    """A worker at one moment.

    Attributes:
        at_s: since traffic began.
        rss_mib: resident memory.
        fds: open file descriptors.
        series: samples on its metrics page.
        lag: records that wait.
        rate: events a second since the sample before.
        p50_ms: latency of the events since then, as the worker counts it.
        p99_ms: likewise.
    """

    at_s: float
    rss_mib: float
    fds: int
    series: int
    lag: int
    rate: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Bound:
    """What still counts as flat: the median may rise by a share and by an amount, not by more.

    Attributes:
        share: of the median at first.
        amount: in the figure's own unit.
    """

    share: float
    amount: float


BOUNDS: Mapping[str, Bound] = {
    "rss_mib": Bound(0.02, 4.0),
    "fds": Bound(0.0, 2.0),
    "series": Bound(0.0, 0.0),
    "lag": Bound(0.5, 20_000.0),
    "p50_ms": Bound(0.25, 10.0),
    "p99_ms": Bound(0.5, 50.0),
}
"""By figure of a sample. A share of latencies is the machine's: others run on it too."""


@click.command()
@click.option("--minutes", default=30.0, show_default=True, help="of traffic")
@click.option("--partitions", default=4, show_default=True, help="of the topics")
@click.option("--rate", type=float, help="events/s; half of the maximum when not given")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(minutes: float, partitions: int, rate: float | None, output: Path) -> None:
    """See whether a worker stays as it is."""
    try:
        told = _soak(60 * minutes, partitions, rate)
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from error
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(told, indent=2) + "\n")
    for name, one in told["verdict"].items():
        console.print(
            f"{name:>8}  {one['first']:>10,.1f} at first, {one['last']:>10,.1f} at last: "
            f"{'flat' if one['flat'] else 'NOT FLAT'}"
        )
    console.print(f"{'flat' if told['flat'] else 'NOT FLAT'}; written to {output}")


def verdict(samples: Sequence[Sample]) -> dict[str, dict[str, Any]]:
    """Of each figure the medians of the first and the last third after the warm-up, and whether
    the last is within its bound of the first.

    Raises:
        BenchmarkError: there are too few samples to say.
    """
    end = samples[-1].at_s if samples else 0.0
    kept = [sample for sample in samples if sample.at_s >= _WARM * end]
    third = len(kept) // 3
    if not third:
        raise BenchmarkError(f"{len(samples)} samples are too few: let it run for longer")
    found = {}
    for name, bound in BOUNDS.items():
        first = median(getattr(sample, name) for sample in kept[:third])
        last = median(getattr(sample, name) for sample in kept[-third:])
        flat = last <= first * (1 + bound.share) + bound.amount
        found[name] = {"first": round(first, 2), "last": round(last, 2), "flat": flat}
    return found


def _soak(seconds: float, partitions: int, rate: float | None) -> dict[str, Any]:
    predictions = f"soak-{uuid4().hex[:8]}.predictions"
    with Broker(heap="1g", settings=_BROKER) as broker:
        specs = [TopicSpec(name, partitions, configs=_KEPT) for name in (PAYMENTS, predictions)]
        ensure(broker.bootstrap, specs)
        backlog = 0
        if rate is None:
            backlog = _BACKLOG
            fill(broker.bootstrap, PAYMENTS, _BACKLOG)
            rate = most_rate(broker.bootstrap, partitions) / 2
        console.print(f"{rate:,.0f} events/s for {seconds / 60:g} minutes")
        with _worker(broker.bootstrap, predictions, backlog) as (worker, url):
            context = get_context("spawn")
            sender = context.Process(
                target=send, args=(broker.bootstrap, PAYMENTS, rate, seconds), daemon=True
            )
            sender.start()
            samples = list(_watched(worker, url, seconds))
            sender.join()
    found = verdict(samples)
    return {
        "machine": describe_machine(),
        "versions": SYSTEMS[0].versions(),
        "minutes": seconds / 60,
        "rate": round(rate),
        "flat": all(one["flat"] for one in found.values()),
        "verdict": found,
        "samples": [asdict(sample) for sample in samples],
    }


def _watched(worker: psutil.Popen, url: str, seconds: float) -> Iterator[Sample]:
    began = before_at = time.monotonic()
    before = read(page(url) or "", began)
    pause = max(_LEAST_S, seconds / _SAMPLES)
    while (now := time.monotonic()) - began < seconds:
        time.sleep(pause)
        text, now = page(url), time.monotonic()
        if worker.poll() is not None or text is None:
            raise BenchmarkError(f"the worker ended with {worker.poll()}, or serves no metrics")
        reading = read(text, now)
        latency = reading.latency - before.latency
        sample = Sample(
            round(now - began, 1),
            round(worker.memory_info().rss / _MIB, 1),
            worker.num_fds(),
            sum(not line.startswith("#") for line in text.splitlines()),
            reading.lag,
            round((reading.events - before.events) / (now - before_at), 1),
            *(_milliseconds(latency, share) for share in (0.5, 0.99)),
        )
        yield sample
        before, before_at = reading, now


def _milliseconds(latency: NDArray[np.int64], share: float) -> float:
    found = quantile(latency, share)
    return 0.0 if np.isnan(found) else round(1000 * found, 2)


@contextmanager
def _worker(brokers: str, predictions: str, backlog: int) -> Iterator[tuple[psutil.Popen, str]]:
    """A worker that has scored what was there before, and where it serves its metrics."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    module = [SYSTEMS[0].python, "-m", "benchmarks.systems.unwatched"]
    command = [*module, brokers, predictions, "plain", "on", str(port)]
    with working(command) as process:
        deadline = time.monotonic() + _PATIENCE_S
        while not _keeps_up(url, backlog):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchmarkError("the worker did not get ready")
            time.sleep(_LOOK_S)
        yield process, url


def _keeps_up(url: str, backlog: int) -> bool:
    text = page(url)
    reading = None if text is None else read(text, 0.0)
    return reading is not None and reading.partitions > 0 and reading.events >= backlog


if __name__ == "__main__":
    main()
