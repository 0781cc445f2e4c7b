"""One way to learn from a data set, through Kafka: workers answer while its events come, or after.

From a backlog a worker reads as fast as it can: its partitions are seconds of reading apart, which
are hours or weeks of events, and what a learner is told comes as much too late, or too early. So
how far apart the learners are, in events, is measured, too. Live traffic is a feed at a rate.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median_low

import numpy as np
import psutil
from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient
from numpy.typing import NDArray

from benchmarks.answering import PATIENCE_S, scores, through
from benchmarks.measuring import BenchmarkError, committed
from benchmarks.mixing_data import Traffic
from benchmarks.mixing_pipelines import CASES, declared
from benchmarks.processes import working
from models.bytecolumn import ByteColumn
from streams.chunks import Chunk
from streams.offsets import Lag
from streams.partitioning import partitions_of
from streams.pipeline import Pipeline
from streams.producing import produce
from streams.topics import delete, ensure, required_topics

__all__ = ["Outcome", "Way", "apart", "outcome", "wait_for_assignment"]

_PIPELINE = """
from benchmarks.mixing_pipelines import declared

pipeline = declared({case!r}, {name!r}, {how!r}, {divergence!r}, {look_every!r})
"""
_BLOCK = 4_096
_LOOK_S, _STILL_LOOKS = 0.5, 4


@dataclass(frozen=True, kw_only=True)
class Way:
    """How the learners are spread, and how they learn as one.

    Attributes:
        name: for people.
        how: they mix; None: each learns by itself.
        partitions: one learner each.
        workers: processes.
        live: events are fed at the data set's rate; else they are all there at the start.
        divergence, look_every: of `models.mixing.Mixing`, other than usual.
    """

    name: str
    how: str | None = None
    partitions: int = 8
    workers: int = 2
    live: bool = False
    divergence: float | None = None
    look_every: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        score: float64[n], in the order of the events.
        deltas, delta_bytes: records that the learners told each other, with their keys.
        wall_s: from the first event written to the last one answered.
        apart: events between the learner that is farthest and the one that is least far, at the
            median of all looks; 0 of one learner.
    """

    score: NDArray[np.float64]
    deltas: int
    delta_bytes: int
    wall_s: float
    apart: int


def outcome(brokers: str, case: str, way: Way, traffic: Traffic, rate: float) -> Outcome:
    """Write the events, at the rate if the way is live, have them answered, and read what came.

    Labels are in their topic before the first event: each is learned when its date has come.

    Raises:
        BenchmarkError: a worker died or stood still, or left an event without one answer.
    """
    name = f"{case}-{way.name}".translate(str.maketrans({" ": "-", "_": "-", ",": None}))
    pipeline = declared(case, name, way.how, way.divergence, way.look_every)
    topics = required_topics(pipeline, way.partitions, retention_ms=-1)
    ensure(brokers, topics)
    if traffic.labels is not None:
        produce([traffic.labels], brokers, pipeline.input_topics[1])
    blocks = [traffic.events.cut(n, n + _BLOCK) for n in range(0, len(traffic.events), _BLOCK)]
    if not way.live:
        produce(blocks, brokers, pipeline.events.name)
    looks: list[Sequence[Lag]] = []
    with _workers(case, name, way, brokers) as worker, ThreadPoolExecutor(1) as feeder:
        if way.live:
            wait_for_assignment(worker, brokers, pipeline, way.workers)
        began = time.monotonic()
        parts = iter(blocks if way.live else ())
        feeding = feeder.submit(produce, parts, brokers, pipeline.events.name, rate=rate)
        through(worker, brokers, pipeline, lambda: not feeding.done(), looks.append)
        feeding.result()
        wall = time.monotonic() - began
    found = scores(brokers, pipeline.predictions_topic, way.partitions, traffic.ids)
    deltas = [
        len(message.key()) + len(message.value())
        for message in (
            committed(brokers, pipeline.deltas_topic, 1) if pipeline.deltas_topic else ()
        )
    ]
    delete(brokers, [one.name for one in topics])
    return Outcome(found, len(deltas), sum(deltas), wall, apart(traffic.events, way, looks))


@contextmanager
def _workers(case: str, name: str, way: Way, brokers: str) -> Iterator[psutil.Popen]:
    """The product's own worker processes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pipeline.py")
        file.write_text(_PIPELINE.format(**asdict(way) | {"case": case, "name": name}))
        command = [sys.executable, "-m", "streams", "worker", str(file)]
        command += ["--workers", str(way.workers), "--brokers", brokers, "--metrics-port", "0"]
        command += CASES[case].flags
        with working(command) as worker:
            yield worker


def wait_for_assignment(
    worker: psutil.Popen, brokers: str, pipeline: Pipeline, workers: int
) -> None:
    """Until every worker has partitions, for a while: what is fed then is answered at once."""
    admin = AdminClient({"bootstrap.servers": brokers})
    deadline, still = time.monotonic() + PATIENCE_S, 0
    while still < _STILL_LOOKS:
        owners: list[int] = []
        with suppress(KafkaException):  # a new group has no coordinator for a while
            group = admin.describe_consumer_groups([pipeline.name])[pipeline.name].result()
            if group.state == ConsumerGroupState.STABLE:
                owners = [len(one.assignment.topic_partitions) for one in group.members]
        still = still + 1 if len(owners) == workers and all(owners) else 0
        if worker.poll() is not None:
            raise BenchmarkError(f"ended with {worker.returncode}")
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{len(owners)} of {workers} workers after {PATIENCE_S:g} s")
        time.sleep(_LOOK_S)


def apart(events: Chunk, way: Way, looks: Sequence[Sequence[Lag]]) -> int:
    """The median of the events between the partition that is farthest and the one least far."""
    keys = ByteColumn.of(events.keys or [None] * len(events))
    partition = partitions_of(keys, way.partitions, 0)
    numbers = [np.flatnonzero(partition == one) for one in range(way.partitions)]
    found = []
    for look in looks:
        at = [one.committed or 0 for one in look[: way.partitions]]  # of the events, named first
        places = [own[min(n, len(own)) - 1] for n, own in zip(at, numbers, strict=True) if n]
        if len(places) == way.partitions and max(places) < 0.95 * len(events):
            found.append(int(max(places) - min(places)))
    return median_low(found) if found else 0
