"""What metrics cost: throughput with them and without, by turns, and by their own clock.

``python -m benchmarks.metrics_cost`` runs the same worker three ways: with an observer that does
nothing, with its metrics, and with these scraped every second. CPU-seconds are those of the
worker's process, so the answers to a scraper are among them. What a worker describes of its models
is bounded as a share of its time: less than a million events measure nothing but the first such
description.

Two runs of one worker differ by more than metrics cost. So in a fourth way, scraped as well, the
CPU's clock is read before and after whatever metrics do, in every thread: their share is told to a
tenth of a percent, and the budget is judged by it. What they do to caches it cannot see; the turns
can.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, median_low
from typing import Any

import click
from rich.console import Console

from benchmarks.machine import describe_machine
from benchmarks.measuring import BenchmarkError, Run, measure
from benchmarks.systems import SYSTEMS, System
from benchmarks.turns import by_turns
from streams.demo_process import free_port
from streams.readings import page

__all__ = ["Variant", "main", "row"]

RESULTS = Path(__file__).parent / "results" / "metrics_cost.json"
LEAST = 0.97
"""Of the events per CPU-second without metrics, those with them."""

KINDS = ("plain", "delayed")
OFF, ON, SCRAPED, TIMED = WAYS = ("off", "on", "on, scraped", "on, scraped, timed")
_SCRAPE_S = 1.0

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Variant(System):
    """The worker in one of the ways that are compared.

    Attributes:
        kind: of its pipeline.
        port: of its metrics page; 0: it has none.
        told: file for the share of its CPU that metrics took.
    """

    kind: str = "plain"
    port: int = 0
    told: str = ""

    def command(self, brokers: str, predictions: str) -> list[str]:
        """The command line that starts it."""
        metrics = OFF if self.name == OFF else ON
        return [
            *super().command(brokers, predictions),
            *(self.kind, metrics, str(self.port), self.told),
        ]


def variants(kind: str, events: int, told: Path) -> list[Variant]:
    """Without metrics, with them, with somebody who reads them, and with a look at the clock."""
    common = ("unwatched", "", events, SYSTEMS[0].packages)
    return [
        Variant(
            *(way, *common),
            kind=kind,
            port=free_port() if way in (SCRAPED, TIMED) else 0,
            told=str(told) if way == TIMED else "",
        )
        for way in WAYS
    ]


@click.command()
@click.option("--runs", default=5, show_default=True, help="of each way, taking turns")
@click.option("--partitions", default=4, show_default=True, help="of the topics")
@click.option("--events", default=1_500_000, show_default=True, help="to measure over")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="of pipeline; both")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(runs: int, partitions: int, events: int, kinds: Sequence[str], output: Path) -> None:
    """Measure what metrics cost."""
    try:
        rows = [row(kind, *_runs(kind, runs, partitions, events)) for kind in kinds or KINDS]
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from error
    for one in rows:
        for way, ratio in one["ratios"].items():
            console.print(f"{one['pipeline']}: metrics {way}: {ratio:.1%} of the runs without")
        left = 1.0 - one["share"]
        console.print(
            f"{one['pipeline']}: metrics take {one['share']:.1%} of the worker's CPU by its own "
            f"clock, which leaves {left:.1%}, budget {LEAST:.0%} "
            f"{'kept' if left >= LEAST else 'MISSED'}"
        )
    output.parent.mkdir(exist_ok=True)
    told = {"machine": describe_machine(), "versions": SYSTEMS[0].versions(), "rows": rows}
    output.write_text(json.dumps(told, indent=2) + "\n")
    console.print(f"written to {output}")


def _runs(
    kind: str, runs: int, partitions: int, events: int
) -> tuple[dict[str, list[Run]], list[float]]:
    """The runs of each way, and the shares of the CPU in those that were timed."""
    shares: list[float] = []

    def tell(line: str) -> None:
        console.print(f"{kind}, metrics: {line}")

    def watched(variant: Variant, brokers: str, partitions: int) -> Run:
        with _scraped(variant.port):
            run = measure(variant, brokers, partitions)
        if variant.told:
            shares.append(json.loads(Path(variant.told).read_text()))
        return run

    with tempfile.TemporaryDirectory() as folder:
        compared = variants(kind, events, Path(folder, "share.json"))
        return by_turns(compared, runs, partitions, tell, watched), shares


def row(kind: str, results: Mapping[str, Sequence[Run]], shares: Sequence[float]) -> dict[str, Any]:
    """What is kept of a pipeline.

    The costs, the median of each turn's ratio to none, and that of the shares by the clock.
    """
    costs = {name: [run.events_per_cpu_s for run in runs] for name, runs in results.items()}
    return {
        "pipeline": kind,
        "events_per_cpu_s": {name: round(median_low(own)) for name, own in costs.items()},
        "runs": {name: list(map(round, own)) for name, own in costs.items()},
        "ratios": {
            name: round(median(a / b for a, b in zip(own, costs[OFF], strict=True)), 4)
            for name, own in costs.items()
            if name != OFF
        },
        "share": round(median(shares), 4),
        "shares": [round(share, 4) for share in shares],
    }


@contextmanager
def _scraped(port: int) -> Iterator[None]:
    """Somebody reads the page as Prometheus would, but every second."""
    ended = threading.Event()

    def scrape() -> None:
        while not ended.wait(_SCRAPE_S):
            page(f"http://127.0.0.1:{port}/metrics")

    reader = threading.Thread(target=scrape, daemon=True)
    if port:
        reader.start()
    try:
        yield
    finally:
        ended.set()
        if port:
            reader.join()


if __name__ == "__main__":
    main()
