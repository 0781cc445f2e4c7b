"""A worker killed long after its last image: how soon the next one is where it was, to the bit."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition

from benchmarks.backlog import write
from benchmarks.measuring import BenchmarkError
from benchmarks.pipelines import VERDICTS, delayed
from benchmarks.processes import working
from benchmarks.systems import PAYMENTS, SYSTEMS, System
from streams import Pipeline
from streams.broker import Broker
from streams.catalogue import RECOVERY_LEFT
from streams.demo_process import free_port
from streams.journal import Entry, Script
from streams.logreading import ends, stretch
from streams.recovery import Recovery
from streams.task import PartitionTask
from streams.topics import TopicSpec, ensure

__all__ = ["LIVE_RATE", "Digest", "recoveries"]

LIVE_RATE = 5_000
"""Records a second, payments and verdicts, of a partition that is called busy."""

_BEFORE = 0.15  # of the events: at most so many are in the image already
_BEHIND = 0.35  # what is there for the next worker, once it is where the first was
_WARM_UP = 0.1
_LOOK_S, _PATIENCE_S = 0.05, 120.0
_NEVER_S = 1e6
_SYSTEM = System("Thalweg", "unguarded", "exactly-once", 0, SYSTEMS[0].packages)
_LEFT = re.compile(rf"^{RECOVERY_LEFT.name}{{.*}} (\S+)$".encode(), re.MULTILINE)


def recoveries(runs: int, events: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Kill a worker that has committed `events`, or more, since its image, and start another.

    Raises:
        BenchmarkError: a worker died or stood still.
    """
    with Broker(heap="1g") as broker:
        ensure(broker.bootstrap, [TopicSpec(topic, 1) for topic in (PAYMENTS, VERDICTS)])
        count = int((1 + _BEFORE + _BEHIND) * events)
        write(broker.bootstrap, count)
        taken = []
        for number in range(runs):
            pipeline = delayed(f"recovery-{uuid4().hex[:8]}")
            with closing(_Group(broker.bootstrap, pipeline)) as group:
                taken.append(_recovery(broker.bootstrap, pipeline, group, events))
            shown = ", ".join(f"{name} {value:,}" for name, value in taken[-1].items())
            say(f"recovery {number + 1}  {shown}")
    return taken


def _recovery(brokers: str, pipeline: Pipeline, group: _Group, events: int) -> dict[str, Any]:
    """Figures of one recovery.

    What was published, before the kill and after it, is compared with what one task makes of the
    same logs. `times_live` and `times_first` tell how many times faster than live traffic, and
    than the first worker at full speed, records were computed again.
    """
    with _worker(brokers, pipeline) as worker:
        group.wait(worker, _WARM_UP * events)
        began, before = time.monotonic(), group.records()
        group.wait(worker, (1 + _BEFORE) * events)
        rate = (group.records() - before) / (time.monotonic() - began)
        worker.kill()
        worker.wait()
    killed_at = group.at(PAYMENTS)
    port = free_port()
    started = time.monotonic()
    with _worker(brokers, pipeline, f"metrics_port={port}") as worker:
        taken_over, recovered, records = _watched(worker, port)
        group.wait(worker, killed_at + 1)
        answered = time.monotonic()
        for topic, end in zip(pipeline.input_topics, group.ends(), strict=True):
            group.wait(worker, end, topic)
        worker.terminate()
        worker.wait(60)
    recovery = recovered - taken_over
    figures = {
        "start_s": taken_over - started,
        "recovery_s": recovery,
        "start_to_answer_s": answered - started,
        "records_per_s": records / recovery,
        "times_live": records / recovery / LIVE_RATE,
        "times_first": records / recovery / rate,
    }
    return {
        "records": records,
        **{name: round(value, 2) for name, value in figures.items()},
        "state_equal": asyncio.run(_equal(brokers, pipeline)),
    }


@contextmanager
def _worker(brokers: str, pipeline: Pipeline, *settings: str) -> Iterator[psutil.Popen]:
    """A worker that writes one image, the first; in a slot, which the next can take at once."""
    command = _SYSTEM.command(brokers, pipeline.predictions_topic)
    command += ["delayed", "on", f"checkpoint_interval_s={_NEVER_S}", "slot=0", *settings]
    with working(command) as worker:
        yield worker


