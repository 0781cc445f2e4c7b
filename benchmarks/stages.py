"""Where the microseconds of an event go: each stage of the task by itself, on one core, no Kafka.

``python -m benchmarks.stages`` sends the same record batches that a broker would through the very
functions a worker calls, and takes the time each of them uses.
"""

from __future__ import annotations

import json
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import Any
from unittest import mock

import click
import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine
from benchmarks.payments import Payment, payments
from benchmarks.pipelines import VERDICTS, Verdict, delayed, plain, rated, windowed
from benchmarks.systems import PAYMENTS
from models.encoders import HashedEncoder
from models.linear_learner import LinearLearner
from models.quality import Quality
from models.rates import Rates
from models.windows import Windows
from streams import Pipeline, framing, task, unpacking
from streams.allocation import keep_freed_memory
from streams.codec import Decoder
from streams.joiner import Joiner
from streams.output import Output
from streams.slices import Records

__all__ = ["STAGES", "Clock", "carry_out", "fetches", "main", "record_batch"]

RESULTS = Path(__file__).parent / "results" / "stages.json"
REST = "the task's own"

_SINCE_MS = 1_767_225_600_000
_BATCH_BYTES = 512 * 1024


class Clock:
    """Adds up the seconds that calls take, without those of timed calls inside them.

    Args:
        now: the time, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.spent: Counter[str] = Counter()
        self._now = now
        self._inside: list[float] = []

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, on the clock."""

        def call(*args: Any, **options: Any) -> Any:
            began = self._now()
            self._inside.append(0.0)
            try:
                return function(*args, **options)
            finally:
                took = self._now() - began
                self.spent[stage] += took - self._inside.pop()
                if self._inside:
                    self._inside[-1] += took

        return call

    @contextmanager
    def on(self, stages: Mapping[str, tuple[Any, str]]) -> Iterator[None]:
        """Time these attributes, by stage, while the block runs."""
        with ExitStack() as patches:
            for stage, (owner, name) in stages.items():
                timed = self.timed(stage, getattr(owner, name))
                patches.enter_context(mock.patch.object(owner, name, timed))
            yield


STAGES: Mapping[str, tuple[Any, str]] = {
    "unpack record batches, checksums": (unpacking, "unpacked"),
    "decode JSON into columns": (Decoder, "decode"),
    "encode features": (HashedEncoder, "append"),
    "slide windows": (Windows, "take"),
    "slide windows ": (Rates, "take"),
    "slide windows  ": (Rates, "learn"),
    "join labels": (Joiner, "events"),
    "join labels ": (Joiner, "labels"),
    "score and learn": (LinearLearner, "run"),
    "measure quality": (Quality, "update"),
    "write predictions": (task, "lines"),
    "frame record batches": (framing, "framed"),
    "frame record batches ": (framing.RecordBatch, "_build"),
    REST: (task.PartitionTask, "take"),
}


def run(pipeline: Pipeline, events: int, size: int) -> tuple[Mapping[str, float], float]:
    """Microseconds an event by stage, of the median fetch of the second half, and of the mean one.

    The median leaves out what befalls a few fetches: memory that has doubled is copied once.
    """
    batches = list(fetches(payments(events), size, labels=pipeline.label_topic is not None))
    half = len(batches) // 2
    clock = Clock()
    one = task.PartitionTask(pipeline, 0)
    one.positions = dict.fromkeys(pipeline.input_topics, 0)
    for topic, start, data, _ in batches[:half]:
        carry_out(one, topic, start, data)
    costs: list[Counter[str]] = [Counter()]
    with clock.on(STAGES):
        for topic, start, data, count in batches[half:]:
            carry_out(one, topic, start, data)
            for stage, seconds in clock.spent.items():
                costs[-1][stage.strip()] += seconds / size * 1e6
            clock.spent.clear()
            if count:  # labels are of the fetch of events behind them
                costs.append(Counter())
    costs.pop()
    stages = {stage for fetch in costs for stage in fetch}
    middle = {stage: median(fetch[stage] for fetch in costs) for stage in stages}
    return middle, mean(sum(fetch.values()) for fetch in costs)


