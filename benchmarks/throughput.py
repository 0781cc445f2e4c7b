"""Events per CPU-second, Kafka to Kafka, beside what one would build with River otherwise.

``python -m benchmarks.throughput`` starts a broker, fills one topic, and lets each system score,
learn and publish in turn, several times over. Times differ between machines, and on one machine
between hours: the ratios of one run are what counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median_low
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.environments import UnavailableError, prepared
from benchmarks.machine import describe_machine
from benchmarks.measuring import BenchmarkError, Run, measure
from benchmarks.payments import fill
from benchmarks.systems import PAYMENTS, SYSTEMS, System
from streams.broker import Broker
from streams.topics import TopicSpec, ensure

__all__ = ["main"]

RESULTS = Path(__file__).parent / "results" / "throughput.json"
BUDGETS = {
    "confluent-kafka + River": 5,
    "Quix Streams + River": 10,
    "Bytewax + River": 10,
    "plain Faust + River": 110,
}
"""How many times their events per CPU-second ours are to be, at the least."""

_HEADROOM = 1.5  # a system is measured while there is still more to read

console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option("--runs", default=5, show_default=True, help="of each system, taking turns")
@click.option("--partitions", default=4, show_default=True, help="of the topic")
@click.option("--scale", default=1.0, show_default=True, help="of the number of events")
@click.option("--only", multiple=True, help="part of a system's name; several times for several")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help=f"by default {RESULTS.name} beside this file, unless --only is given",
)
def main(
    runs: int, partitions: int, scale: float, only: Sequence[str], output: Path | None
) -> None:
    """Measure what an event costs, from Kafka to Kafka."""
    chosen = [
        system.scaled(scale)
        for system in SYSTEMS
        if not only or any(part.lower() in system.name.lower() for part in only)
    ]
    systems, left_out = installed(chosen)
    try:
        results = _measure_all(systems, runs, partitions)
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from error
    rows = [row(system, results[system]) for system in systems]
    console.print(table(rows))
    for line in [*ratios(rows), *left_out]:
        console.print(line)
    if output or not only:
        output = output or RESULTS
        output.parent.mkdir(exist_ok=True)
        output.write_text(json.dumps(rows, indent=2) + "\n")
        console.print(f"written to {output}")


def installed(systems: Sequence[System]) -> tuple[Sequence[System], Sequence[str]]:
    """The systems that can run here, and a line about each that cannot."""
    ready, left_out = [], []
    for system in systems:
        try:
            ready.append(prepared(system, console))
        except UnavailableError as error:
            left_out.append(f"LEFT OUT: {system.name}: {error}")
            console.print(left_out[-1])
    return ready, left_out


def _measure_all(
    systems: Sequence[System], runs: int, partitions: int
) -> Mapping[System, Sequence[Run]]:
    results: dict[System, list[Run]] = {system: [] for system in systems}
    with Broker(heap="1g") as broker:
        ensure(broker.bootstrap, [TopicSpec(PAYMENTS, partitions)])
        events = int(_HEADROOM * max(system.events for system in systems))
        size = fill(broker.bootstrap, PAYMENTS, events)
        console.print(f"{events:,} payments of {size:.0f} bytes in {partitions} partitions")
        for number in range(runs):
            for system in systems:
                run = measure(system, broker.bootstrap, partitions)
                results[system].append(run)
                cost = f"{run.events_per_cpu_s:>9,.0f} events/CPU-s"
                console.print(f"run {number + 1}  {system.name:<30}{cost}")
    return results


def row(system: System, runs: Sequence[Run]) -> dict[str, Any]:
    """What is kept of a system: its median run, and all of them below it."""
    costs = [run.events_per_cpu_s for run in runs]
    middle = next(run for run in runs if run.events_per_cpu_s == median_low(costs))
    return {
        "system": system.name,
        "delivery": system.delivery,
        **_told(middle),
        "lowest": round(min(costs)),
        "highest": round(max(costs)),
        "runs": [_told(run) for run in runs],
        "versions": system.versions(),
        "machine": describe_machine(),
    }


def _told(run: Run) -> dict[str, Any]:
    return {
        "events": run.events,
        "wall_s": round(run.wall_s, 3),
        "cpu_s": round(run.cpu_s, 3),
        "events_per_cpu_s": round(run.events_per_cpu_s),
        "predictions_read_back": run.predictions_read_back,
    }


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows for people."""
    shown = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("system", "delivery"):
        shown.add_column(name, no_wrap=True)
    for name in ("events/CPU-s", "lowest – highest", "µs/event"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in rows:
        shown.add_row(
            one["system"],
            one["delivery"],
            f"{one['events_per_cpu_s']:,}",
            f"{one['lowest']:,} – {one['highest']:,}",
            f"{1e6 / one['events_per_cpu_s']:.1f}",
        )
    return shown


def ratios(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many times the others the first system is, run against run of the same turn.

    The median of the turns is what a budget is held against.
    """
    ours, *others = rows
    lines = []
    for other in others:
        pairs = zip(ours["runs"], other["runs"], strict=True)
        times = sorted(a["events_per_cpu_s"] / b["events_per_cpu_s"] for a, b in pairs)
        middle = median_low(times)
        lines.append(
            f"{ours['system']} is {middle:.1f} × {other['system']} "
            f"({times[0]:.1f} – {times[-1]:.1f}){_verdict(ours, other, middle)}"
        )
    return lines


def _verdict(ours: Mapping[str, Any], other: Mapping[str, Any], times: float) -> str:
    least = BUDGETS.get(other["system"])
    if least is None or ours["system"] != SYSTEMS[0].name:
        return ""
    return f", budget {least} ×: {'met' if times >= least else 'MISSED'}"


if __name__ == "__main__":
    main()
