"""The whole life of an event, in one partition: pure, so that any of it can be done again.

A task does no I/O and reads no clock. Its state is a function of the slices it was given, and
where the log was cut into slices makes no difference to a bit of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from models.protocol import LEARN, SCORE, Plan, Scores, State, Target
from models.bytecolumn import ByteColumn
from streams.codec import Decoded, Decoder, Prediction, Reason, Reject, encode
from streams.image import FORMAT, Image, ImageError
from streams.joiner import Joiner
from streams.letters import dead_letters
from streams.scored import Scored
from streams.slices import Records, Slice, chosen

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["OffsetGapError", "Output", "PartitionTask"]


_FROM_SECONDS = partial(datetime.fromtimestamp, tz=UTC)


class OffsetGapError(Exception):
    """A slice begins after the position the task has read up to: something was skipped."""


@dataclass(slots=True)
class Output:
    """What a slice brought about.

    Attributes:
        predictions: one for each event, in order.
        dead_letters: the records that were turned away.
        events: how many were scored.
        learned: how many labels were learned.
        reasons: how many records were turned away, by reason.
        outcomes: how many labels (and waiting events) came to which end; see `Joiner`.
    """

    predictions: Records = field(default_factory=lambda: Records([], [], []))
    dead_letters: Records = field(default_factory=lambda: Records([], [], [], []))
    events: int = 0
    learned: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)


class PartitionTask:
    """Decodes, encodes, scores, decides, remembers, joins, learns and measures.

    Attributes:
        positions: by topic, the offset up to which its records are in the state.
        quality: how well it predicted what it has learned since.
    """

    def __init__(self, pipeline: Pipeline, partition: int) -> None:
        self.pipeline = pipeline
        self.partition = partition
        self.positions: dict[str, int] = {}
        self.encoder = pipeline.new_encoder()
        self.rows = pipeline.new_rows()
        self.learner = pipeline.new_learner(partition)
        self.quality = pipeline.new_quality()
        self.learned = 0
        self._scored = Scored()
        self._events = Decoder(pipeline.events.schema, pipeline.max_event_bytes)
        labels = pipeline.label_topic
        self.joiner: Joiner | None = None
        if labels is not None:
            self.joiner = Joiner(labels.maturity, labels.otherwise, labels.remember)
            self._labels = Decoder(labels.schema, pipeline.max_event_bytes)

    def take(self, records: Slice) -> Output:
        """Take a slice of the events or the labels topic; what is not new in it is passed over.

        Raises:
            OffsetGapError: the slice begins beyond the task's position in that topic.
        """
        position = self.positions[records.topic]
        if records.start > position:
            raise OffsetGapError(
                f"{records.topic}-{records.partition} was read up to {position}, "
                f"the next record to come is {records.start}"
            )
        records = records.since(position)
        before = Counter(self.joiner.outcomes) if self.joiner else Counter()
        output = Output()
        if len(records):
            if records.topic == self.pipeline.events.name:
                self._take_events(records, output)
            else:
                self._take_labels(records, output)
        self.positions[records.topic] = max(position, records.next)
        if self.joiner:
            output.outcomes = Counter(self.joiner.outcomes)
            output.outcomes.subtract(before)
        return output

    def _take_events(self, records: Slice, output: Output) -> None:
        topic, pipeline = self.pipeline.events, self.pipeline
        decoded = self._events.decode(records)
        targets: list[Any] | None = None
        if pipeline.label_field is not None:
            decoded = self._without_bad_targets(decoded, pipeline.label_field)
        decoded, at = self._with_times(decoded, topic.time, records)
        columns = {name: decoded.column(name) for name in pipeline.fields}
        unusable = self.encoder.unusable(columns)
        if unusable:
            decoded = decoded.without({n: ("number", why) for n, why in unusable.items()})
            at = [time for n, time in enumerate(at) if n not in unusable]
            columns = {name: decoded.column(name) for name in columns}
        self._turn_away(records, decoded.rejects, output)
        n = len(decoded.events)
        if not n:
            return
        if pipeline.label_field is not None:
            targets = decoded.column(pipeline.label_field)
        seconds = list(map(datetime.timestamp, at))
        ids = None if topic.id is None else list(map(str, decoded.column(topic.id)))

        first, plan = self.rows.next, Plan()
        self.encoder.append(columns, n, self.rows)
        learned_at: Sequence[float] = ()
        if self.joiner is not None and ids is not None:
            learned_at = self.joiner.events(ids, seconds, first, plan)
        elif targets is None:
            plan.score_run(first, n)
        elif None in targets:
            _score_and_learn_some(plan, first, targets)
        else:
            plan.score_then_learn(first, targets)

        scores = self.learner.run(plan, self.rows)
        decisions = pipeline.decisions(scores)
        op = np.frombuffer(plan.op, np.int8)
        known = self.learned + np.cumsum(op == LEARN)[op == SCORE]
        if targets is None:
            self._scored.append(scores.value.tolist(), decisions, seconds)
            self._measure(plan, learned_at, output)
        else:
            self._measure_inside(scores, decisions, targets, output)
        output.events = n
        output.predictions = self._predictions(
            records, decoded.places, ids, at, scores, decisions, known.tolist()
        )

    def _take_labels(self, records: Slice, output: Output) -> None:
        labels = self.pipeline.label_topic
        assert self.joiner is not None
        assert labels is not None
        decoded = self._without_bad_targets(self._labels.decode(records), labels.value)
        decoded, at = self._with_times(decoded, labels.time, records)
        self._turn_away(records, decoded.rejects, output)
        ids = list(map(str, decoded.column(labels.id)))
        seconds = list(map(datetime.timestamp, at))
        plan = Plan()
        learned_at = self.joiner.labels(ids, decoded.column(labels.value), seconds, plan)
        if len(plan):
            self.learner.run(plan, self.rows)
            self._measure(plan, learned_at, output)

    def _without_bad_targets(self, decoded: Decoded[Any], field: str) -> Decoded[Any]:
        """Turn away events whose `field` holds a label that the model cannot learn."""
        targets = decoded.column(field)
        accepts = self.pipeline.model.accepts
        refused = {
            target: why
            for target in set(targets)
            if target is not None and (why := accepts(target)) is not None
        }
        if not refused:
            return decoded
        return decoded.without(
            {n: ("label", refused[it]) for n, it in enumerate(targets) if it in refused}
        )

    def _with_times(
        self, decoded: Decoded[Any], field: str | None, records: Slice
    ) -> tuple[Decoded[Any], list[datetime]]:
        """The time of each event: its own field, or the record's timestamp where it has none."""
        own = [None] * len(decoded.events) if field is None else decoded.column(field)
        if None in own:
            stamps = chosen(records.timestamps, decoded.places)
            own = [stamps[n] / 1000 if time is None else time for n, time in enumerate(own)]
        try:
            return decoded, _moments(own)
        except (ValueError, OverflowError, OSError):
            bad: dict[int, tuple[Reason, str]] = {
                n: ("time", why) for n, time in enumerate(own) if (why := _no_moment(time))
            }
        times = [_moment(time) for n, time in enumerate(own) if n not in bad]
        return decoded.without(bad), times

    def _turn_away(self, records: Slice, rejects: Sequence[Reject], output: Output) -> None:
        if rejects:
            output.dead_letters = dead_letters(records, rejects)
            output.reasons = Counter(reject.reason for reject in rejects)

    def _measure_inside(
        self,
        scores: Scores,
        decisions: Sequence[Target | None],
        targets: Sequence[Target | None],
        output: Output,
    ) -> None:
        """Compare answers with the labels that came with their events."""
        known = [n for n, target in enumerate(targets) if target is not None]
        places = range(len(targets)) if len(known) == len(targets) else known
        labels = cast("Sequence[Target]", chosen(targets, places))
        score = scores.value[known] if len(known) < len(targets) else scores.value
        self.quality.update(score, chosen(decisions, places), labels, np.zeros(len(known)))
        self.learned += len(known)
        output.learned = len(known)
        self.rows.drop_before(self.rows.next)

    def _measure(self, plan: Plan, learned_at: Sequence[float], output: Output) -> None:
        """Compare what was learned with what had been answered, then forget those rows."""
        op = np.frombuffer(plan.op, np.int8)
        rows = np.frombuffer(plan.row, np.int64)[op == LEARN].tolist()
        if rows:
            score, decision, at = self._scored.of(rows)
            self.quality.update(score, decision, plan.target, np.array(learned_at) - at)
            self.learned += len(rows)
            output.learned = len(rows)
        waits = self.rows.next if self.joiner is None else self.joiner.oldest(self.rows.next)
        self.rows.drop_before(waits)
        self._scored.drop_before(waits)

    def _predictions(
        self,
        records: Slice,
        places: Sequence[int],
        ids: Sequence[str] | None,
        at: Sequence[datetime],
        scores: Scores,
        decisions: Sequence[Target | None],
        known: Sequence[int],
    ) -> Records:
        keys = chosen(records.keys, places)
        values: list[float | None] = scores.value.tolist()
        for place in np.flatnonzero(np.isnan(scores.value)).tolist():
            values[place] = None
        lines = map(
            Prediction,
            repeat(None) if ids is None else ids,
            ByteColumn.of(keys).texts(),
            values,
            decisions,
            repeat(self.pipeline.model_version),
            known,
            at,
            repeat(self.partition),
            chosen(records.offsets, places),
        )
        return Records(
            keys,
            encode(list(lines)),
            chosen(records.timestamps, places),
            None if records.headers is None else chosen(records.headers, places),
        )

    @property
    def pending(self) -> int:
        """How many scored events wait for their label."""
        return 0 if self.joiner is None else len(self.joiner)

    def image(self) -> Image:
        """The whole state and the positions it belongs to."""
        first = self.rows.first
        state = {
            "encoder": self.encoder.state(),
            "rows": self.rows.state(),
            "learner": self.learner.state(),
            "joiner": None if self.joiner is None else self.joiner.state(),
            "scored": self._scored.state(first),
            "quality": self.quality.state(),
            "learned": self.learned,
        }
        positions = dict(sorted(self.positions.items()))
        return Image(FORMAT, self.pipeline.model_version, self.partition, positions, state)

    def restore(self, image: Image) -> None:
        """Become the task that `image` was made of.

        Raises:
            ImageError: it was another pipeline's or another partition's.
        """
        if (image.model, image.partition) != (self.pipeline.model_version, self.partition):
            raise ImageError(
                f"the image is of {image.model}, partition {image.partition}; this pipeline is "
                f"{self.pipeline.model_version}, partition {self.partition}.\n"
                "  why:   what was learned belongs to the declaration it was learned with\n"
                "  write: the pipeline as it was, or begin anew: a new name=…, or --group NAME"
            )
        state: State = image.state
        self.positions = dict(image.positions)
        self.encoder.restore(state["encoder"])
        self.rows.restore(state["rows"])
        self.learner.restore(state["learner"])
        if self.joiner is not None:
            self.joiner.restore(state["joiner"])
        self._scored.restore(state["scored"])
        self.quality.restore(state["quality"])
        self.learned = state["learned"]


def _score_and_learn_some(plan: Plan, first: int, targets: Sequence[Target | None]) -> None:
    for row, target in enumerate(targets, first):
        plan.score(row)
        if target is not None:
            plan.learn(row, target)


def _moment(time: datetime | float) -> datetime:
    if isinstance(time, datetime):
        return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return _FROM_SECONDS(time)


def _moments(times: list[Any]) -> list[datetime]:
    """Every time as `_moment` gives it; most columns hold times of one kind."""
    kinds = set(map(type, times))
    if kinds <= {int, float}:
        return list(map(_FROM_SECONDS, times))
    if kinds == {datetime} and None not in {time.tzinfo for time in times}:
        return times
    return list(map(_moment, times))


def _no_moment(time: datetime | float) -> str | None:
    """Why a time is none, such as a number of seconds beyond the calendar."""
    try:
        _moment(time)
    except (ValueError, OverflowError, OSError) as error:
        return f"{time!r} is no time: {error}"
    return None
