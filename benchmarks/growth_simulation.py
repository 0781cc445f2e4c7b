"""The same as `benchmarks.growth` by tasks in one process, at no speed at all, so always the same.

``python -m benchmarks.growth_simulation`` has the product's tasks answer simulated payments: four
of them, eight, and four of which each is divided in two half-way, as ``thalweg grow`` does it. What
a learner tells, the others read some hundred messages later. What is left between the four and the
four that became eight is what growing costs the model; what a stop of the workers costs, and
whether anything is lost, only Kafka can tell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import click
import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.answering import Answer
from benchmarks.growth import AFTER, BEFORE, WAYS, WINDOW, Traffic, traffic
from benchmarks.handbook import roc_auc
from benchmarks.measuring import BenchmarkError
from benchmarks.mixing_pipelines import declared
from models.digests import digests
from models.textcolumn import TextColumn
from streams.division import Owners, children, divided
from streams.partitioning import partitions_of
from streams.pipeline import Pipeline
from streams.slices import Slice
from streams.task import PartitionTask

__all__ = ["main", "simulated"]

RESULTS = Path(__file__).parent / "results" / "growth_simulation.json"
_WINDOWS = 3
_STEP = 250
_LATE = 2
"""Steps after which others read what a learner told."""

console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option("--seeds", default=3, show_default=True, help="of the simulation")
@click.option("--days", default=35, show_default=True, help="of payments, 4,800 each")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(seeds: int, days: int, output: Path) -> None:
    """See what growing costs the model."""
    found: dict[str, list[dict[str, list[float]]]] = {way: [] for way in WAYS}
    for seed in range(1, seeds + 1):
        given = traffic(seed, days)
        for way, rows in found.items():
            rows.append(_measured(given, way))
            console.print(f"{way}, seed {seed}: {rows[-1]}")
    names = [f"{WINDOW:,} before"]
    names += [f"{WINDOW * n:,} to {WINDOW * (n + 1):,} after" for n in range(_WINDOWS)]
    told = {
        "seeds": seeds,
        "days": days,
        "windows": [*names, "all after that"],
        "ways": {way: summary(rows) for way, rows in found.items()},
        "rows": found,
    }
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(told, indent=2) + "\n")


def summary(rows: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, list[float]]:
    """The mean AUC of each window over seeds; and by how much it was lower where they grew."""
    means = {
        name: [mean(them) for them in zip(*(row[name] for row in rows), strict=True)]
        for name in rows[0]
    }
    dips = [[was - now for was, now in zip(row["four"], row["grown"], strict=True)] for row in rows]
    means["dip"] = [mean(them) for them in zip(*dips, strict=True)]
    means["worst"] = [max(them) for them in zip(*dips, strict=True)]
    return {name: [round(it, 5) for it in them] for name, them in means.items()}


def _measured(given: Traffic, way: str) -> dict[str, list[float]]:
    middle = len(given.messages) // 2 // _STEP * _STEP
    at = sum(role == "events" for role in (given.messages.roles or ())[:middle])
    edges = [at + WINDOW * n for n in range(-1, _WINDOWS + 1)] + [len(given.fraud)]
    runs = {"four": (BEFORE, None), "grown": (BEFORE, middle), "eight": (AFTER, None)}
    found = {}
    for name, (count, grows) in runs.items():
        score = simulated(given, declared("simulator", f"growth-{way}", WAYS[way]), count, grows)
        found[name] = [roc_auc(given.fraud[a:b], score[a:b]) for a, b in pairwise(edges)]
    return found


def simulated(
    given: Traffic, pipeline: Pipeline, count: int, grows: int | None
) -> NDArray[np.float64]:
    """The score of each payment, float64[n].

    Args:
        given: the messages.
        pipeline: what to run.
        count: of partitions, at first.
        grows: the message before which they become `AFTER`; None: they do not.

    Raises:
        BenchmarkError: a payment has no answer, or several.
    """
    messages = given.messages
    later = partitions_of(messages.keys or (), AFTER)
    where, is_event = later % count, np.array(messages.roles) == "events"
    group = _Group(pipeline, count)
    for start in range(0, len(messages), _STEP):
        if start == grows:
            known = int(is_event[:start].sum())
            ids = digests(TextColumn.of(given.ids[:known]))
            group.grow(Owners(ids, later[:start][is_event[:start]]))
            where = later
        group.fold()
        stop = min(start + _STEP, len(messages))
        for number, task in group.tasks.items():
            own = np.flatnonzero(where[start:stop] == number) + start
            for topic, kind in zip(pipeline.input_topics[::-1], (False, True), strict=True):
                group.take(task, topic, messages, own[is_event[own] == kind].tolist())
    if not group.answers == len(group.score) == len(given.ids):
        raise BenchmarkError(f"{group.answers:,} answers to {len(given.ids):,} payments")
    return np.array([group.score[one] for one in given.ids])


class _Group:
    """The tasks of a pipeline, and the log of what they tell each other.

    Attributes:
        tasks: by partition.
        score: of each payment that was answered.
        answers: how many there were.
    """

    def __init__(self, pipeline: Pipeline, count: int) -> None:
        self.tasks = {number: PartitionTask(pipeline, number) for number in range(count)}
        for task in self.tasks.values():
            task.positions = dict.fromkeys(pipeline.consumed_topics, 0)
        self.score: dict[str, float] = {}
        self.answers = 0
        self._pipeline = pipeline
        self._log: list[tuple[int, bytes]] = []
        self._ends = [0] * (_LATE + 1)

    def take(self, task: PartitionTask, topic: str, messages: Any, places: list[int]) -> None:
        """Have a task take records, and note what it answers and tells."""
        if not places:
            return
        keys, values = messages.keys, messages.values
        records = zip(*((keys[n], values[n], messages.timestamps[n]) for n in places), strict=True)
        output = task.take(_slice(task, topic, *map(list, records)))
        self._log += [(task.partition, bytes(delta)) for delta in output.deltas]
        for value in output.predictions.values:
            found = _answer.decode(value or b"")
            self.score[found.id] = found.score
            self.answers += 1

    def fold(self) -> None:
        """Have all take over what was told some steps ago."""
        self._ends = [*self._ends[1:], len(self._log)]
        self._fold(self._ends[0])

    def grow(self, owners: Owners) -> None:
        """Divide each task, once it has heard of all there is."""
        self._fold(len(self._log))
        for number in range(BEFORE):
            begins = {
                child: dict.fromkeys(self._pipeline.input_topics, 0)
                for child in children(number, BEFORE, AFTER)
            }
            for image in divided(self._pipeline, self.tasks[number].image(), begins, owners):
                task = PartitionTask(self._pipeline, image.partition)
                task.restore(image)
                self.tasks[image.partition] = task

    def _fold(self, end: int) -> None:
        topic = self._pipeline.deltas_topic
        for task in self.tasks.values() if topic is not None else ():
            told = self._log[task.positions[topic or ""] : end]
            if topic is not None and told:
                keys, deltas = [b"%d" % sender for sender, _ in told], [it for _, it in told]
                output = task.take(_slice(task, topic, keys, deltas, [0] * len(told)))
                self._log += [(task.partition, bytes(delta)) for delta in output.deltas]


def _slice(task: PartitionTask, topic: str, keys: Any, values: Any, stamps: Any) -> Slice:
    at, n = task.positions[topic], len(values)
    return Slice(topic, 0, at, at + n, range(at, at + n), keys, values, stamps)


_answer = msgspec.json.Decoder(Answer)


if __name__ == "__main__":
    main()
