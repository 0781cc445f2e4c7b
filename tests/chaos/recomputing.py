"""The uninterrupted run: a task that is fed the log in the order of a journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from streams.pipeline import Pipeline
from streams.slices import Record, Records, Slice
from streams.task import PartitionTask
from tests.chaos.traffic import Traffic

__all__ = ["Step", "rerun", "slice_of", "warm_up"]

Step = tuple[str, int]
"""A topic, and the offset up to which its records come next."""


def slice_of(records: Sequence[Record]) -> Slice:
    """Records of one partition, one offset after another, as a slice."""
    first = records[0]
    return Slice(
        first.topic,
        first.partition,
        first.offset,
        records[-1].offset + 1,
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
) -> tuple[PartitionTask, Records, Records]:
    """The task behind the last step, and all predictions and dead letters on the way.

    Args:
        pipeline: whose.
        partition: its number.
        inputs: by topic, the records of this partition from offset 0 on.
        steps: in which order they were consumed.
    """
    task = PartitionTask(pipeline, partition)
    task.positions = dict.fromkeys(pipeline.input_topics, 0)
    outputs = []
    for topic, upto in steps:
        records = inputs[topic][task.positions[topic] : upto]
        if records:
            outputs.append(task.take(slice_of(records)))
    nothing = Records([], [], [])
    predictions = [output.predictions for output in outputs if len(output.predictions)]
    letters = [output.dead_letters for output in outputs if len(output.dead_letters)]
    return (
        task,
        Records.joined(predictions) if predictions else nothing,
        Records.joined(letters) if letters else nothing,
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
        rerun(pipeline, 0, inputs, [(topic, part) for topic in inputs])