class _Group:
    """What a pipeline's group has committed, and could."""

    def __init__(self, brokers: str, pipeline: Pipeline) -> None:
        self._topics = pipeline.input_topics
        self._consumer = Consumer(
            {"bootstrap.servers": brokers, "group.id": pipeline.name, "log_level": 2}
        )

    def close(self) -> None:
        """Ask no more."""
        self._consumer.close()

    def at(self, topic: str) -> int:
        """The offset it reads next, 0 before it has read any."""
        with suppress(KafkaException):  # a new group has no coordinator for a while
            [place] = self._consumer.committed([TopicPartition(topic, 0)], 10.0)
            return max(place.offset, 0)
        return 0

    def records(self) -> int:
        """How many it has read, of all topics."""
        return sum(map(self.at, self._topics))

    def ends(self) -> list[int]:
        """Of each topic."""
        places = [TopicPartition(topic, 0) for topic in self._topics]
        return [self._consumer.get_watermark_offsets(place, 10.0)[1] for place in places]

    def wait(self, worker: psutil.Popen, offset: float, topic: str = PAYMENTS) -> None:
        """Until it is there."""
        deadline = time.monotonic() + _PATIENCE_S
        while (at := self.at(topic)) < offset:
            _check(worker, deadline, f"{topic} is at {at:,} of {offset:,}")
            time.sleep(_LOOK_S)


def _watched(worker: psutil.Popen, port: int) -> tuple[float, float, int]:
    """When the partition was taken over, when it had recovered, and how much it had to read."""
    deadline = time.monotonic() + _PATIENCE_S
    records, taken_over = 0, 0.0
    while True:
        left = _left(port)
        if left and not records:
            records, taken_over = left, time.monotonic()
        if left == 0 and records:
            return taken_over, time.monotonic(), records
        _check(worker, deadline, f"{left} of {records} records are left to recover")
        time.sleep(_LOOK_S)


def _left(port: int) -> int | None:
    """Offsets still to be computed again; None while nothing is told of them."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10.0) as answer:
            found = _LEFT.search(answer.read())
    except (URLError, ConnectionError):
        return None
    return None if found is None else int(float(found[1]))


def _check(worker: psutil.Popen, deadline: float, told: str) -> None:
    if worker.poll() is not None:
        raise BenchmarkError(f"the worker ended with {worker.returncode}: {told}")
    if time.monotonic() > deadline:
        raise BenchmarkError(f"after {_PATIENCE_S:g} s {told}")


async def _equal(brokers: str, pipeline: Pipeline) -> bool:
    """Whether all predictions are those of one task that was never interrupted, byte for byte."""
    client = {"bootstrap_servers": brokers}
    topics = [pipeline.journal_topic, pipeline.predictions_topic]
    _, end = await ends(client, topics, 0)
    journal, published = [stretch(client, topic, 0, 0, end[topic]) for topic in topics]
    async with journal as slices:
        entries = [Entry.decode(value) async for some in slices for value in some.values]
    seen = Digest()
    async with published as slices:
        async for records in slices:
            seen.update(records.values)
    return (await _recomputed(client, pipeline, entries)).same(seen)


async def _recomputed(
    client: Mapping[str, Any], pipeline: Pipeline, entries: Sequence[Entry]
) -> Digest:
    """The predictions of a task that is fed the logs in the journal's order."""
    begin, end = entries[0].begin, entries[-1].end
    order = Recovery(Script(entries, begin, end), begin, end)
    for topic in pipeline.input_topics:
        async with stretch(client, topic, 0, begin[topic], end[topic]) as slices:
            async for records in slices:
                order.offer(records)
    task = PartitionTask(pipeline, 0)
    task.positions = dict(begin)
    made = Digest()
    for records in order.ready():
        made.update(task.take(records).predictions.values)
    return made


class Digest:
    """A checksum over values, however they are cut into columns."""

    def __init__(self) -> None:
        self._count = 0
        self._hash = hashlib.sha256()

    def update(self, values: Sequence[bytes]) -> None:
        self._count += len(values)
        self._hash.update(b"".join([value + b"\n" for value in values]))

    def same(self, other: Digest) -> bool:
        return (self._count, self._hash.digest()) == (other._count, other._hash.digest())
