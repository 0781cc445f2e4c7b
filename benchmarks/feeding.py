"""Rows a second into topics and out of them again, beside a plain confluent-kafka loop.

``python -m benchmarks.feeding`` starts a broker on the same machine and runs ``thalweg produce``,
``simulate`` and ``tail`` as a user would: the time is that of the whole command, start and all.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median_low
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any
from uuid import uuid4

import click
import msgspec
import pyarrow
from pyarrow import parquet
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine
from benchmarks.payments import payments
from streams.broker import Broker
from streams.offsets import lag
from streams.topics import TopicSpec, delete, ensure

RESULTS = Path(__file__).parent / "results" / "feeding.json"
OURS, PLAIN = "thalweg", "confluent-kafka loop"
_DAY_ROWS = 9_850  # messages of a simulated day

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Case:
    """One command: its line after ``python -m``, with TOPIC, LABELS and BROKERS to be put in."""

    name: str
    system: str
    line: Sequence[str]
    reads: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    rows: int
    wall_s: float
    cpu_s: float


@click.command()
@click.option("--runs", default=5, show_default=True, help="of each command, taking turns")
@click.option("--rows", default=1_000_000, show_default=True)
@click.option("--partitions", default=4, show_default=True)
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(runs: int, rows: int, partitions: int, output: Path) -> None:
    """Measure how fast topics are filled and read."""
    with TemporaryDirectory() as folder, Broker(heap="1g") as broker:
        files = _write_files(Path(folder), rows)
        ensure(broker.bootstrap, [TopicSpec("full", partitions)])
        _run(_produce(files[0]), broker.bootstrap, "full", rows)
        found: dict[Case, list[Run]] = {}
        for case in [case for _ in range(runs) for case in _cases(files, rows)]:
            topic = "full" if case.reads else f"feeding-{uuid4().hex[:8]}"
            names = [topic, f"{topic}-labels"]
            ensure(broker.bootstrap, [TopicSpec(name, partitions) for name in names])
            run = _run(case, broker.bootstrap, topic, rows)
            found.setdefault(case, []).append(run)
            console.print(f"{case.name:<18}{case.system:<24}{run.rows / run.wall_s:>10,.0f} rows/s")
            delete(broker.bootstrap, names[case.reads :])
    told = [_told(case, done) for case, done in found.items()]
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(told, indent=2) + "\n")
    console.print(_table(told))
    console.print(f"written to {output}")


def _produce(file: Path) -> Case:
    line = ["streams", "produce", str(file), "--topic", "TOPIC", "--key", "card"]
    return Case(f"produce {file.suffix[1:]}", OURS, (*line, "--brokers", "BROKERS"))


def _cases(files: Sequence[Path], rows: int) -> Iterator[Case]:
    for file in files:
        yield _produce(file)
        plain = ("benchmarks.plain_feeding", "produce", str(file), "TOPIC", "BROKERS")
        yield Case(f"produce {file.suffix[1:]}", PLAIN, plain)
    days = str(max(1, rows // _DAY_ROWS))
    topics = ("--payments", "TOPIC", "--chargebacks", "LABELS", "--brokers", "BROKERS")
    yield Case("simulate", OURS, ("streams", "simulate", "--days", days, *topics))
    shown = ("--from-beginning", "--json", "--brokers", "BROKERS")
    yield Case("tail", OURS, ("streams", "tail", "TOPIC", *shown), reads=True)
    plain = ("benchmarks.plain_feeding", "tail", "TOPIC", str(rows), "BROKERS")
    yield Case("tail", PLAIN, plain, reads=True)


def _run(case: Case, brokers: str, topic: str, rows: int) -> Run:
    """One command from start to end; every row is counted where it has arrived.

    Raises:
        click.ClickException: it failed, or lost a row.
    """
    given = {"TOPIC": topic, "LABELS": f"{topic}-labels", "BROKERS": brokers}
    line = [sys.executable, "-m", *(given.get(part, part) for part in case.line)]
    with TemporaryFile() as out:
        used, began = _cpu_of_children(), time.monotonic()
        code = subprocess.run(line, stdout=out, stderr=subprocess.DEVNULL, check=False).returncode
        wall, cpu = time.monotonic() - began, _cpu_of_children() - used
        out.seek(0)
        arrived = sum(1 for _ in out)
    if not case.reads:
        topics = [topic, f"{topic}-labels"]
        arrived = sum(partition.end for partition in lag(brokers, "nobody", topics))
    # How many messages there are in so many days, only the simulation knows.
    if code or (arrived != rows and case.name != "simulate"):
        raise click.ClickException(f"{' '.join(line)}: ended with {code}, {arrived:,} rows arrived")
    return Run(arrived, wall, cpu)


def _cpu_of_children() -> float:
    """CPU-seconds of all processes that have ended, the broker's not among them."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _write_files(folder: Path, rows: int) -> list[Path]:
    """The same payments as JSON lines, CSV and Parquet."""
    whole = list(payments(rows))
    lines, table, columns = (folder / f"payments.{kind}" for kind in ("jsonl", "csv", "parquet"))
    lines.write_bytes(msgspec.json.Encoder().encode_lines(whole))
    records = [msgspec.structs.asdict(payment) for payment in whole]
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    parquet.write_table(pyarrow.Table.from_pylist(records), columns)
    return [lines, table, columns]


def _told(case: Case, runs: Sequence[Run]) -> dict[str, Any]:
    """What is kept of a command: its median run, and the slowest and the fastest."""
    rates = [run.rows / run.wall_s for run in runs]
    middle = next(run for run in runs if run.rows / run.wall_s == median_low(rates))
    return {
        "case": case.name,
        "system": case.system,
        "rows": middle.rows,
        "wall_s": round(middle.wall_s, 3),
        "cpu_s": round(middle.cpu_s, 3),
        "rows_per_s": round(median_low(rates)),
        "lowest": round(min(rates)),
        "highest": round(max(rates)),
        "versions": {name: version(name) for name in ("aiokafka", "confluent-kafka", "numba")},
        "machine": describe_machine(),
    }


def _table(told: Sequence[Mapping[str, Any]]) -> Table:
    """The figures for people."""
    shown = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("case", "system"):
        shown.add_column(name, no_wrap=True)
    for name in ("rows/s", "lowest – highest", "µs CPU/row"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in told:
        shown.add_row(
            one["case"],
            one["system"],
            f"{one['rows_per_s']:,}",
            f"{one['lowest']:,} – {one['highest']:,}",
            f"{1e6 * one['cpu_s'] / one['rows']:.1f}",
        )
    return shown


if __name__ == "__main__":
    main()
