"""Four partitions grown to eight under load, beside four that stay four: does anybody notice?

``python -m benchmarks.growth`` has workers answer simulated payments through Kafka, exactly-once,
while they are sent. The first weeks are sent fast, to have something learned; then payments come at
a rate. The worker is stopped, ``thalweg grow`` carries over what was learned, and it starts again,
while payments go on being sent. Beside it, the same payments are answered by a worker that nothing
happens to. What is compared is the AUC of each ten thousand payments from the moment on at which
there were new partitions; and every payment has to have one answer, or it fails. Once more the
payments are answered without growth: learners that mix differ a little from run to run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import click
import numpy as np
import psutil
from kafka.errors import KafkaTimeoutError
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.answering import scores, through
from benchmarks.handbook import roc_auc
from benchmarks.machine import describe_machine
from benchmarks.measuring import BenchmarkError
from benchmarks.mixing_pipelines import declared
from benchmarks.mixing_streams import wait_for_assignment
from benchmarks.processes import working
from streams.broker import Broker
from streams.chunks import Chunk
from streams.pipeline import Pipeline
from streams.producing import produce
from streams.simulator import Simulator
from streams.topics import delete, ensure, required_topics

__all__ = ["main", "summary", "table", "windows"]

RESULTS = Path(__file__).parent / "results" / "growth.json"
BEFORE, AFTER = 4, 8
WINDOW, WINDOWS = 10_000, 3
MOST = 0.005
"""The AUC may be lower by as much, in the first window; then it is to be back."""
WAYS: Mapping[str, str | None] = {"apart": None, "mixing": "saturating"}
_CUSTOMERS, _DAYS = 2_500, 35
_FAST = 4_000.0
_PIECE = 100  # some are read ahead, and go where keys went before
_SLOW_MESSAGES = 48_000
_BEGUN_S = 4.0
_SETTLE_S = 3.0
_PATIENCE_S = 300
_TRIES = 5

console = Console(highlight=False, soft_wrap=True, width=120)

_PIPELINE = """
from benchmarks.mixing_pipelines import declared

pipeline = declared("simulator", {name!r}, {how!r})
"""


@dataclass(frozen=True)
class Traffic:
    """Payments and what becomes known of them, in the order in which they are sent.

    Attributes:
        messages: of both kinds.
        ids: of the payments.
        fraud: bool[n].
    """

    messages: Chunk
    ids: Sequence[str]
    fraud: NDArray[np.bool_]


@dataclass(frozen=True)
class Answers:
    """What came of them.

    Attributes:
        score: float64[n].
        at: payments that were sent before there were new partitions; None where there were none.
        stood_s: from the stop of the workers to their start.
    """

    score: NDArray[np.float64]
    at: int | None
    stood_s: float


@click.command()
@click.option("--seeds", default=3, show_default=True, help="of the simulation")
@click.option("--rate", default=700.0, show_default=True, help="messages a second, at last")
@click.option("--days", default=_DAYS, show_default=True, help="of payments, 4,800 each")
@click.option("--way", "ways", multiple=True, type=click.Choice([*WAYS]), help="this one alone")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(seeds: int, rate: float, days: int, ways: Sequence[str], output: Path) -> None:
    """Grow under load, and see what it costs."""
    rows: list[dict[str, Any]] = []
    try:
        for seed in range(1, seeds + 1):
            given = traffic(seed, days)
            for way in ways or WAYS:
                rows.append(_measured(seed, way, given, rate))
                console.print(json.dumps(rows[-1]))
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from error
    told = {
        "machine": describe_machine(),
        "rate": rate,
        "events": rows[0]["events"],
        "seeds": seeds,
        "windows": names(),
        "ways": {way: summary([row for row in rows if row["way"] == way]) for way in ways or WAYS},
        "rows": rows,
    }
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(told, indent=2) + "\n")
    console.print(table(told))
    for way, found in told["ways"].items():
        console.print(f"{way}: {'kept' if found['kept'] else 'MISSED'}")


def traffic(seed: int, days: int) -> Traffic:
    """A simulation's messages."""
    simulator = Simulator(seed=seed, customers=_CUSTOMERS, terminals=2 * _CUSTOMERS, days=days)
    columns: tuple[list[Any], ...] = ([], [], [], [])
    for block in simulator.messages():
        given = (block.values, block.keys, block.timestamps, block.roles)
        for column, part in zip(columns, given, strict=True):
            column.extend(part)
    paid = [day for number in range(days) for day in [simulator.payments(number).fraud]]
    values = zip(columns[0], columns[3], strict=True)
    ids = [json.loads(value)["tx_id"] for value, role in values if role == "events"]
    return Traffic(Chunk(*columns), ids, np.concatenate(paid).astype(np.bool_))


