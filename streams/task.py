"""The whole life of an event, in one partition: pure, so that any of it can be done again.

A task does no I/O and reads no clock. Its state is a function of the slices it was given, and
where the log was cut into slices makes no difference to a bit of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.column import (
    EVENT_TIME,
    Column,
    chosen,
    complete,
    distinct,
    listed,
    missing,
    whole_numbers,
)  # fmt: skip
from models.deltas import Decode
from models.hashing import texts
from models.protocol import LEARN, SCORE, Plan, Scores, State
from models.spill import Spill
from models.textcolumn import TextColumn
from streams.changes import changes
from streams.codec import Decoded, Decoder, Reject
from streams.deciding import Decided
from streams.eventtimes import EventTimes, with_times
from streams.image import FORMAT, Image, ImageError
from streams.importance import Importance, unlikely
from streams.joiner import Joiner
from streams.joiners import Joiners, joiner_of
from streams.letters import dead_letters
from streams.mixing import Peer
from streams.output import Output
from streams.predictions import lines
from streams.scored import Scored
from streams.secrecy import Guard, decoder_of
from streams.slices import Records, Slice

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["OffsetGapError", "Output", "PartitionTask"]


class OffsetGapError(Exception):
    """A slice begins after the position the task has read up to: something was skipped."""


class PartitionTask:
    """Decodes, encodes, scores, decides, remembers, joins, learns and measures.

    Args:
        pipeline: what it does.
        partition: of whose records.
        spill: where what waits for a label is kept; None: in memory. Nothing else depends on it.

    Attributes:
        positions: by topic, the offset up to which its records are in the state.
        quality: how well it predicted what it has learned since.
    """

    def __init__(self, pipeline: Pipeline, partition: int, spill: Spill | None = None) -> None:
        self.pipeline = pipeline
        self.partition = partition
        self.positions: dict[str, int] = {}
        self.encoder = pipeline.new_encoder()
        self.rows = pipeline.new_rows()
        self.learner = pipeline.new_learner(partition)
        self.decider = pipeline.new_decider(partition)
        self.quality = pipeline.new_quality()
        self.learned = 0
        self._scored = Scored()
        self._reasons = pipeline.new_reasons()
        self._events = decoder_of(pipeline)
        self._guard = Guard(pipeline.events)
        labels = pipeline.label_topic
        self.joiner: Joiner | Joiners | None = None
        if labels is not None:
            self.joiner = joiner_of(labels, pipeline.model)
            self._labels = Decoder(labels.schema, pipeline.max_event_bytes)
        self._importance = None if pipeline.propensity is None else Importance()
        self._peer: Peer | None = None
        if pipeline.deltas_topic is not None:
            learner = None if pipeline.mixing is None else self.learner
            self._peer = Peer(learner, pipeline.deltas_topic, partition, self.encoder.shared)
        self._spill = spill
        if spill is not None:
            self._spill_to(spill)

    def decode_with(self, decoded: Decode) -> None:
        """Have deltas of learners decoded by what does so for other tasks, too."""
        if self._peer is not None:
            self._peer.decoded = decoded

    def take(self, records: Slice) -> Output:
        """Take a slice of one of the topics; what is not new in it is passed over.

        Raises:
            OffsetGapError: the slice begins beyond the task's position in that topic.
            MixingError: it holds something that is not the delta that comes next.
        """
        if self._peer is None:
            return self._take(records)
        before = self._peer.under_way
        output = self._take(records)
        output.deltas = self._peer.told(before)
        return output

    def _take(self, records: Slice) -> Output:
        position = self.positions[records.topic]
        if records.start > position:
            raise OffsetGapError(
                f"{records.topic}-{records.partition} was read up to {position}, "
                f"the next record to come is {records.start}"
            )
        records = records.since(position)
        before = None if self.joiner is None else self.joiner.tally()
        output = Output(taken=len(records))
        if len(records):
            if records.topic == self.pipeline.events.name:
                self._take_events(records, output)
            elif self._peer is not None and records.topic == self._peer.topic:
                output.folded = self._peer.fold(records)
            else:
                self._take_labels(records, output)
        self.positions[records.topic] = max(position, records.next)
        if self.joiner is not None and before is not None:
            output.outcomes = self.joiner.outcomes_since(before)
        if self._spill is not None:
            self._spill.settle()
        return output

    def _take_events(self, records: Slice, output: Output) -> None:
        topic, pipeline = self.pipeline.events, self.pipeline
        decoded = self._decoded(self._events, records, pipeline.label_field, output)
        decoded = decoded.without(
            {n: ("number", why) for n, why in self.encoder.unusable(decoded.columns).items()}
        )
        if pipeline.propensity is not None:
            bad = unlikely(decoded.column(pipeline.propensity))
            decoded = decoded.without({n: ("number", why) for n, why in bad.items()})
        decoded = decoded.without(self._guard.suspects(decoded, records.keys))
        decoded, at = with_times(decoded, topic.time, records)
        self._turn_away(records, decoded.rejects, output)
        n = len(decoded)
        if not n:
            return
        ids = None if topic.id is None else texts(decoded.column(topic.id))
        targets = None if pipeline.label_field is None else decoded.column(pipeline.label_field)

        first, plan, seconds = self.rows.next, Plan(), at.seconds
        happened = at.micros.view("datetime64[us]")
        learned_at = np.empty(0)
        if self.joiner is not None and ids is not None:
            learned_at = self.joiner.events(ids, seconds, first, plan)
        elif targets is None:
            plan.score_run(first, n)
        elif not complete(targets):
            plan.score_then_learn_some(first, listed(targets))
        else:
            plan.score_then_learn(first, targets)

        self.encoder.append({**decoded.columns, EVENT_TIME: happened}, n, self.rows, plan)
        if self._importance is not None and pipeline.propensity is not None:
            self._importance.append(decoded.column(pipeline.propensity))
            self._importance.weigh(plan)
        extra: dict[str, ByteColumn] = {}
        if self._reasons is None:
            scores = self.learner.run(plan, self.rows)
            decided = self.decider.decide(scores, decoded.columns, ids, at.micros)
        else:
            scores, adds = self.learner.weigh(plan, self.rows)
            decided = self.decider.decide(scores, decoded.columns, ids, at.micros)
            found = self._reasons.column(self.encoder, self.rows, first, adds, decided.measured)
            extra["reasons"] = found
        op = np.frombuffer(plan.op, np.int8)
        known = self.learned + np.cumsum(op == LEARN, dtype=np.int64)[op == SCORE]
        self.quality.scored(first, seconds, scores.value, decided.measured, decoded.columns)
        if targets is None:
            self._scored.append(scores.value, decided.measured, seconds)
            self._measure(plan, learned_at, output)
        else:
            self._measure_inside(first, scores, decided.measured, targets, output)
        output.events, output.decided = n, decided.tally
        output.predictions = self._predictions(
            records, decoded.places, ids, at, scores, decided, known, extra
        )

    def _take_labels(self, records: Slice, output: Output) -> None:
        labels = self.pipeline.label_topic
        assert self.joiner is not None
        assert labels is not None
        decoded = self._decoded(self._labels, records, labels.value, output)
        if isinstance(self.joiner, Joiners):
            unknown = self.joiner.unknown(decoded.column(labels.source or ""))
            decoded = decoded.without({n: ("label", why) for n, why in unknown.items()})
        decoded, at = with_times(decoded, labels.time, records)
        self._turn_away(records, decoded.rejects, output)
        ids, targets = texts(decoded.column(labels.id)), decoded.column(labels.value)
        plan = Plan()
        if isinstance(self.joiner, Joiners):
            source = self.joiner.numbers(decoded.column(labels.source or ""))
            learned_at = self.joiner.labels(ids, targets, at.seconds, plan, source)
        else:
            learned_at = self.joiner.labels(ids, targets, at.seconds, plan)
        if len(plan):
            self.encoder.learn(plan)
            if self._importance is not None:
                self._importance.weigh(plan)
            self.learner.run(plan, self.rows)
            self._measure(plan, learned_at, output)

    def _decoded(
        self, decoder: Decoder, records: Slice, label: str | None, output: Output
    ) -> Decoded:
        """What decodes, without events whose `label` is none that the model can learn."""
        decoded = decoder.decode(records)
        output.one_by_one = decoded.one_by_one
        if label is None:
            return decoded
        targets = decoded.column(label)
        accepts = self.pipeline.model.accepts
        refused = {
            target: why
            for target in distinct(targets)
            if target is not None and (why := accepts(target)) is not None
        }
        if not refused:
            return decoded
        found = enumerate(listed(targets))
        return decoded.without({n: ("label", refused[it]) for n, it in found if it in refused})

    def _turn_away(self, records: Slice, rejects: Sequence[Reject], output: Output) -> None:
        if rejects:
            secret = bool(self.pipeline.secrets) and records.topic == self.pipeline.events.name
            output.dead_letters = dead_letters(records, rejects, secret=secret)
            output.reasons = Counter(reject.reason for reject in rejects)

    def _measure_inside(
        self, first: int, scores: Scores, decisions: Column, targets: Column, output: Output
    ) -> None:
        """Compare answers with the labels that came with their events."""
        places: Sequence[int] | NDArray[np.intp] = range(len(targets))
        rows = np.arange(first, first + len(targets))
        if not complete(targets):
            places = np.flatnonzero(~missing(targets))
            rows = rows[places]
        self.quality.update(
            chosen(scores.value, places),
            chosen(decisions, places),
            chosen(targets, places),
            np.zeros(len(places)),
            rows,
        )
        self.quality.settled(self.rows.next)
        self.learned += len(places)
        output.learned = len(places)
        self._forget_before(self.rows.next)

    def _measure(self, plan: Plan, learned_at: NDArray[np.float64], output: Output) -> None:
        """Compare what was learned with what had been answered, then forget those rows."""
        if len(plan.target):
            rows = np.frombuffer(plan.row, np.int64)[np.frombuffer(plan.op, np.int8) == LEARN]
            self.learned += len(rows)
            output.learned = len(rows)
            targets: Column = plan.target
            counts = ~np.isnan(learned_at)  # an event that is learned again counts once
            if isinstance(self.joiner, Joiners):  # and so does one that several learn
                counts &= plan.source == self.joiner.whole
            if not counts.all():
                rows, learned_at = rows[counts], learned_at[counts]
                targets = chosen(targets, np.flatnonzero(counts))
            score, decision, at = self._scored.of(rows)
            self.quality.update(score, decision, targets, learned_at - at, rows)
        waits = self.rows.next if self.joiner is None else self.joiner.oldest(self.rows.next)
        self._forget_before(waits)
        self._scored.drop_before(waits)
        self.quality.settled(waits)
        if self._importance is not None:
            self._importance.drop_before(waits)

    def _spill_to(self, spill: Spill) -> None:
        for part in (self.rows, self.encoder, self.quality, self._scored):
            part.spill_to(spill)
        if self._importance is not None:
            self._importance.spill_to(spill)

    def _forget_before(self, row: int) -> None:
        self.rows.drop_before(row)
        self.encoder.drop_before(row)

    def _predictions(
        self,
        records: Slice,
        places: Sequence[int],
        ids: TextColumn | None,
        at: EventTimes,
        scores: Scores,
        decided: Decided,
        known: NDArray[np.int64],
        extra: Mapping[str, ByteColumn],
    ) -> Records:
        keys = ByteColumn.of(chosen(records.keys, places))
        values = lines(
            ids,
            keys,
            scores.value,
            decided.decision,
            self.pipeline.model_version,
            known,
            at,
            self.partition,
            chosen(whole_numbers(records.offsets), places),
            decided.notes,
            extra,
        )
        headers = None if records.headers is None else chosen(records.headers, places)
        return Records(keys, values, chosen(records.timestamps, places), headers)

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
        if self._importance is not None:
            state["importance"] = self._importance.state(first)
        if self._peer is not None:
            state["mixing"] = self._peer.state()
        if (decider := self.decider.state()) is not None:
            state["decider"] = decider
        positions = dict(sorted(self.positions.items()))
        pipeline = self.pipeline
        version, described = pipeline.model_version, pipeline.described
        return Image(FORMAT, version, self.partition, positions, state, described)

    def restore(self, image: Image) -> None:
        """Become the task that `image` was made of.

        Raises:
            ImageError: it was another partition's, or a pipeline's that another state belongs to.
            ModelError: it holds an estimator of another version of River.
        """
        others = [change for change in changes(image.described, self.pipeline) if not change.keeps]
        # Of River's version the estimator itself tells, and what to do about it.
        others = [change for change in others if change.where != "model.river"]
        if others or image.partition != self.partition:
            listed = "".join(f"  differs: {change}\n" for change in others)
            raise ImageError(
                f"the image is of {image.model}, partition {image.partition}; this pipeline is "
                f"{self.pipeline.model_version}, partition {self.partition}.\n{listed}"
                "  why:   what was learned belongs to the declaration it was learned with\n"
                "  write: the pipeline as it was; or, for a second version beside the first, "
                "another name=… or --group NAME"
            )
        state: State = image.state
        self.positions = dict(image.positions)
        self.encoder.restore(state["encoder"])
        self.rows.restore(state["rows"])
        self.learner.restore(state["learner"])
        if self.joiner is not None:
            self.joiner.restore(state["joiner"])
        self._scored.restore(state["scored"])
        if self._importance is not None:
            self._importance.restore(state["importance"])
        if self._peer is not None:
            self._peer.restore(state["mixing"])
        self.quality.restore(state["quality"])
        self.decider.restore(state.get("decider"))
        self.learned = state["learned"]
