"""The uninterrupted run: a task that is fed the log in the order of a journal."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from streams.pipeline import Pipeline
from streams.slices import Record, Records, Slice
from streams.task import PartitionTask
from tests.chaos.traffic import Traffic

__all__ = ["Rerun", "Step", "rerun", "slice_of", "warm_up"]

Step = tuple[str, int]
"""A topic, and the offset up to which its records come next."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """What an uninterrupted task came to.

    Attributes:
        task: behind the last step.
        predictions: on the way.
        letters: likewise.
        deltas: likewise, the values of their records.
    """

    task: PartitionTask
    predictions: Records
    letters: Records
    deltas: Sequence[bytes]


def slice_of(topic: str, log: Sequence[Record], start: int, upto: int) -> Slice:
    """The records of a log between two offsets, as a slice."""
    first, last = (bisect_left(log, at, key=lambda record: record.offset) for at in (start, upto))
    records = log[first:last]
    return Slice(
        topic,
        records[0].partition if records else 0,
        start,
        upto,
        [record.offset for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [record.timestamp for record in records],
        [record.headers for record in records] if any(r.headers for r in records) else None,
    )


def rerun(
    pipeline: Pipeline,
    partition: int,
    inputs: Mapping[str, Sequence[Record]],
    steps: Sequence[Step],
) -> Rerun:
    """Have a task that nothing happens to take everything in that order.

    Args:
        pipeline: whose.
        partition: its number.
        inputs: by topic, the records of this partition from offset 0 on; deltas, which are of all,
            keyed by the partition that told them.
        steps: in which order they were consumed.
    """
    task = PartitionTask(pipeline, partition)
    task.positions = dict.fromkeys(pipeline.consumed_topics, 0)
    outputs = [
        task.take(slice_of(topic, inputs[topic], task.positions[topic], upto))
        for topic, upto in steps
    ]
    nothing = Records([], [], [])
    predictions = [output.predictions for output in outputs if len(output.predictions)]
    letters = [output.dead_letters for output in outputs if len(output.dead_letters)]
    return Rerun(
        task,
        Records.joined(predictions) if predictions else nothing,
        Records.joined(letters) if letters else nothing,
        [delta for output in outputs for delta in output.deltas],
    )


def warm_up(pipeline: Pipeline, messages: Traffic) -> None:
    """Have everything compiled that the pipeline needs."""
    names = dict(zip(("events", "labels"), pipeline.input_topics, strict=False))
    inputs: dict[str, list[Record]] = {topic: [] for topic in pipeline.input_topics}
    for message in (message for due in islice(messages, 3_000) for message in due):
        topic = names[message.role]
        offset = len(inputs[topic])
        inputs[topic].append(
            Record(topic, 0, offset, message.key, message.value, message.timestamp)
        )
    for part in (10, 100, 3_000):
        steps = [(topic, min(part, len(inputs[topic]))) for topic in inputs]
        found = rerun(pipeline, 0, inputs, steps)
    if pipeline.deltas_topic is not None:
        inputs[pipeline.deltas_topic] = [
            Record(pipeline.deltas_topic, 0, 0, b"0", delta, 0) for delta in found.deltas[:1]
        ]
        rerun(pipeline, 0, inputs, [*steps, (pipeline.deltas_topic, 1)])
