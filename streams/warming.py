"""Compiled code made ready before a worker takes partitions over.

The first slice would wait for it: some seconds while it is read from its cache, a minute or two on
a machine that has never compiled it. By then the group would have given up, or the watchdog. So
would the first look at the figures, and who pays for looks by their time would not look again soon.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from streams.framing import framed
from streams.pipeline import Pipeline
from streams.schema import Event, example
from streams.slices import Records, Slice
from streams.task import PartitionTask
from streams.unpacking import Isolation, unpacked

__all__ = ["warm"]

_RUN = range(100)
"""More than are decoded, answered and told apart one by one."""

_BATCH_BYTES = 1 << 20
_BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
_APART = timedelta(days=400)


def warm(pipeline: Pipeline) -> float:
    """Have a task that is thrown away take made-up events and labels; the seconds that took."""
    began = time.perf_counter()
    task, other = (PartitionTask(pipeline, 0) for _ in range(2))
    for one in (task, other):
        one.positions = dict.fromkeys(pipeline.consumed_topics, 0)
    topic, labels = pipeline.events, pipeline.label_topic
    for turn in range(2):  # by the second, the first events have matured
        at = _BEGIN + turn * _APART
        events = [
            _dated(example(topic.schema), topic.time, at + timedelta(seconds=n)) for n in _RUN
        ]
        _take(task, other, topic.name, events, at)
        if labels is not None:
            told = [_dated(example(labels.schema), labels.time, at) for _ in _RUN]
            _take(task, other, labels.topic, told, at)
    unmixed = pipeline.shares or not task.positions.get(pipeline.deltas_topic or "")
    if pipeline.mixing is not None and unmixed:
        delta = task.learner.publish()
        for sender, one in enumerate((task, other)):
            one.learner.fold(sender, delta)
    _describe(task, pipeline)
    return time.perf_counter() - began


def _describe(task: PartitionTask, pipeline: Pipeline) -> None:
    """Have it tell its figures, as `streams.report.Report` asks for them."""
    for part in (task.quality, task.learner, task.encoder, task.decider):
        part.summary()
    merged = pipeline.new_quality()
    merged.merge(task.quality)
    merged.summary()
    merged.segments()


def _dated(record: Event, field: str | None, at: datetime) -> Event:
    """The record at another time, where a field of it is a datetime that tells it."""
    if field is None or not isinstance(getattr(record, field), datetime):
        return record
    return msgspec.structs.replace(record, **{field: at})


def _take(
    task: PartitionTask, other: PartitionTask, topic: str, records: Sequence[Event], at: datetime
) -> None:
    start, stamp = task.positions[topic], int(at.timestamp() * 1000)
    n, values = len(records), [msgspec.json.encode(record) for record in records]
    sent = Records([b"key"] * n, values, [stamp] * n)
    # As they would come from a broker; only that each batch begins at offset 0.
    [batch] = framed(sent, _BATCH_BYTES, "none", transactional=False)
    read = unpacked(batch._build(), topic, 0, 0, Isolation(None), check=True)
    offsets = range(start, start + n)
    output = task.take(dataclasses.replace(read, start=start, next=offsets.stop, offsets=offsets))
    told = output.deltas
    while told:  # what comes back may be followed by what waited for it
        told = _take_back(task, other, told)


def _take_back(task: PartitionTask, other: PartitionTask, told: Sequence[bytes]) -> Sequence[bytes]:
    """Have it take over what it told, and another as if a third had told it; what it tells then."""
    topic, n = task.pipeline.deltas_topic or "", len(told)
    start = task.positions[topic]
    place = (topic, 0, start, start + n, range(start, start + n))
    other.take(Slice(*place, [b"1"] * n, told, [0] * n))
    return task.take(Slice(*place, [b"0"] * n, told, [0] * n)).deltas