def carry_out(one: task.PartitionTask, topic: str, start: int, data: bytes) -> Output:
    """What a worker does with a fetch, but for the network."""
    records = unpacking.unpacked(data, topic, 0, start, unpacking.Isolation(None), check=True)
    output = one.take(records)
    for batch in framing.framed(output.predictions, _BATCH_BYTES, "none", transactional=True):
        batch._build()
    return output


def fetches(
    given: Iterable[Payment], size: int, *, labels: bool
) -> Iterator[tuple[str, int, bytes, int]]:
    """Topic, first offset, bytes and number of events of each fetch; labels an hour behind."""
    encode = msgspec.json.encode
    told: list[Verdict] = []
    chunk: list[Payment] = []
    written = 0
    for number, payment in enumerate(given, 1):
        chunk.append(payment)
        if len(chunk) < size:
            continue
        keys, values = [one.card.encode() for one in chunk], list(map(encode, chunk))
        times = [one.at * 1000 for one in chunk]
        yield PAYMENTS, number - size, record_batch(keys, values, times, number - size), size
        now = chunk[-1].at
        told += [
            Verdict(one.id, 1, datetime.fromtimestamp(one.at + 3600, UTC))
            for one in chunk
            if one.fraud
        ]
        due = [one for one in told if one.at.timestamp() <= now] if labels else []
        if due:
            told = told[len(due) :]
            keys, values = [one.id.encode() for one in due], list(map(encode, due))
            times = [int(one.at.timestamp() * 1000) for one in due]
            yield VERDICTS, written, record_batch(keys, values, times, written), 0
            written += len(due)
        chunk = []


def record_batch(keys: list[bytes], values: list[bytes], times: list[int], offset: int) -> bytes:
    """A record batch as a fetch brings it; its first eight bytes are the offset."""
    [batch] = framing.framed(Records(keys, values, times), 1 << 30, "none", transactional=True)
    return struct.pack(">q", offset) + bytes(batch._build()[8:])


console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option("--events", default=600_000, show_default=True)
@click.option("--slice", "size", default=4096, show_default=True, help="events of one fetch")
@click.option("--runs", default=5, show_default=True)
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(events: int, size: int, runs: int, output: Path) -> None:
    """Measure what each stage of an event costs."""
    keep_freed_memory()
    rows = []
    pipelines = {
        "plain": plain("plain"),
        "delayed labels": delayed("delayed"),
        "label rates": rated("rates"),
        "windows": windowed("windows"),
    }
    for name, pipeline in pipelines.items():
        taken = [run(pipeline, events, size) for _ in range(runs)]
        stages = {
            stage: round(median(spent.get(stage, 0.0) for spent, _ in taken), 4)
            for stage in dict.fromkeys(stage.strip() for stage in STAGES)
            if any(stage in spent for spent, _ in taken)
        }
        whole = sorted(sum(spent.values()) for spent, _ in taken)
        means = [total for _, total in taken]
        rows.append(
            {
                "pipeline": name,
                "slice": size,
                "stages_us": stages,
                "us_per_event": round(median(whole), 4),
                "lowest": round(whole[0], 4),
                "highest": round(whole[-1], 4),
                "mean_us_per_event": round(median(means), 4),
                "machine": describe_machine(),
            }
        )
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(rows, indent=2) + "\n")
    console.print(_table(rows))
    console.print(f"written to {output}")


def _table(rows: list[dict[str, Any]]) -> Table:
    shown = Table(box=None, padding=(0, 1, 0, 0))
    shown.add_column("µs an event", no_wrap=True)
    for row in rows:
        shown.add_column(row["pipeline"], justify="right", no_wrap=True)
    for stage in dict.fromkeys(stage.strip() for stage in STAGES):
        costs = [row["stages_us"].get(stage) for row in rows]
        shown.add_row(stage, *("" if cost is None else f"{cost:.3f}" for cost in costs))
    shown.add_row("all of it", *(f"{row['us_per_event']:.3f}" for row in rows))
    shown.add_row("… with what is seldom", *(f"{row['mean_us_per_event']:.3f}" for row in rows))
    plain = rows[0]["us_per_event"]
    shown.add_row("times the first", *(f"{row['us_per_event'] / plain:.2f}" for row in rows))
    return shown


if __name__ == "__main__":
    main()
