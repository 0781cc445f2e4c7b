"""Decides from what a round left behind whether every promise was kept.

It knows nothing of the worker: what was read is taken from the input topics, in which order from
the journal's own JSON, what was to be learned from a joiner in plain Python, and what was to be
published from a task that was never interrupted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import pairwise

from models.deltas import DeltaError
from streams.image import ImageError, pack, unpack
from streams.mixing import MixingError
from streams.slices import Record, Records
from tests.chaos import oracle
from tests.chaos.evidence import Evidence
from tests.chaos.oracle import Course
from tests.chaos.recomputing import Step, rerun
from tests.counting import Counting, counted

__all__ = ["Verdict", "verify"]

_EXAMPLES = 5


@dataclass(slots=True)
class Verdict:
    """What a round came to.

    Attributes:
        events: sound events in the input.
        predictions: published.
        deltas: that the partitions told each other.
        lost: events without prediction, bad records without dead letter, and deltas that are not
            there or not taken over.
        duplicated: predictions and dead letters beyond the first of their record, and deltas that
            are there or taken over once more.
        learned_twice: labels learned more often than they were to be.
        learned_never: labels not learned that were to be.
        state_equal: whether all that was published, and the state in the end, are those of a run
            that was never interrupted, to the bit.
        problems: what was found, in words.
    """

    events: int = 0
    predictions: int = 0
    deltas: int = 0
    lost: int = 0
    duplicated: int = 0
    learned_twice: int = 0
    learned_never: int = 0
    state_equal: bool = True
    problems: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        wrong = self.lost + self.duplicated + self.learned_twice + self.learned_never
        return wrong == 0 and self.state_equal

    def add(self, other: Verdict) -> None:
        """Count another round's as well."""
        for name in (
            "events",
            "predictions",
            "deltas",
            "lost",
            "duplicated",
            "learned_twice",
            "learned_never",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.state_equal &= other.state_equal
        self.problems += other.problems


def verify(evidence: Evidence) -> Verdict:
    """Hold what was published against what was to be."""
    verdict = Verdict(deltas=len(evidence.deltas))
    for number in evidence.partitions:
        _count(evidence, number, verdict)
        steps = _steps(evidence, number, verdict)
        course = _course(evidence, number, steps)
        _compare_learning(evidence, number, course, verdict)
        _compare_with_rerun(evidence, number, steps, verdict)
        if isinstance(evidence.pipeline.model, Counting):
            _add_up(evidence, number, steps, verdict)
    return verdict


def _count(evidence: Evidence, number: int, verdict: Verdict) -> None:
    """Each sound event has one prediction, each bad record one dead letter."""
    pipeline = evidence.pipeline
    events = evidence.inputs[pipeline.events.name][number]
    wanted = Counter(_id(event) for event in events if oracle.is_sound(event.value))
    found = Counter(_id(prediction) for prediction in evidence.predictions[number])
    verdict.events += wanted.total()
    verdict.predictions += found.total()
    _tally(f"predictions of partition {number}", wanted, found, verdict)

    bad: Counter[str] = Counter()
    for topic, records in evidence.inputs.items():
        for record in records[number]:
            if not oracle.is_sound(record.value):
                bad[f"{topic} {record.offset}"] += 1
    letters = Counter(_origin(letter) for letter in evidence.dead_letters[number])
    _tally(f"dead letters of partition {number}", bad, letters, verdict)


def _tally(what: str, wanted: Counter[str], found: Counter[str], verdict: Verdict) -> None:
    missing, more = wanted - found, found - wanted
    verdict.lost += missing.total()
    verdict.duplicated += more.total()
    if missing:
        verdict.problems.append(f"{what}: lost {missing.total()}: {_some(missing)}")
    if more:
        verdict.problems.append(f"{what}: too many {more.total()}: {_some(more)}")


def _steps(evidence: Evidence, number: int, verdict: Verdict) -> Sequence[Step]:
    """In which order the topics were read, from the journal; it has no gap and no overlap."""
    topics = evidence.pipeline.consumed_topics
    inputs = evidence.pipeline.input_topics
    committed = {topic: evidence.committed[topic][number] for topic in inputs}
    for topic in inputs:
        end = len(evidence.inputs[topic][number])
        if committed[topic] != end:
            problem = f"{topic}-{number}: committed {committed[topic]} of {end} records"
            _differs(verdict, problem)

    reached = dict.fromkeys(topics, 0)
    steps: list[Step] = []
    for place, value in enumerate(evidence.journal[number]):
        entry = json.loads(value)
        if {**reached, **entry["begin"]} != reached:
            _differs(
                verdict,
                f"journal {number}: entry {place} begins at {entry['begin']}, not {reached}",
            )
        for topic, upto in entry["steps"]:
            if upto <= reached[topic]:
                _differs(verdict, f"journal {number}: entry {place} goes back to {upto} in {topic}")
            reached[topic] = upto
            steps.append((topic, upto))
    if {topic: reached[topic] for topic in inputs} != committed:
        _differs(verdict, f"journal {number}: ends at {reached}, committed is {committed}")
    return steps


def _course(evidence: Evidence, number: int, steps: Sequence[Step]) -> Course:
    pipeline = evidence.pipeline
    inputs = {topic: records[number] for topic, records in evidence.inputs.items()}
    if pipeline.label_topic is None:
        return oracle.with_labels_inside(inputs[pipeline.events.name])
    own = [step for step in steps if step[0] in inputs]
    return oracle.with_labels_by_topic(pipeline.label_topic, inputs, own)


def _compare_learning(evidence: Evidence, number: int, course: Course, verdict: Verdict) -> None:
    """Every prediction tells how many labels were learned before it: no more, no fewer.

    What was learned once too often, or not, stays in all counts behind it: it is told by the
    difference to the one before. The count in the last image closes the row.
    """
    published = [json.loads(one.value or b"") for one in evidence.predictions[number]]
    ahead = [
        one["learned"] - course.known[one["offset"]]
        for one in published
        if one["offset"] in course.known
    ]
    try:
        state = unpack(evidence.images[number]).state
    except ImageError as error:
        _differs(verdict, f"partition {number} has no image in the end: {error}")
    else:
        ahead.append(state["learned"] - course.learned)
    for before, after in pairwise([0, *ahead]):
        verdict.learned_twice += max(after - before, 0)
        verdict.learned_never += max(before - after, 0)
    if any(ahead):
        place = next(place for place, off in enumerate(ahead) if off)
        verdict.problems.append(
            f"partition {number}: at its prediction {place} it had learned {ahead[place]:+d} "
            "labels more than it should"
        )


def _compare_with_rerun(
    evidence: Evidence, number: int, steps: Sequence[Step], verdict: Verdict
) -> None:
    pipeline = evidence.pipeline
    inputs = {topic: records[number] for topic, records in evidence.inputs.items()}
    if pipeline.deltas_topic is not None:
        inputs[pipeline.deltas_topic] = [_by_partition(delta) for delta in evidence.deltas]
    try:
        wanted = rerun(pipeline, number, inputs, steps)
    except MixingError as error:
        _differs(verdict, f"partition {number} cannot be computed again: {error}")
        return
    _compare(f"prediction {number}", evidence.predictions[number], wanted.predictions, verdict)
    _compare(f"dead letter {number}", evidence.dead_letters[number], wanted.letters, verdict)
    if pack(wanted.task.image()) != evidence.images[number]:
        _differs(verdict, f"partition {number}: the state in the end is another")
    key = f"{pipeline.name}/{number}".encode()
    told = Counter(_digest(one.value) for one in evidence.deltas if one.key == key)
    _tally(f"deltas of partition {number}", Counter(map(_digest, wanted.deltas)), told, verdict)


def _add_up(evidence: Evidence, number: int, steps: Sequence[Step], verdict: Verdict) -> None:
    """Every delta up to where the partition has read them is in its state, and once.

    The sums are made of the records' bytes alone: where the model only counts, what a partition has
    taken over is the sum of all that was told.
    """
    topic = evidence.pipeline.deltas_topic
    upto = max((upto for read, upto in steps if read == topic), default=0)
    try:
        mixed = unpack(evidence.images[number]).state["learner"]["mixed"]
        told = counted(one for one in evidence.deltas if one.offset < upto)
    except (ImageError, DeltaError) as error:
        _differs(verdict, f"what partition {number} has taken over cannot be told: {error}")
        return
    ahead = mixed - told
    verdict.lost += int(-ahead[ahead < 0].sum())
    verdict.duplicated += int(ahead[ahead > 0].sum())
    if ahead.any():
        verdict.problems.append(
            f"partition {number} has taken over {ahead.sum():+d} labels more than it was told"
        )


def _by_partition(delta: Record) -> Record:
    return replace(delta, key=(delta.key or b"").rpartition(b"/")[2])


def _digest(value: bytes | None) -> str:
    return sha256(value or b"").hexdigest()


def _compare(what: str, published: Sequence[Record], wanted: Records, verdict: Verdict) -> None:
    """Byte for byte, in order."""
    headers: Iterable[Sequence[tuple[str, bytes | None]]] = wanted.headers or [()] * len(wanted)
    ours = list(
        zip(
            map(_bytes, wanted.keys),
            map(_bytes, wanted.values),
            map(int, wanted.timestamps),
            map(tuple, headers),
            strict=True,
        )
    )
    theirs = [(one.key, one.value, one.timestamp, tuple(one.headers)) for one in published]
    if ours != theirs:
        different = [i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b]
        place = different[0] if different else min(len(ours), len(theirs))
        _differs(
            verdict,
            f"{what}: {len(theirs)} published, {len(ours)} recomputed, {len(different)} differ; "
            f"the first at {place}: {theirs[place : place + 1]} is to be {ours[place : place + 1]}",
        )


def _differs(verdict: Verdict, problem: str) -> None:
    verdict.state_equal = False
    verdict.problems.append(problem)


def _bytes(value: bytes | None) -> bytes | None:
    return None if value is None else bytes(value)


def _id(record: Record) -> str:
    return str(json.loads(record.value or b"")["id"])


def _origin(letter: Record) -> str:
    told: Mapping[str, bytes | None] = dict(letter.headers)
    return f"{(told['thalweg.topic'] or b'').decode()} {(told['thalweg.offset'] or b'').decode()}"


def _some(counted: Counter[str]) -> str:
    return ", ".join(list(counted)[:_EXAMPLES])