def windows(fraud: NDArray[np.bool_], score: NDArray[np.float64], at: int) -> list[float]:
    """The AUC of the window before `at`, of those from there on, and of all that comes after."""
    edges = [at + WINDOW * n for n in range(-1, WINDOWS + 1)] + [len(fraud)]
    return [roc_auc(fraud[start:stop], score[start:stop]) for start, stop in pairwise(edges)]


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Over seeds: the mean AUC of each window, and by how much it was lower where it grew.

    It is kept if, in the mean of the seeds, it was not lower by more than it may be in any window,
    and by the second window it was back: no lower than half of that.
    """
    stayed, grown = ([mean(them) for them in zip(*(row[one] for row in rows), strict=True)]
                     for one in ("stayed", "grown"))  # fmt: skip
    dips = [was - now for was, now in zip(stayed, grown, strict=True)]
    worst = [max(row["stayed"][n] - row["grown"][n] for row in rows) for n in range(len(stayed))]
    again = [mean(them) for them in zip(*(row["again"] for row in rows), strict=True)]
    return {
        "stayed": [round(it, 5) for it in stayed],
        "grown": [round(it, 5) for it in grown],
        "dip": [round(it, 5) for it in dips],
        "worst": [round(it, 5) for it in worst],
        "noise": [round(abs(it - was), 5) for it, was in zip(again, stayed, strict=True)],
        "stood_s": round(max(row["stood_s"] for row in rows), 1),
        "kept": max(dips[1:]) < MOST and max(dips[2:]) < MOST / 2,
    }


def table(told: Mapping[str, Any]) -> Table:
    """What was measured, for people."""
    made = Table(box=None, padding=(0, 2, 0, 0))
    made.add_column(f"{told['events']:,} payments, {told['seeds']} seeds")
    for one in ("AUC of 4", "of 4 grown to 8", "lower by", "at worst", "again by itself"):
        made.add_column(one, justify="right")
    for way, found in told["ways"].items():
        for n, name in enumerate(names()):
            columns = ("stayed", "grown", "dip", "worst", "noise")
            made.add_row(f"{way}: {name}", *(f"{found[one][n]:.4f}" for one in columns))
    return made


def names() -> list[str]:
    """Of the windows."""
    some = [f"{WINDOW * n:,} to {WINDOW * (n + 1):,} after" for n in range(WINDOWS)]
    return [f"{WINDOW:,} before", *some, "all after that"]


def _measured(seed: int, way: str, given: Traffic, rate: float) -> dict[str, Any]:
    with Broker(heap="1g") as broker:

        def answered(name: str, *, grows: bool = False) -> Answers:
            return _answered(broker.bootstrap, f"{way}-{name}-{seed}", way, given, rate, grows)

        for name in ("grown", "stayed", "again"):
            _topics(broker.bootstrap, declared("simulator", f"{way}-{name}-{seed}", WAYS[way]))
        with ThreadPoolExecutor(3) as at_once:
            growing = at_once.submit(answered, "grown", grows=True)
            others = [at_once.submit(answered, name) for name in ("stayed", "again")]
            grown, (stayed, again) = growing.result(), (one.result() for one in others)
    assert grown.at is not None
    return {
        "seed": seed,
        "way": way,
        "events": len(given.ids),
        "at": grown.at,
        "stood_s": round(grown.stood_s, 1),
        "stayed": windows(given.fraud, stayed.score, grown.at),
        "grown": windows(given.fraud, grown.score, grown.at),
        "again": windows(given.fraud, again.score, grown.at),
    }


def _answered(
    brokers: str, name: str, way: str, given: Traffic, rate: float, grows: bool
) -> Answers:
    """Have the payments answered while they are sent; on the way there are more partitions."""
    pipeline = declared("simulator", name, WAYS[way])
    topics = required_topics(pipeline, BEFORE, retention_ms=-1)
    sent = _Sent(brokers, pipeline, given, rate)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as feeder:
        file = Path(folder, "pipeline.py")
        file.write_text(_PIPELINE.format(name=name, how=WAYS[way]))
        stood = 0.0
        with _workers(file, brokers, pipeline) as worker:
            feeding = feeder.submit(sent.all)
            if grows:
                _until(lambda: sent.messages >= sent.slow + _BEGUN_S * rate or feeding.done())
            else:
                through(worker, brokers, pipeline, lambda: not feeding.done())
        if grows:
            began = time.monotonic()
            _grow(file, brokers, sent)
            stood = time.monotonic() - began
            with _workers(file, brokers, pipeline) as worker:
                through(worker, brokers, pipeline, lambda: not feeding.done())
        feeding.result()
    count = AFTER if grows else BEFORE
    found = scores(brokers, pipeline.predictions_topic, count, given.ids)
    delete(brokers, [one.name for one in topics])
    return Answers(found, sent.at, stood)


def _topics(brokers: str, pipeline: Pipeline) -> None:
    """Create them; a broker that gets no processor time is asked again."""
    for patience in reversed(range(_TRIES)):
        try:
            ensure(brokers, required_topics(pipeline, BEFORE, retention_ms=-1))
        except KafkaTimeoutError:
            if not patience:
                raise
        else:
            return


class _Sent:
    """A producer that goes on, and is told of new partitions as soon as there are any.

    Attributes:
        messages: how many it has sent.
        payments: how many of them were payments.
        slow: from which message on it goes by the rate.
        at: payments it had sent as it was told; None: it was not.
    """

    def __init__(self, brokers: str, pipeline: Pipeline, given: Traffic, rate: float) -> None:
        self.messages = self.payments = 0
        self.slow = max(0, len(given.messages) - _SLOW_MESSAGES)
        self.at: int | None = None
        self._told = False
        self._brokers, self._messages, self._rate = brokers, given.messages, rate
        self._topics = dict(zip(("events", "labels"), pipeline.input_topics, strict=True))

    def tell(self) -> None:
        """That there are new partitions."""
        self._told = True

    def all(self) -> None:
        """Send everything."""
        while self.messages < len(self._messages):
            rate = self._rate if self.messages >= self.slow else _FAST
            produce(self._pieces(rate), self._brokers, self._topics, rate=rate)
            if self._told and self.at is None:
                self.at = self.payments

    def _pieces(self, rate: float) -> Iterator[Chunk]:
        """Messages up to where there is another rate, or another number of partitions."""
        told, end = self._told, self.slow if rate == _FAST else len(self._messages)
        while self.messages < end and self._told == told:
            part = self._messages.cut(self.messages, min(end, self.messages + _PIECE))
            yield part
            self.payments += sum(role == "events" for role in part.roles or ())
            self.messages += len(part)


@contextmanager
def _workers(file: Path, brokers: str, pipeline: Pipeline) -> Iterator[psutil.Popen]:
    command = [sys.executable, "-m", "streams", "worker", str(file)]
    command += ["--brokers", brokers, "--metrics-port", "0"]
    with working(command) as worker:
        wait_for_assignment(worker, brokers, pipeline, 1)
        yield worker


def _grow(file: Path, brokers: str, sent: _Sent) -> None:
    command = [sys.executable, "-m", "streams", "grow", str(file), "--partitions", str(AFTER)]
    command += ["--brokers", brokers, "--settle", str(_SETTLE_S)]
    said = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as growing:
        for line in growing.stdout or ():
            said += line
            if "answering" in line:
                sent.tell()
    if growing.returncode:
        raise BenchmarkError(f"thalweg grow: {said}")


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"too little was sent in {_PATIENCE_S} s")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
