"""What mixing costs an event, on one core and without Kafka: four tasks that learn as one.

``python -m benchmarks.mixing_cost`` has four tasks take the payments of `benchmarks.payments`,
dealt out by card, in turn; what one tells, all of them take over some turns later. The same tasks
without mixing are beside it, and runs of all ways take turns.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine
from benchmarks.payments import payments
from benchmarks.pipelines import delayed, plain
from benchmarks.stages import STAGES, Clock, carry_out, fetches
from models.deltas import Decoder
from models.exchange import Exchange
from models.mixing import Mixing
from streams import Pipeline
from streams.allocation import keep_freed_memory
from streams.slices import Slice
from streams.task import PartitionTask

__all__ = ["Way", "main"]

RESULTS = Path(__file__).parent / "results" / "mixing_cost.json"
KINDS = {"plain": plain, "delayed": delayed}
LEARN, LOOK, FOLD = "score and learn", "look and tell", "take over deltas"
_PARTITIONS = 4
_LATER = 8  # turns of all, from telling to taking over: a third of a second, as on a backlog

_STAGES: Mapping[str, tuple[Any, str]] = {
    **STAGES,
    LOOK: (Exchange, "look"),
    f"{LOOK} ": (Exchange, "publish"),
    FOLD: (Exchange, "fold"),
}

Fetches = Sequence[Sequence[tuple[str, int, bytes, int]]]


class Way(NamedTuple):
    """How tasks mix; `look` 0: not at all."""

    look: int
    divergence: float = Mixing().divergence


def run(pipeline: Pipeline, given: Fetches) -> dict[str, float]:
    """Microseconds an event by stage over the second half, and how much was told.

    Args:
        given: the fetches of each partition, as many of each.
    """
    tasks, decoder = [PartitionTask(pipeline, number) for number in range(len(given))], Decoder()
    for one in tasks:
        one.positions = dict.fromkeys(pipeline.consumed_topics, 0)
        one.decode_with(decoder)
    turns = list(zip(*given, strict=True))
    half, clock = len(turns) // 2, Clock(time.process_time)
    under_way: list[list[tuple[int, bytes]]] = [[] for _ in range(_LATER)]
    events = volume = deltas = size = 0

    def take(turn: Sequence[tuple[str, int, bytes, int]]) -> None:
        nonlocal volume, deltas
        told = _log(pipeline, tasks[0], under_way.pop(0))
        under_way.append([])
        for one, (topic, start, data, _) in zip(tasks, turn, strict=True):
            if len(told):
                one.take(told)
            output = carry_out(one, topic, start, data)
            under_way[-1] += [(one.partition, value) for value in output.deltas]
            volume += sum(map(len, output.deltas))
            deltas += bool(output.deltas)

    for turn in turns[:half]:
        take(turn)
    volume = deltas = 0
    with clock.on(_STAGES):
        for turn in turns[half:]:
            take(turn)
            events += sum(count for *_, count in turn)
            size += sum(len(data) for _, _, data, _ in turn)
    spent: Counter[str] = Counter()
    for stage, seconds in clock.spent.items():
        spent[stage.strip()] += seconds / events * 1e6
    return {
        **spent,
        "all": sum(spent.values()),
        "deltas": deltas,
        "events a delta": events / deltas if deltas else 0.0,
        "bytes": volume / size,
    }


def _log(pipeline: Pipeline, one: PartitionTask, told: Sequence[tuple[int, bytes]]) -> Slice:
    """What was told, as it stands in the log behind what a task has read of it."""
    topic = pipeline.deltas_topic or ""
    start = one.positions.get(topic, 0)
    n = len(told)
    keys = [b"%d" % number for number, _ in told]
    values = [value for _, value in told]
    return Slice(topic, 0, start, start + n, np.arange(start, start + n), keys, values, [0] * n)


def _given(events: int, size: int, *, labels: bool) -> Fetches:
    """Of each partition, the payments of its cards, as many fetches of each."""
    parts = [
        list(
            fetches(
                (one for one in payments(events) if crc32(one.card.encode()) % _PARTITIONS == part),
                size,
                labels=labels,
            )
        )
        for part in range(_PARTITIONS)
    ]
    least = min(map(len, parts))
    return [part[:least] for part in parts]


console = Console(highlight=False, soft_wrap=True, width=120)


@click.command()
@click.option("--look", "looks", multiple=True, type=int, default=[4096, 1024, 512, 256])
@click.option("--divergence", default=Mixing().divergence, show_default=True)
@click.option("--events", default=1_000_000, show_default=True)
@click.option("--slice", "size", default=4096, show_default=True, help="events of one fetch")
@click.option("--runs", default=5, show_default=True)
@click.option("--only", type=click.Choice(list(KINDS)))
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(
    looks: Sequence[int],
    divergence: float,
    events: int,
    size: int,
    runs: int,
    only: str | None,
    output: Path,
) -> None:
    """Measure what an event costs where tasks mix; the least of all runs."""
    keep_freed_memory()
    rows = []
    for kind in [only] if only else KINDS:
        pipeline = KINDS[kind](kind)
        given = _given(events, size, labels=pipeline.label_topic is not None)
        ways = [Way(0), *(Way(look, divergence) for look in looks)]
        taken: dict[Way, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(runs):
            for way in ways:
                mixing = Mixing(way.divergence, way.look) if way.look else None
                taken[way].append(run(replace(pipeline, mixing=mixing), given))
                console.print(f"{kind} {way.look}: {taken[way][-1]['all']:.3f}")
        off = min(one["all"] for one in taken[ways[0]])
        for way in ways:
            least = min(taken[way], key=lambda one: one["all"])
            least = {name: min(one.get(name, 0.0) for one in taken[way]) for name in least}
            figures = {name: round(value, 4) for name, value in least.items()}
            rows.append(
                {"pipeline": kind, **way._asdict(), "of_off": round(off / least["all"], 3)}
                | {"figures": figures}
            )
        console.print(_table(kind, rows))
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps({"machine": describe_machine(), "rows": rows}, indent=1) + "\n")


def _table(kind: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    shown = Table(box=None, padding=(0, 1, 0, 0))
    shown.add_column(f"{kind}, µs an event", no_wrap=True)
    chosen = [row for row in rows if row["pipeline"] == kind]
    for row in chosen:
        shown.add_column(str(row["look"] or "off"), justify="right", no_wrap=True)
    for name in chosen[-1]["figures"]:
        shown.add_row(name, *(f"{row['figures'].get(name, 0.0):.3f}" for row in chosen))
    shown.add_row("of off", *(f"{row['of_off']:.1%}" for row in chosen))
    return shown


if __name__ == "__main__":
    main()
