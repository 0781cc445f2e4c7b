"""CPU time an event costs, against all that could make it dear: a cliff would show here.

``python -m benchmarks.costs`` carries out the same few slices over and over, as a worker would but
for Kafka: checksum, unpacking, the whole task, and the predictions framed as record batches. Then
it has a worker on a real broker score a topic of 1 to 64 partitions.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.console import Console

from benchmarks.cases import Case, cases
from benchmarks.machine import describe_machine
from benchmarks.measuring import measure
from benchmarks.payments import fill
from benchmarks.stages import carry_out, record_batch
from benchmarks.systems import PAYMENTS, SYSTEMS
from models.dictrows import DictRows
from streams import task
from streams.allocation import keep_freed_memory
from streams.broker import Broker
from streams.codec import Decoder
from streams.slices import Slice
from streams.topics import TopicSpec, ensure

__all__ = ["main"]

RESULTS = Path(__file__).parent / "results" / "costs.json"
_PARTITIONS = (1, 4, 16, 64)
_RUNS = 5
_RUN_S = 0.04
_RIVER_EVENTS = 4096
_SINCE_MS = 1_767_225_600_000

console = Console(highlight=False, soft_wrap=True, markup=False)


def cost(case: Case) -> Mapping[str, float]:
    """Microseconds of CPU an event."""
    one = task.PartitionTask(case.pipeline, 0)
    values = case.values[:_RIVER_EVENTS] if case.river else case.values
    fetched = [
        record_batch([b"c00001"] * len(part), part, [_SINCE_MS] * len(part), 0)
        for part in (values[n : n + case.size] for n in range(0, len(values), case.size))
    ]

    def once() -> int:
        for data in fetched:
            one.positions[PAYMENTS] = 0  # each is carried out as if it were the first
            carry_out(one, PAYMENTS, 0, data)
        return len(values)

    return _timed(once)


def river_alone(case: Case) -> Mapping[str, float]:
    """The same for the estimator alone, asked and taught one row at a time as River is meant."""
    pipeline, rows = case.pipeline, DictRows()
    values = case.values[:_RIVER_EVENTS]
    places = range(len(values))
    records = Slice(PAYMENTS, 0, 0, len(values), places, [None] * len(values), values, places)
    decoded = Decoder(pipeline.events.schema, pipeline.max_event_bytes).decode(records)
    pipeline.new_encoder().append(decoded.columns, len(values), rows)
    xs = [rows[row] for row in range(len(values))]
    ys = list(map(bool, decoded.column(pipeline.label_field)))
    estimator = pipeline.model.estimator.clone()

    def once() -> int:
        for x, y in zip(xs, ys, strict=True):
            estimator.predict_proba_one(x)
            estimator.learn_one(x, y)
        return len(xs)

    return _timed(once)


def _timed(once: Callable[[], int]) -> Mapping[str, float]:
    """The lowest of some runs, for what disturbs one only adds to it; and the others' spread."""
    once()  # compiles, and fills what is to be full
    gc.collect()
    runs = []
    for _ in range(_RUNS):
        began, events, spent = time.process_time(), 0, 0.0
        while spent < _RUN_S:
            events += once()
            spent = time.process_time() - began
        runs.append(spent / events * 1e6)
    low, middle, high = (round(figure, 3) for figure in (min(runs), median(runs), max(runs)))
    return {"us_per_event": low, "median": middle, "highest": high}


def by_partitions(partitions: int, events: int) -> Mapping[str, float]:
    """CPU of a worker on a real broker, and how many events a second it scores."""
    system = replace(SYSTEMS[0], events=events)
    with Broker(heap="1g") as broker:
        ensure(broker.bootstrap, [TopicSpec(PAYMENTS, partitions)])
        fill(broker.bootstrap, PAYMENTS, events * 3 // 2)
        run = measure(system, broker.bootstrap, partitions)
    return {
        "us_per_event": round(1e6 / run.events_per_cpu_s, 3),
        "events_per_s": round(run.events / run.wall_s),
    }


@click.command()
@click.option("--only", default="", help="part of the names of the cases to measure")
@click.option("--events", default=1_000_000, show_default=True, help="through the broker")
@click.option("--output", type=click.Path(path_type=Path), help=f"else {RESULTS.name}, of all")
def main(only: str, events: int, output: Path | None) -> None:
    """Measure what makes an event dear."""
    keep_freed_memory()
    rows: list[dict[str, Any]] = []

    def tell(axis: str, at: str, found: Mapping[str, float]) -> None:
        rows.append({"axis": axis, "at": at, **found})
        rate = f"{found['events_per_s']:>12,} events/s" if "events_per_s" in found else ""
        console.print(f"{axis:<16}{at:<34}{found['us_per_event']:>10,.2f} µs{rate}")

    for case in cases():
        if only in case.name:
            tell(case.axis, case.at, {**cost(case), "bytes": len(case.values[0])})
            if case.river:
                tell(case.axis, f"{case.at} alone", river_alone(case))
    for partitions in _PARTITIONS:
        if only in f"partitions: {partitions}":
            tell("partitions", str(partitions), by_partitions(partitions, events))
    if output or not only:
        output = output or RESULTS
        output.parent.mkdir(exist_ok=True)
        output.write_text(
            json.dumps({"machine": describe_machine(), "rows": rows}, indent=2) + "\n"
        )
        console.print(f"written to {output}")


if __name__ == "__main__":
    main()
