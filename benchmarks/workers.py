"""CPU-seconds an event costs with one to four worker processes: flat is the budget.

``python -m benchmarks.workers`` has a group of workers score the same topic, from its beginning to
its end, and adds up the CPU time of their processes. Between the moments at which a tenth and the
whole of the topic is answered; start-up and compilation are over by then.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import click
import psutil
from rich.console import Console

from benchmarks.machine import describe_machine
from benchmarks.payments import fill
from benchmarks.processes import working
from benchmarks.systems import PAYMENTS
from streams.broker import Broker
from streams.offsets import lag
from streams.topics import TopicSpec, ensure

RESULTS = Path(__file__).parent / "results" / "workers.json"
_PIPELINE = """
from benchmarks.pipelines import plain

pipeline = plain("{name}")
"""
_LOOK_S, _PATIENCE_S = 0.1, 60.0

console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option("--events", default=2_000_000, show_default=True)
@click.option("--most", default=4, show_default=True, help="worker processes")
@click.option("--partitions", default=4, show_default=True)
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(events: int, most: int, partitions: int, output: Path) -> None:
    """Measure what an event costs when several workers share the partitions."""
    rows = []
    with Broker(heap="1g") as broker:
        ensure(broker.bootstrap, [TopicSpec(PAYMENTS, partitions)])
        fill(broker.bootstrap, PAYMENTS, events)
        for workers in range(1, most + 1):
            answered, wall, cpu = _measure(broker.bootstrap, workers, events)
            row = {"workers": workers, "events": answered, "wall_s": wall, "cpu_s": cpu}
            rows.append({**row, "machine": describe_machine()})
            console.print(
                f"{workers} workers {answered / wall:>9,.0f} events/s "
                f"{1e6 * cpu / answered:>6.2f} µs CPU/event"
            )
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(rows, indent=2) + "\n")
    console.print(f"written to {output}")


def _measure(brokers: str, workers: int, events: int) -> tuple[int, float, float]:
    """Events answered between two moments, and the wall and CPU seconds between them."""
    name = f"workers-{uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pipeline.py")
        file.write_text(_PIPELINE.format(name=name))
        command = ["streams", "worker", str(file), "--workers", str(workers)]
        command += ["--metrics-port", "0", "--brokers", brokers]
        with working([sys.executable, "-m", *command]) as process:
            first = _when(process, brokers, f"{name}.predictions", events // 10)
            last = _when(process, brokers, f"{name}.predictions", events)
    answered, wall, cpu = (b - a for a, b in zip(first, last, strict=True))
    return int(answered), wall, cpu


def _when(
    process: psutil.Popen, brokers: str, topic: str, events: int
) -> tuple[float, float, float]:
    """Events answered, wall and CPU time, as soon as so many are answered."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        # A transaction's marker takes an offset too: a few in ten thousand.
        answered = sum(partition.end for partition in lag(brokers, "nobody", [topic]))
        if answered >= events:
            family = [process, *process.children(recursive=True)]
            used = [one.cpu_times() for one in family]
            return answered, time.monotonic(), sum(cpu.user + cpu.system for cpu in used)
        time.sleep(_LOOK_S)
    raise click.ClickException(f"the workers have not answered {events:,} events of {topic}")


if __name__ == "__main__":
    main()
