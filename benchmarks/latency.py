"""How long a prediction takes to be readable, and what a worker costs while little comes.

``python -m benchmarks.latency`` starts a broker and a worker, and sends events at several rates.
The same client reads events and predictions: how long an event takes to reach it is the client's
own floor, and what a prediction takes beyond that is added by the worker.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import numpy as np
import psutil  # comes with jgo
from confluent_kafka import Consumer, KafkaException, TopicPartition
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine
from benchmarks.measuring import BenchmarkError, cpu_seconds, measure
from benchmarks.payments import fill
from benchmarks.processes import working
from benchmarks.systems import PAYMENTS, SYSTEMS
from benchmarks.traffic import Arrivals, Readers, ends, send
from streams.broker import Broker
from streams.topics import TopicSpec, ensure

__all__ = ["main", "most_rate"]

RESULTS = Path(__file__).parent / "results" / "latency.json"
THALWEG = SYSTEMS[0]
RATES = (0.0, 10.0, 500.0, 5_000.0)
"""Events a second, besides shares of the most the worker can do."""

SHARES = {"eighth of max": 1 / 8, "quarter of max": 1 / 4, "half of max": 1 / 2}
HALF = "half of max"
_STEADY_MS = 50.0
"""A client whose own floor has a higher p99 measures that the machine is full, not the worker."""

FLOOR, UNCOMMITTED, COMMITTED = "floor", "read uncommitted", "read committed"
EVERY = "every prediction"
"""Read when all is over, of all partitions, to count them."""
_PERCENTILES = (50, 90, 99, 100)
_MAX_OVER, _WARM_UP = 1_500_000, 100_000
_WARM_RATE, _WARM_S = 5_000.0, 45.0
_SETTLE_S, _PATIENCE_S = 2.0, 120.0

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Budget:
    """A figure that is not to be exceeded.

    Attributes:
        load: at which load.
        figure: path to it in the row.
        most: milliseconds, or share of a core.
    """

    load: str
    figure: tuple[str, ...]
    most: float


BUDGETS = (
    Budget(HALF, ("added_ms", UNCOMMITTED, "p50"), 10.0),
    Budget(HALF, ("added_ms", UNCOMMITTED, "p99"), 50.0),
    Budget(HALF, ("added_ms", COMMITTED, "p99"), 250.0),
    Budget("10/s", ("added_ms", UNCOMMITTED, "p99"), 25.0),
    Budget("500/s", ("worker_cores",), 0.12),
    Budget("idle", ("worker_cores",), 0.02),
)


@dataclass(frozen=True, slots=True)
class Phase:
    """A time of even load.

    Attributes:
        load: its name.
        rate: events a second.
        events: how many were sent.
        began: ns since the epoch.
        ended: likewise; with the last event sent.
        worker_cores: CPU-seconds a second of the worker, all threads, user and system.
        broker_cores: likewise of the broker.
    """

    load: str
    rate: float
    events: int
    began: int
    ended: int
    worker_cores: float
    broker_cores: float


@click.command()
@click.option("--seconds", default=15.0, show_default=True, help="that each load lasts")
@click.option("--partitions", default=4, show_default=True, help="of the topics")
@click.option("--max", "most", type=float, help="events/s; measured when not given")
@click.option("--rate", "rates", multiple=True, type=float, help="instead of the usual ones")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(
    seconds: float, partitions: int, most: float | None, rates: Sequence[float], output: Path
) -> None:
    """Measure latency, and the CPU that low load costs."""
    try:
        rows = _measure(seconds, partitions, most, rates)
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from error
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(rows, indent=2) + "\n")
    console.print(table(rows))
    console.print(budget_table(rows))
    console.print(f"written to {output}")


def _measure(
    seconds: float, partitions: int, most: float | None, rates: Sequence[float]
) -> list[dict[str, Any]]:
    with Broker(heap="1g") as broker:
        brokers = broker.bootstrap
        predictions = f"latency-{uuid4().hex[:8]}.predictions"
        ensure(brokers, [TopicSpec(PAYMENTS, partitions), TopicSpec(predictions, partitions)])
        backlog = _WARM_UP if most else _MAX_OVER
        fill(brokers, PAYMENTS, backlog)
        most = most or most_rate(brokers, partitions)
        console.print(f"at most {most:,.0f} events/s")
        with working(THALWEG.command(brokers, predictions)) as worker:
            _wait_for(worker, brokers, predictions, partitions, backlog)
            # In its first half a minute a broker spends most of its time compiling itself.
            send(brokers, PAYMENTS, _WARM_RATE, _WARM_S)
            written = ends(brokers, predictions)
            # Reading costs cores that the worker needs: latency is read of one partition alone.
            events, answers = ({0: ends(brokers, name)[0]} for name in (PAYMENTS, predictions))
            readers = Readers(
                brokers,
                {
                    FLOOR: (PAYMENTS, "read_uncommitted", events),
                    UNCOMMITTED: (predictions, "read_uncommitted", answers),
                    COMMITTED: (predictions, "read_committed", answers),
                },
            )
            processes = worker, psutil.Process(broker.pid)
            loads = {_name(rate): rate for rate in rates or RATES}
            if not rates:
                loads |= {name: most * share for name, share in SHARES.items()}
            phases = [_phase(*load, brokers, seconds, *processes) for load in loads.items()]
            arrivals = readers.stop()
        every = Readers(brokers, {EVERY: (predictions, "read_committed", written)}).stop()
        arrivals = {**arrivals, **every}
    return [row(phase, arrivals, most) for phase in phases]


def _name(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate else "idle"


def most_rate(brokers: str, partitions: int) -> float:
    """Events a second while there is a backlog."""
    run = measure(THALWEG.scaled(0.6 * _MAX_OVER / THALWEG.events), brokers, partitions)
    return run.events / run.wall_s


def _wait_for(worker: psutil.Popen, brokers: str, topic: str, partitions: int, events: int) -> None:
    """Wait until so many predictions were committed and no more come: everything is compiled."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "latency"})
    places = [TopicPartition(topic, number) for number in range(partitions)]
    deadline = time.monotonic() + _PATIENCE_S
    before, ends = None, [0]
    while sum(ends) < events or ends != before:
        if worker.poll() is not None:
            raise BenchmarkError(f"the worker ended with {worker.returncode}")
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{sum(ends)} predictions after {_PATIENCE_S:g} s")
        time.sleep(_SETTLE_S)
        before = ends
        with suppress(KafkaException):  # a new topic has no leader for a while
            ends = [consumer.get_watermark_offsets(place, 10.0)[1] for place in places]
    consumer.close()


