"""A pipeline that takes notes for a report while it is computed again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.codes import columns
from models.column import Column
from streams.measure import can_be_estimated
from streams.pipeline import Pipeline
from streams.reasons import positive
from streams.schema import fields_of
from streams.slices import Slice
from streams.task import Output, PartitionTask

if TYPE_CHECKING:
    from models.feature import Feature
    from models.quality import Quality
    from models.rows import Rows

__all__ = ["Drivers", "Notes", "Reported"]

_COUNTED = (str, int, float, bool)
_SAMPLED_EVENTS = 2_000
_SAMPLES = 400


class Drivers:
    """What the columns of the features added to the scores; finds no reasons for anybody.

    Takes the place of `streams.reasons.Reasons`, which is told what each entry of a row added.

    Args:
        features: of the pipeline.

    Attributes:
        names: of the columns.
        events: scored.
        alerted: of these, decided True.
        size: float64[columns], the sum of what each added, either way.
        alerting: float64[columns], the sum of what each added where it was decided True.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self.names = [name for name, _ in columns(features)]
        self.events = self.alerted = 0
        self.size: NDArray[np.float64] = np.zeros(len(self.names))
        self.alerting: NDArray[np.float64] = np.zeros(len(self.names))

    def column(
        self, encoder: Any, rows: Rows, first: int, adds: NDArray[np.float64], decisions: Column
    ) -> ByteColumn:
        """No reasons for n events; see `streams.reasons.Reasons.column`."""
        n, count = len(decisions), len(self.names)
        lengths = encoder.lengths(np.arange(n)).T.reshape(-1)
        of = np.repeat(np.arange(n * count), lengths)
        known = np.nan_to_num(adds, posinf=0.0, neginf=0.0)
        added = np.bincount(of, weights=known, minlength=n * count).reshape(n, count)
        alerted = positive(decisions)
        self.events += n
        self.alerted += int(alerted.sum())
        self.size += np.abs(added).sum(axis=0)
        self.alerting += added[alerted].sum(axis=0)
        return ByteColumn.of([b"[]"]).take(np.zeros(n, np.int64))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Reported(Pipeline):
    """The same pipeline, with the same fingerprint and scores, measured by time besides.

    Attributes:
        drivers: of its model, if that knows what each feature adds; None of others.
        learners: that were made, by partition.
    """

    drivers: Drivers | None = field(default=None, init=False)
    learners: dict[int, Any] = field(default_factory=dict, init=False)

    @staticmethod
    def of(pipeline: Pipeline) -> Reported:
        """A copy that takes notes."""
        given = {it.name: getattr(pipeline, it.name) for it in fields(pipeline) if it.init}
        reported = Reported(**given)
        object.__setattr__(reported, "pseudonyms", pipeline.pseudonyms)
        if hasattr(reported.model.new(0), "weigh"):
            object.__setattr__(reported, "drivers", Drivers(reported.features or ()))
        return reported

    @staticmethod
    def begin(task: PartitionTask) -> None:
        """Count what is told apart by time from here on: what is asked for begins."""
        from models.history import History

        history = task.quality.measurement
        assert isinstance(history, History)
        history.begin_here()

    @property
    def watched(self) -> Mapping[str, bool]:
        """The fields of its events that say something, and whether each holds numbers."""
        events = self.events
        apart = {events.id, events.key, events.time, self.label_field}
        return {
            name: it.type in (int, float)
            for name, it in fields_of(events.schema).items()
            if name not in apart and it.type in _COUNTED
        }

    def new_quality(self) -> Quality:
        """Figures over no labels, and a history of none."""
        from models.history import History
        from models.quality import Quality

        asked = {} if self.measure is None else self.measure.asked(self.events)
        estimate = can_be_estimated(self.kind, self.labels)
        history = History(self.kind, self.watched, estimate=estimate, **asked)
        return Quality(self.kind, measurement=history)

    def new_learner(self, partition: int) -> Any:
        """The learner of one partition, which is kept in sight."""
        self.learners[partition] = super().new_learner(partition)
        return self.learners[partition]

    def new_reasons(self) -> Any:
        """What notes the drivers."""
        return self.drivers


class _At(msgspec.Struct, gc=False):
    at: str


class Notes:
    """What a replay brings besides predictions; see `streams.replaying.Watch`.

    Args:
        pipeline: that is replayed.

    Attributes:
        records: how many came.
        turned_away: by reason.
        outcomes: of labels and of events that wait for one.
        decided: how often what was decided, where that is counted.
        samples: by partition, event times (RFC 3339) and what the model told of itself then.
    """

    def __init__(self, pipeline: Reported) -> None:
        self._pipeline = pipeline
        self.records = 0
        self.turned_away: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.decided: Counter[str] = Counter()
        self.samples: dict[int, list[tuple[str, Mapping[str, float]]]] = {}
        self._events: Counter[int] = Counter()
        self._due: Counter[int] = Counter()
        self._every = _SAMPLED_EVENTS

    def watch(self, records: Slice, output: Output) -> None:
        """Take in a slice, and what it brought."""
        self.records += output.taken
        self.turned_away.update(output.reasons)
        self.outcomes.update({name: count for name, count in output.outcomes.items() if count})
        self.decided.update(output.decided.decisions)
        partition = records.partition
        self._events[partition] += output.events
        if len(output.predictions) and self._events[partition] >= self._due[partition]:
            self._sample(partition, output.predictions.values[-1] or b"{}")

    def _sample(self, partition: int, prediction: bytes) -> None:
        samples = self.samples.setdefault(partition, [])
        at = msgspec.json.decode(prediction, type=_At).at
        samples.append((at, self._pipeline.learners[partition].summary()))
        self._due[partition] = self._events[partition] + self._every
        if len(samples) > _SAMPLES:
            del samples[1:-1:2]
            self._every *= 2
