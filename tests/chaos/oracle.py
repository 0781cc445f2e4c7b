"""What a partition must learn, and when, in plain Python, without any code of the task's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from streams.declare import Labels
from streams.slices import Record
from tests import plain_joiner

__all__ = ["Course", "is_sound", "with_labels_by_topic", "with_labels_inside"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "id": str,
    "customer": str,
    "terminal": str,
    "amount": (int, float),
    "fraud": bool,
}


@dataclass(slots=True)
class Course:
    """What happened to the events of a partition, in order.

    Attributes:
        known: by an event's offset, how many labels were learned before it was scored.
        learned: how many labels were learned.
    """

    known: dict[int, int] = field(default_factory=dict)
    learned: int = 0


def is_sound(value: bytes | None) -> bool:
    """Whether a record can be used, as anybody would judge who knows its fields."""
    try:
        record = json.loads(value or b"")
    except ValueError:
        return False
    return all(isinstance(record[name], kind) for name, kind in _KINDS.items() if name in record)


def with_labels_inside(events: Sequence[Record]) -> Course:
    """Each event is scored, then its label is learned."""
    sound = [event.offset for event in events if is_sound(event.value)]
    return Course({offset: number for number, offset in enumerate(sound)}, len(sound))


def with_labels_by_topic(
    labels: Labels, inputs: Mapping[str, Sequence[Record]], steps: Sequence[tuple[str, int]]
) -> Course:
    """The joiner in plain Python decides; `steps` is the order in which the topics were read."""
    joiner = plain_joiner.Joiner(labels.maturity, labels.otherwise, labels.remember)
    plan = _Plan()
    position = dict.fromkeys(inputs, 0)
    for topic, upto in steps:
        new = [one for one in inputs[topic][position[topic] : upto] if is_sound(one.value)]
        position[topic] = upto
        records = [json.loads(one.value or b"") for one in new]
        ids = [record["id"] for record in records]
        times = [_seconds(record["at"]) for record in records]
        if topic == labels.topic:
            joiner.labels(ids, [record["fraud"] for record in records], times, plan)
        else:
            first = len(plan.offsets)
            plan.offsets += [one.offset for one in new]
            joiner.events(ids, times, first, plan)
    return plan.course


class _Plan:
    """Notes what the joiner plans as done."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.course = Course()

    def score(self, row: int) -> None:
        self.course.known[self.offsets[row]] = self.course.learned

    def learn(self, row: int, target: object) -> None:
        self.course.learned += 1


def _seconds(at: str) -> float:
    return (datetime.fromisoformat(at) - _EPOCH) // _MICROSECOND / 1e6