def _phase(
    load: str,
    rate: float,
    brokers: str,
    seconds: float,
    worker: psutil.Process,
    broker: psutil.Process,
) -> Phase:
    time.sleep(_SETTLE_S)
    began, before = time.time_ns(), (cpu_seconds(worker), cpu_seconds(broker))
    if rate:
        events = send(brokers, PAYMENTS, rate, seconds)
    else:
        events = 0
        time.sleep(seconds)
    ended, after = time.time_ns(), (cpu_seconds(worker), cpu_seconds(broker))
    cores = [(b - a) * 1e9 / (ended - began) for a, b in zip(before, after, strict=True)]
    console.print(f"{load:>12}  {events:>9,} events, worker {cores[0]:.1%} of a core")
    return Phase(load, rate, events, began, ended, *cores)


def row(phase: Phase, arrivals: Mapping[str, Arrivals], most: float) -> dict[str, Any]:
    """What is kept of a load.

    Raises:
        BenchmarkError: a reader missed an event or a prediction, or saw one twice.
    """
    told: dict[str, Any] = {
        "load": phase.load,
        "rate": round(phase.rate),
        "max_rate": round(most),
        "events": phase.events,
        "seconds": round((phase.ended - phase.began) / 1e9, 1),
        "worker_cores": round(phase.worker_cores, 4),
        "broker_cores": round(phase.broker_cores, 4),
    }
    if phase.events:
        _check(phase, arrivals)
        seen = {
            name: percentiles(_delays(phase, arrivals[name]))
            for name in (FLOOR, UNCOMMITTED, COMMITTED)
        }
        floor = seen[FLOOR]
        told["latency_ms"] = seen
        told["added_ms"] = {
            name: {which: round(value - floor[which], 2) for which, value in seen[name].items()}
            for name in (UNCOMMITTED, COMMITTED)
        }
    return {**told, "versions": THALWEG.versions(), "machine": describe_machine()}


