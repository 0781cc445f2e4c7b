"""One run of one system: what it costs in CPU-seconds, and whether it answered every event."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import msgspec
import numpy as np
import psutil  # comes with jgo
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from numpy.typing import NDArray

from benchmarks.systems import System
from streams.topics import TopicSpec, delete, ensure

__all__ = ["BenchmarkError", "Run", "committed", "cpu_seconds", "measure", "when"]

WARM_UP = 0.1
"""Share of the measured events that is scored before, while everything is loaded and compiled."""

_LEAP = 0.2
_LOOK_S = 0.05
_PATIENCE_S = 180.0


class BenchmarkError(Exception):
    """A system died, stood still, or left events without a prediction."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a system did between two moments in which it was at full work.

    Attributes:
        events: whose predictions became readable in between.
        wall_s: between the two.
        cpu_s: of its process and those it started, all threads, user and system.
        predictions_read_back: read by librdkafka, committed, in that range of the topic.
    """

    events: int
    wall_s: float
    cpu_s: float
    predictions_read_back: int

    @property
    def events_per_cpu_s(self) -> float:
        """Events by CPU-seconds."""
        return self.events / self.cpu_s


@dataclass(frozen=True, slots=True)
class Moment:
    """Ends of a topic's partitions, and the wall and CPU seconds until then."""

    ends: Sequence[int]
    wall: float
    cpu: float


class _Position(msgspec.Struct):
    """What is read of a prediction: the event it belongs to."""

    partition: int
    offset: int


def measure(system: System, brokers: str, partitions: int) -> Run:
    """Start a system, wait until it is warm, measure, stop it, and read back what it wrote.

    Both moments of a measurement are found by the same look at the predictions topic, long after
    the first event and long before the last: start-up and compilation are over, and as much is
    computed but not yet committed at the one as at the other.

    Raises:
        BenchmarkError: it died, stood still, or left events without a prediction.
    """
    predictions = f"{system.module.replace('_', '-')}-{uuid4().hex[:8]}.predictions"
    ensure(brokers, [TopicSpec(predictions, partitions)])
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as scratch:
        process = psutil.Popen(
            system.command(brokers, predictions),
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": scratch},  # what it leaves behind goes with it
        )
        try:
            warm = WARM_UP * system.events
            first = when(warm, process, brokers, predictions, partitions)
            last = when(warm + system.events, process, brokers, predictions, partitions)
            # Some systems do not finish what they began when they are told to end.
            when(sum(last.ends) + warm, process, brokers, predictions, partitions)
            process.terminate()
            process.wait(60)
        except (BenchmarkError, psutil.TimeoutExpired) as error:
            log.seek(0)
            said = log.read().decode(errors="replace")
            raise BenchmarkError(f"{system.name}: {error}\n{said[-2000:]}") from error
        finally:
            if process.is_running():
                process.kill()
                process.wait()
    events, found = _read_back(brokers, predictions, first.ends, last.ends)
    delete(brokers, [predictions])
    if abs(events - system.events) > _LEAP * system.events:
        raise BenchmarkError(
            f"{system.name}: the two moments are {events:,} events apart instead of "
            f"{system.events:,}: it commits in leaps, and no moment is like another"
        )
    return Run(events, last.wall - first.wall, last.cpu - first.cpu, found)


def when(
    events: float,
    process: psutil.Popen,
    brokers: str,
    topic: str,
    partitions: int,
    patience_s: float = _PATIENCE_S,
) -> Moment:
    """The moment from which so many predictions, or a few less, are committed.

    Raises:
        BenchmarkError: the process ended, or they are not within `patience_s`.
    """
    consumer = _consumer(brokers)
    places = [TopicPartition(topic, number) for number in range(partitions)]
    ends = [0] * partitions
    deadline = time.monotonic() + patience_s
    while sum(ends) < events:
        if process.poll() is not None:
            raise BenchmarkError(f"ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{sum(ends)} predictions after {patience_s:g} s")
        time.sleep(_LOOK_S)
        with suppress(KafkaException):  # a new topic has no leader for a while
            ends = [consumer.get_watermark_offsets(place, 10.0)[1] for place in places]
    moment = Moment(ends, time.monotonic(), cpu_seconds(process))
    consumer.close()
    return moment


def cpu_seconds(process: psutil.Process) -> float:
    """User and system, of a process and all it started: those that run and those that ended."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def _consumer(brokers: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "benchmark",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            # With its usual 100,000 it stands still for a second whenever so many are waiting.
            "queued.min.messages": 1_000_000,
            "queued.max.messages.kbytes": 1_000_000,
        }
    )


def _read_back(
    brokers: str, topic: str, first: Sequence[int], last: Sequence[int]
) -> tuple[int, int]:
    """How many events have a prediction in the range, and how many predictions it holds.

    Raises:
        BenchmarkError: of the events before the last one measured, some have no prediction.
    """
    place, offset, event_place, event_offset = _positions(brokers, topic, len(last))
    until_last = offset < np.array(last)[place]
    for number in np.unique(event_place):
        here = event_place == number
        due = event_offset[here & until_last].max(initial=-1) + 1
        missing = int(due - np.unique(event_offset[here & (event_offset < due)]).size)
        if missing:
            raise BenchmarkError(f"{missing} events of partition {number} have no prediction")
    measured = until_last & (np.array(first)[place] <= offset)
    events = event_place[measured] << 48 | event_offset[measured]
    return len(np.unique(events)), len(events)


def _positions(brokers: str, topic: str, partitions: int) -> NDArray[np.int64]:
    """int64[4, n]: of each prediction its partition and offset, and those of its event."""
    decode = msgspec.json.Decoder(_Position).decode
    found = array("q")
    for message in committed(brokers, topic, partitions):
        event = decode(message.value())
        found.extend((message.partition(), message.offset(), event.partition, event.offset))
    return np.frombuffer(found, np.int64).reshape(-1, 4).T


def committed(brokers: str, topic: str, partitions: int) -> Iterator[Message]:
    """All committed messages of a topic as it is now, each partition in order of offsets."""
    consumer = _consumer(brokers)
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    unread = set(range(partitions))
    while unread:
        for message in consumer.consume(10_000, 0.2):
            if message.error() is None:
                yield message
            elif message.error().code() == KafkaError._PARTITION_EOF:
                unread.discard(message.partition())  # an end may be told twice
    consumer.close()
