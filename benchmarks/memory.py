"""Resident memory of a worker over millions of events: after warm-up it is to stay as it is.

``python -m benchmarks.memory`` has a worker score a topic on a real broker while it is being
filled, with the same payments over and over, and looks at the worker after each million.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import msgspec
import psutil
from confluent_kafka import Producer
from rich.console import Console

from benchmarks.machine import describe_machine
from benchmarks.payments import payments
from benchmarks.processes import working
from benchmarks.systems import PAYMENTS, SYSTEMS
from streams.broker import Broker
from streams.offsets import lag
from streams.topics import TopicSpec, ensure

__all__ = ["main"]

RESULTS = Path(__file__).parent / "results" / "memory.json"
BUDGET = 0.02
_WARM = 2  # millions, after which every table has its size and every kernel is compiled
_MILLION = 1_000_000
_PARTITIONS = 4
_REPEATED = 500_000
_LEAD = 2 * _MILLION
_LOOK_S, _PATIENCE_S = 0.05, 60.0
_MIB = 1 << 20

console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option("--millions", default=20, show_default=True, help="of events")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(millions: int, output: Path) -> None:
    """Measure a worker's memory over time."""
    predictions = f"memory-{uuid4().hex[:8]}.predictions"
    with Broker(heap="1g") as broker:
        specs = [TopicSpec(topic, _PARTITIONS) for topic in (PAYMENTS, predictions)]
        ensure(broker.bootstrap, specs)
        feed = _Feed(broker.bootstrap, millions * _MILLION)
        feed.start()
        command = SYSTEMS[0].command(broker.bootstrap, predictions)
        # An image takes memory of its own: the warm-up has to have seen some of them.
        environment = {**os.environ, "THALWEG_CHECKPOINT_INTERVAL_S": "2"}
        with working(command, environment) as process:
            try:
                samples = [
                    _sample(process, broker.bootstrap, predictions, number, feed)
                    for number in range(1, millions + 1)
                ]
            finally:
                feed.stop()
    found = summary(samples)
    console.print(
        f"after {_WARM} million events {found['warm_mib']:.1f} MiB; after that at most "
        f"{found['rise']:+.2%}, at the end {found['end']:+.2%}; "
        f"budget ± {BUDGET:.0%}: {'met' if found['met'] else 'MISSED'}"
    )
    output.parent.mkdir(exist_ok=True)
    told = {"machine": describe_machine(), **found, "samples": samples}
    output.write_text(json.dumps(told, indent=2) + "\n")
    console.print(f"written to {output}")


def summary(samples: list[dict[str, Any]]) -> Mapping[str, Any]:
    """How far memory went from what it was once the worker was warm."""
    warm = samples[min(_WARM, len(samples)) - 1]["rss_mib"]
    later = [sample["rss_mib"] / warm - 1 for sample in samples[_WARM:]] or [0.0]
    return {
        "warm_mib": warm,
        "rise": max(later, key=abs),
        "end": later[-1],
        "met": max(map(abs, later)) <= BUDGET,
    }


class _Feed(threading.Thread):
    """Writes payments, some way ahead of the worker and no further."""

    def __init__(self, brokers: str, count: int) -> None:
        super().__init__(daemon=True)
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "linger.ms": 50,
                "queue.buffering.max.messages": 500_000,
                "log_level": 2,  # that the broker ends before it does is no news
            }
        )
        self._count = count
        self._ended = False
        self.answered = 0

    def run(self) -> None:
        encode = msgspec.json.Encoder().encode
        pairs = [(encode(one), one.card.encode()) for one in payments(_REPEATED)]
        for written in range(0, self._count, _REPEATED):
            for value, key in pairs:
                self._producer.produce(PAYMENTS, value, key)
                if self._ended:
                    return
            self._producer.flush()
            while written > self.answered + _LEAD and not self._ended:
                time.sleep(_LOOK_S)

    def stop(self) -> None:
        """End, whatever is left."""
        self._ended = True
        self.join()
        self._producer.purge()


def _sample(
    process: psutil.Popen, brokers: str, topic: str, number: int, feed: _Feed
) -> dict[str, Any]:
    """The worker's memory as soon as it has answered so many millions of events."""
    deadline = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        # A transaction's marker takes an offset too: a few in ten thousand.
        feed.answered = sum(partition.end for partition in lag(brokers, "nobody", [topic]))
        if feed.answered >= number * _MILLION * 0.999:
            rss = process.memory_info().rss / _MIB
            console.print(f"{number:>4} million {rss:>8.1f} MiB")
            return {"millions": number, "rss_mib": round(rss, 1)}
        time.sleep(_LOOK_S)
    raise click.ClickException(f"the worker has not answered {number} million events")


if __name__ == "__main__":
    main()