def _of(phase: Phase, arrivals: Arrivals) -> Arrivals:
    """The arrivals of what was sent in the time of a load."""
    return arrivals[:, (phase.began <= arrivals[0]) & (arrivals[0] <= phase.ended)]


def _delays(phase: Phase, arrivals: Arrivals) -> NDArray[np.float64]:
    """Milliseconds from sent to read."""
    sent, read = _of(phase, arrivals)
    return (read - sent) / 1e6


def _check(phase: Phase, arrivals: Mapping[str, Arrivals]) -> None:
    """Every event has one prediction, and each reader saw all there is of its partition."""
    sampled = len(_of(phase, arrivals[FLOOR])[0])
    for reader, pair in arrivals.items():
        sent = _of(phase, pair)[0]
        once, due = len(np.unique(sent)), phase.events if reader == EVERY else sampled
        if not once == len(sent) == due:
            raise BenchmarkError(
                f"{phase.load}, {reader}: {due:,} events were sent, {once:,} of them were read, "
                f"{len(sent) - once:,} more than once"
            )


def percentiles(delays: NDArray[np.float64]) -> dict[str, float]:
    """The percentiles that are told, p100 as max."""
    values = np.percentile(delays, _PERCENTILES)
    names = (f"p{p}" if p < 100 else "max" for p in _PERCENTILES)
    return {name: round(float(value), 2) for name, value in zip(names, values, strict=True)}


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows for people: of every reader its latency, of predictions what was added."""
    shown = Table(box=None, padding=(0, 1, 0, 0), title="milliseconds from sent to readable")
    for name in ("load", "reader"):
        shown.add_column(name, no_wrap=True)
    for name in ("p50", "p90", "p99", "max", "added p50", "p90", "p99", "worker", "broker"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in rows:
        cores = (f"{one['worker_cores']:.1%}", f"{one['broker_cores']:.1%}")
        if "latency_ms" not in one:
            shown.add_row(one["load"], *[""] * 8, *cores)
        for name, values in one.get("latency_ms", {}).items():
            added = list(one["added_ms"].get(name, {}).values())[:3]
            shown.add_row(
                *((one["load"], FLOOR) if name == FLOOR else ("", name)),
                *(f"{value:,.1f}" for value in values.values()),
                *(f"{value:,.1f}" for value in added or []),
                *([""] * 3 + list(cores) if name == FLOOR else []),
            )
    return shown


def highest_steady(rows: Sequence[Mapping[str, Any]]) -> str:
    """The highest share of the maximum at which the client that measures kept its own floor.

    Producer, broker and readers need cores too: where there are two for all of them, half of what
    the worker can do is more than the others can.
    """
    steady = [one["load"] for one in rows if one["load"] in SHARES and _floor(one) < _STEADY_MS]
    return str(steady[-1]) if steady else HALF


def _floor(one: Mapping[str, Any]) -> float:
    seen = one.get("latency_ms", {})
    return float(seen[FLOOR]["p99"]) if FLOOR in seen else 0.0


def budget_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Each budget of the loads that were measured, and whether it is kept."""
    shown = Table(box=None, padding=(0, 1, 0, 0), title="budgets")
    for name in ("load", "figure"):
        shown.add_column(name, no_wrap=True)
    for name in ("budget", "measured", ""):
        shown.add_column(name, justify="right", no_wrap=True)
    steady = highest_steady(rows)
    for budget in BUDGETS:
        load = steady if budget.load == HALF else budget.load
        for one in rows:
            if one["load"] == load:
                value = figure(one, budget)
                kept = "kept" if value < budget.most else "[bold]exceeded[/]"
                shown.add_row(
                    load, " ".join(budget.figure), f"< {budget.most:g}", f"{value:g}", kept
                )
    return shown


def figure(one: Mapping[str, Any], budget: Budget) -> float:
    """The figure of a row that a budget is about."""
    value: Any = one
    for name in budget.figure:
        value = value[name]
    return float(value)


if __name__ == "__main__":
    main()
