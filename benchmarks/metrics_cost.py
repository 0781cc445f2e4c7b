"""What metrics cost: throughput with them and without, by turns.

``python -m benchmarks.metrics_cost`` runs the same worker three ways: with an observer that does
nothing, with its metrics, and with these scraped every second. CPU-seconds are those of the
worker's process, so the answers to a scraper are among them. What a worker describes of its models
is bounded as a share of its time: less than a million events measure nothing but the first such
description.
"""

from __future__ import annotations

import json
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
WAYS = ("off", "on", "on, scraped")
_SCRAPE_S = 1.0

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Variant(System):
    """The worker in one of the ways that are compared.

    Attributes:
        kind: of its pipeline.
        port: of its metrics page; 0: it has none.
    """

    kind: str = "plain"
    port: int = 0

    def command(self, brokers: str, predictions: str) -> list[str]:
        """The command line that starts it."""
        metrics = "off" if self.name == "off" else "on"
        return [*super().command(brokers, predictions), self.kind, metrics, str(self.port)]


def variants(kind: str, events: int) -> list[Variant]:
    """Without metrics, with them, and with somebody who reads them."""
    common = ("unwatched", "", events, SYSTEMS[0].packages)
    return [
        Variant(way, *common, kind=kind, port=free_port() if way == WAYS[-1] else 0) for way in WAYS
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
        rows = [row(kind, _runs(kind, runs, partitions, events)) for kind in kinds or KINDS]
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from error
    for one in rows:
        for way, ratio in one["ratios"].items():
            kept = "kept" if ratio >= LEAST else "MISSED"
            console.print(
                f"{one['pipeline']}: metrics {way}: {ratio:.1%} of the throughput without, "
                f"budget {LEAST:.0%} {kept}"
            )
    output.parent.mkdir(exist_ok=True)
    told = {"machine": describe_machine(), "versions": SYSTEMS[0].versions(), "rows": rows}
    output.write_text(json.dumps(told, indent=2) + "\n")
    console.print(f"written to {output}")


def _runs(kind: str, runs: int, partitions: int, events: int) -> dict[str, list[Run]]:
    def tell(line: str) -> None:
        console.print(f"{kind}, metrics: {line}")

    return by_turns(variants(kind, events), runs, partitions, tell, _watched)


def _watched(variant: Variant, brokers: str, partitions: int) -> Run:
    with _scraped(variant.port):
        return measure(variant, brokers, partitions)


def row(kind: str, results: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    """What is kept of a pipeline: the costs, and the median of each turn's ratio to none."""
    costs = {name: [run.events_per_cpu_s for run in runs] for name, runs in results.items()}
    return {
        "pipeline": kind,
        "events_per_cpu_s": {name: round(median_low(own)) for name, own in costs.items()},
        "runs": {name: list(map(round, own)) for name, own in costs.items()},
        "ratios": {
            name: round(median(a / b for a, b in zip(own, costs["off"], strict=True)), 4)
            for name, own in costs.items()
            if name != "off"
        },
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
