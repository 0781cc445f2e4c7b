"""What the guarantees cost, and what they give: throughput, recovery, images.

``python -m benchmarks.guarantees`` runs the same worker with its guarantees and without them, by
turns; kills one that has an old image, and sees how long the next takes to be where it was; and
writes images of a large state while a loop goes on. Each part by itself with ``--only``: what it
measured takes the place of what the file of results had of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import Any

import click
from rich.console import Console

from benchmarks.images import images
from benchmarks.machine import describe_machine
from benchmarks.measuring import BenchmarkError, Run
from benchmarks.recoveries import LIVE_RATE, recoveries
from benchmarks.systems import SYSTEMS, System
from benchmarks.turns import by_turns

__all__ = ["Variant", "keep", "main", "throughput", "throughput_lines"]

RESULTS = Path(__file__).parent / "results" / "guarantees.json"
LEAST = 0.9
"""Of the events per CPU-second without guarantees, those with them."""
MOST_S, LEAST_TIMES = 10.0, 20.0
"""Of a recovery: seconds, and how many times faster than live traffic it is to be."""

KINDS = ("plain", "delayed")
PARTS = ("throughput", "recovery", "images")

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Variant(System):
    """The worker in one of the ways that are compared.

    Attributes:
        options: of its program, behind brokers and topic.
    """

    options: tuple[str, ...] = ()

    def command(self, brokers: str, predictions: str) -> list[str]:
        """The command line that starts it."""
        return [*super().command(brokers, predictions), *self.options]


def variants(kind: str, events: int) -> list[Variant]:
    """Without guarantees, with them, and with an image every five seconds."""
    ways = {
        "off": ("off",),
        "on": ("on",),
        "on, image every 5 s": ("on", "checkpoint_interval_s=5"),
    }
    common = ("unguarded", "", events, SYSTEMS[0].packages)
    return [Variant(name, *common, options=(kind, *way)) for name, way in ways.items()]


@click.command()
@click.option("--runs", default=3, show_default=True, help="of everything")
@click.option("--partitions", default=4, show_default=True, help="of the topics, for throughput")
@click.option("--events", default=1_500_000, show_default=True, help="to measure throughput over")
@click.option("--replayed", default=1_000_000, show_default=True, help="events since the image")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="of pipeline; both")
@click.option("--only", "parts", multiple=True, type=click.Choice(PARTS), help="this part; all")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(
    runs: int,
    partitions: int,
    events: int,
    replayed: int,
    kinds: Sequence[str],
    parts: Sequence[str],
    output: Path,
) -> None:
    """Measure what the guarantees cost."""
    try:
        for part in parts or PARTS:
            if part == "throughput":
                for kind in kinds or KINDS:
                    row = throughput(kind, variants(kind, events), runs, partitions)
                    keep(output, f"{part}, {kind}", row)
            elif part == "recovery":
                row = recovery_row(recoveries(runs, replayed, console.print))
                console.print(recovery_line(row))
                keep(output, part, row)
            else:
                keep(output, part, asyncio.run(images(runs, console.print)))
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from error
    console.print(f"written to {output}")


def keep(output: Path, name: str, row: Mapping[str, Any]) -> None:
    """Put what was measured into the file, in place of what was measured before."""
    told = json.loads(output.read_text()) if output.exists() else {}
    told[name] = {**row, "versions": SYSTEMS[0].versions(), "machine": describe_machine()}
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(told, indent=2) + "\n")


def throughput(
    kind: str, compared: Sequence[Variant], runs: int, partitions: int
) -> dict[str, Any]:
    """What is kept of variants that run by turns, on payments and their verdicts."""
    results = by_turns(compared, runs, partitions, lambda line: console.print(f"{kind} {line}"))
    row = throughput_row(kind, results)
    for line in throughput_lines(row):
        console.print(line)
    return row


def throughput_row(kind: str, results: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    """What is kept of a pipeline: every run, and of each turn the ratios to the one without."""
    costs = {name: [run.events_per_cpu_s for run in runs] for name, runs in results.items()}
    off = costs["off"]
    return {
        "pipeline": kind,
        "ways": {
            name: {
                "events_per_cpu_s": spread(each, 0),
                "of_off": spread([a / b for a, b in zip(each, off, strict=True)], 3),
                "runs": [round(one) for one in each],
            }
            for name, each in costs.items()
        },
    }


def throughput_lines(row: Mapping[str, Any]) -> list[str]:
    """For each way that costs something, how much of the speed is left."""
    lines = []
    for name, way in row["ways"].items():
        if name != "off":
            middle, low, high = way["of_off"].values()
            verdict = "met" if middle >= LEAST else "MISSED"
            lines.append(
                f"{row['pipeline']}, {name}: {middle:.1%} of off ({low:.1%} – {high:.1%}), "
                f"budget ≥ {LEAST:.0%}: {verdict}"
            )
    return lines


def recovery_row(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is kept of recoveries: the spread of each figure, and all of them."""
    figures = [name for name, value in runs[0].items() if isinstance(value, float)]
    return {
        "records": min(run["records"] for run in runs),
        "live_rate": LIVE_RATE,
        "state_equal": all(run["state_equal"] for run in runs),
        **{name: spread([run[name] for run in runs], 2) for name in figures},
        "runs": list(runs),
    }


def recovery_line(row: Mapping[str, Any]) -> str:
    """The figures that have a budget."""
    took, times = row["recovery_s"]["median"], row["times_live"]["median"]
    return (
        f"recovery of {row['records']:,} records: {took:.1f} s, budget < {MOST_S:g} s: "
        f"{'met' if took < MOST_S else 'MISSED'}; {times:.0f} × live traffic of {LIVE_RATE:,} "
        f"records/s, budget ≥ {LEAST_TIMES:g} ×: {'met' if times >= LEAST_TIMES else 'MISSED'}; "
        f"predictions equal to the bit: {'yes' if row['state_equal'] else 'NO'}"
    )


def spread(values: Sequence[float], digits: int) -> dict[str, float]:
    """Median, least and most."""
    figures = {"median": median_low(values), "lowest": min(values), "highest": max(values)}
    return {name: round(value, digits) for name, value in figures.items()}


if __name__ == "__main__":
    main()
