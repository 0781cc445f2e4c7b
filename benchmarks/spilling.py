"""What it costs to keep on disk what waits for its label, and how much memory that leaves free.

``python -m benchmarks.spilling`` has a task score payments until millions of them wait, then goes
on while as many mature as come, and a label comes for one in a hundred, as old as may be. Then it
looks at the task's image, and at a task that takes that over. Once with all in memory, once with
64 MiB of it, each in a process of its own. No Kafka; what is timed is what a worker calls.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import click
import msgspec
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine
from benchmarks.payments import Payment, payments
from benchmarks.pipelines import VERDICTS, Verdict, delayed
from benchmarks.stages import carry_out, record_batch
from benchmarks.systems import PAYMENTS
from models import LabelRate
from models.spill import Spill, let_go
from streams import Pipeline
from streams.allocation import keep_freed_memory
from streams.imageblocks import cut
from streams.pending import waiting as bytes_of
from streams.task import PartitionTask

__all__ = ["main"]

RESULTS = Path(__file__).parent / "results" / "spilling.json"
BUDGET = 64 << 20
_SLICE = 4_096
_TOLD = 100  # one payment in so many gets a label of its own
_A_SECOND = 40  # payments, in event time
_LOOK_S = 0.005
_MIB = 1 << 20

console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option("--waiting", default=5_000_000, show_default=True, help="events")
@click.option("--more", default=1_000_000, show_default=True, help="events after those")
@click.option("--directory", default=tempfile.gettempdir(), show_default=True, help="on a disk")
@click.option("--spilled", type=bool, default=None, hidden=True)
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(waiting: int, more: int, directory: str, spilled: bool | None, output: Path) -> None:
    """Measure a task with and without spilling."""
    if spilled is not None:
        print(json.dumps(_measure(waiting, more, Spill(directory, BUDGET) if spilled else None)))
        return
    sizes = [f"--waiting={waiting}", f"--more={more}", f"--directory={directory}"]
    rows = []
    for choice in ("no", "yes"):
        command = [sys.executable, "-m", "benchmarks.spilling", *sizes, f"--spilled={choice}"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rows.append({"spilled": choice, **json.loads(done.stdout)})
    if rows[0].pop("digest") != rows[1].pop("digest"):
        raise click.ClickException("the two came to different images")
    table = Table(box=None)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*(f"{it:,.0f}" if isinstance(it, float) else str(it) for it in row.values()))
    console.print(table)
    measured = {"waiting": waiting, "more": more, "budget": BUDGET, "rows": rows}
    at = datetime.now(UTC).isoformat(timespec="seconds")
    whole = {"at": at, "machine": describe_machine(), **measured}
    output.write_text(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n")


def _measure(waiting: int, more: int, spill: Spill | None) -> dict[str, Any]:
    keep_freed_memory()
    pipeline = _pipeline(waiting, waiting + more)
    task = _begun(pipeline, None)
    coming = payments(waiting + more)
    _feed(task, islice(payments(3 * _SLICE), 3 * _SLICE), waiting)  # compiles
    task, each = _begun(pipeline, spill), bytes_of(pipeline)
    assert each is not None
    found: dict[str, Any] = {"bytes_in_memory": each.entry, "bytes_of_a_row": each.row}
    with _peak() as peak:
        found["filling_per_cpu_s"] = waiting / _feed(task, islice(coming, waiting), waiting)
    found["rss_mib"] = peak[0]
    with _peak() as peak:
        found["going_on_per_cpu_s"] = more / _feed(task, coming, waiting)
    found["peak_rss_mib"] = peak[0]
    with _peak() as peak:
        image, digest = task.image(), sha256()
        for piece in cut(image.state)[1]:
            digest.update(piece)
            let_go(piece)
    found["image_peak_mib"] = peak[0]
    found["disk_mib"] = 0.0 if spill is None else spill.disk / _MIB
    found["digest"] = digest.hexdigest()
    return found


def _begun(pipeline: Pipeline, spill: Spill | None) -> PartitionTask:
    task = PartitionTask(pipeline, 0, spill)
    task.positions = dict.fromkeys(pipeline.input_topics, 0)
    return task


def _pipeline(waiting: int, remembered: int) -> Pipeline:
    """Payments mature when so many have come behind them."""
    usual, length = delayed("spilling"), f"{waiting // _A_SECOND}s"
    labels = replace(usual.labels, matures_after=length, remember=remembered)
    rate = LabelRate(by="shop", over=["7d"], delay=length)
    return replace(usual, labels=labels, features=[*(usual.features or ()), rate])


def _feed(task: PartitionTask, some: Iterator[Payment], old: int) -> float:
    """Have a task take payments, and labels for a few as old as may be; its CPU-seconds."""
    encode, spent = msgspec.json.encode, 0.0
    while chunk := list(islice(some, _SLICE)):
        keys, values = [one.card.encode() for one in chunk], list(map(encode, chunk))
        fetched = [(PAYMENTS, keys, values, [one.at * 1_000 for one in chunk])]
        at = chunk[-1].at
        numbers = [int(one.id) - old * (7 * n % 9 + 1) // 10 for n, one in enumerate(chunk)]
        told = [Verdict(f"{n:07}", 0, _date(at)) for n in numbers[::_TOLD] if n >= 0]
        if told:
            verdicts = list(map(encode, told))
            fetched.append((VERDICTS, [b"-"] * len(told), verdicts, [at * 1_000] * len(told)))
        for topic, *columns in fetched:
            start = task.positions[topic]
            data = record_batch(*columns, start)
            began = time.thread_time()
            carry_out(task, topic, start, data)
            spent += time.thread_time() - began
    return spent


def _date(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@contextmanager
def _peak() -> Iterator[Sequence[float]]:
    """The most memory this process has while it lasts, in MiB; known behind it."""
    process, most, ended = psutil.Process(), [0.0], threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_S):
            most[0] = max(most[0], process.memory_info().rss / _MIB)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        ended.set()
        looking.join()


if __name__ == "__main__":
    main()
