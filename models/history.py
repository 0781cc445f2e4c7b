"""How a model fared over time: figures, scores and inputs by when the events happened."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.column import Column, Columns, missing
from models.daily import CardDays, Day
from models.digests import digests
from models.hashing import texts
from models.measurement import Measurement
from models.protocol import Kind
from models.rowrecords import RowRecords
from models.stability import SCORE_BINS, score_bins, shift
from models.tallies import ClassTally, Tally, tally
from models.verdicts import Verdicts

__all__ = ["History", "Point"]

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_WIDTHS = (
    _MINUTE, 10 * _MINUTE, _HOUR, _DAY, 7 * _DAY, 28 * _DAY, 364 * _DAY, 70 * 364 * _DAY,
)  # fmt: skip
"""Seconds; each is made of whole ones before it, and of the last, 200 hold all dates there are."""

_MOST = 200
_LABELS, _POSITIVES = 100, 10
_LATEST = 1_000
_COMPLETE = 0.99
"""Share; that of a pipeline that drops a label now and then."""
_MISSING = SCORE_BINS - 1
_AT = np.dtype([("at", "f8")])
_FAR = 1e300
_EVER = 1_000_000
"""Days: no date is so far from another one."""


class Point(NamedTuple):
    """Some time, long enough that figures of it mean something.

    Attributes:
        begin: seconds since 1970.
        end: likewise; behind it.
        events: scored.
        labels: that are known of them.
        complete: whether nearly all of them have their label: until then those that came early
            are others than those still to come.
        figures: see `models.tallies.Tally.measures`; empty where there are too few labels.
        score_shift: population stability index of the scores, less what chance makes of equal ones.
        shifts: the same of each field.
        missing: share of the events without a value, by field.
    """

    begin: float
    end: float
    events: int
    labels: int
    complete: bool
    figures: Mapping[str, float]
    score_shift: float
    shifts: Mapping[str, float]
    missing: Mapping[str, float]


class _Stretch:
    """What is counted of the events of one stretch of time; the counts add up."""

    __slots__ = ("events", "inputs", "labels", "positives", "scores", "tally")

    def __init__(self, kind: Kind, fields: int) -> None:
        self.events = self.labels = self.positives = 0
        self.scores: NDArray[np.int64] = np.zeros(SCORE_BINS, np.int64)
        self.inputs: NDArray[np.int64] = np.zeros((fields, SCORE_BINS), np.int64)
        self.tally: Tally = tally(kind)

    @property
    def complete(self) -> bool:
        return self.labels >= _COMPLETE * self.events

    def merge(self, other: _Stretch) -> None:
        self.events += other.events
        self.labels += other.labels
        self.positives += other.positives
        self.scores += other.scores
        self.inputs += other.inputs
        self.tally.merge(other.tally)


class History(Measurement):
    """A measurement that keeps what it counts apart by time; for one that reads on, not for images.

    Time is cut into stretches of a minute. Where there would be more than two hundred with an event
    in them, ten minutes, an hour, a day and so on take their place: memory is bounded, whatever
    dates there are.

    Args:
        kind: what the model predicts.
        watched: fields of the events that are looked at, and whether each holds numbers.
        asked: of `Measurement`.
    """

    def __init__(self, kind: Kind, watched: Mapping[str, bool], **asked: Any) -> None:
        self._watched = dict(watched)
        super().__init__(kind, **asked)

    def _begin(self) -> None:
        super()._begin()
        self._width = _WIDTHS[0]
        self._stretches: dict[int, _Stretch] = {}
        self._times = RowRecords(_AT)
        per_day = self._per_day
        self._calendar = None if per_day is None else CardDays(per_day, _EVER)
        self._since = 0

    def begin_here(self) -> None:
        """Forget what is apart by time: only events scored from now on count for it."""
        self._stretches = {}
        self._since = self._notes.next
        if self._per_day is not None:
            self._calendar = CardDays(self._per_day, _EVER)

    def scored(
        self,
        first: int,
        at: NDArray[np.float64],
        score: NDArray[np.float64],
        decision: Column,
        columns: Columns,
    ) -> None:
        """See `Measurement.scored`."""
        super().scored(first, at, score, decision, columns)
        if first != self._times.next:
            self._times.restore(first, self._times.columns(self._times.next))
        self._times.append(len(at))["at"] = at
        if self._calendar is not None:
            self._calendar.scored(at, first)
        scores = score_bins(self._kind, score)
        inputs = [_bins(columns[field], numbers) for field, numbers in self._watched.items()]
        for stretch, events in self._apart(at):
            stretch.events += len(events)
            stretch.scores += np.bincount(scores[events], minlength=SCORE_BINS)
            for counts, bins in zip(stretch.inputs, inputs, strict=True):
                counts += np.bincount(bins[events], minlength=SCORE_BINS)

    def judged(self, verdicts: Verdicts, rows: NDArray[np.int64]) -> None:
        """See `Measurement.judged`."""
        super().judged(verdicts, rows)
        first = max(self._times.first, self._since)
        noted = (rows >= first) & (rows < self._times.next)
        verdicts, rows = verdicts[noted], rows[noted]
        for stretch, labels in self._apart(self._times.of(rows)["at"]):
            stretch.tally.add(verdicts[labels])
            stretch.labels += len(labels)
            if self._told_apart:
                stretch.positives += int(verdicts["outcome"][labels].sum())
        if self._calendar is not None:
            notes = self._notes.of(rows)
            columns = notes["day"], notes["card"], notes["score"], verdicts["outcome"]
            self._calendar.add(*columns)

    def settled(self, row: int) -> None:
        """See `Measurement.settled`."""
        super().settled(row)
        self._times.drop_before(row)
        if self._calendar is not None:
            self._calendar.settled(row)

    def merge(self, other: Measurement, classes: NDArray[np.int32] | None = None) -> None:
        """See `Measurement.merge`."""
        super().merge(other, classes)
        assert isinstance(other, History)
        self._widen(other._width)
        for begin, stretch in other._stretches.items():
            theirs = _Stretch(self._kind, len(self._watched))
            theirs.merge(stretch)
            if isinstance(theirs.tally, ClassTally) and classes is not None:
                theirs.tally = theirs.tally.renumbered(classes)
            self._put(begin, theirs)
        while len(self._stretches) > _MOST and self._width < _WIDTHS[-1]:
            self._widen(_WIDTHS[_WIDTHS.index(self._width) + 1])
        if self._calendar is not None and other._calendar is not None:
            self._calendar.merge(other._calendar)

    @property
    def width(self) -> int:
        """Seconds of a stretch."""
        return self._width

    def days(self) -> list[Day]:
        """Card precision of each final day, as it was on that day; empty where it is not asked."""
        return [] if self._calendar is None else self._calendar.rolling(self._look_back)

    def points(self) -> list[Point]:
        """The time in points that have labels enough, a stretch or more each, in order.

        Shifts are against the middle third of the events: in the first a model may still have had
        to learn, and the last is what is looked at.
        """
        begins = sorted(self._stretches)
        _, middle, _ = self._thirds(begins, lambda stretch: stretch.events)
        return [self._point(group, middle) for group in self._groups(begins)]

    def latest(self) -> Point | None:
        """The newest tenth of the events, or a thousand of them; None where there are fewer."""
        begins = sorted(self._stretches)
        _, middle, _ = self._thirds(begins, lambda stretch: stretch.events)
        wanted = max(_LATEST, sum(stretch.events for stretch in self._stretches.values()) / 10)
        newest: list[int] = []
        while begins and wanted > 0:
            newest.insert(0, begins.pop())
            wanted -= self._stretches[newest[0]].events
        return None if wanted > 0 else self._point(newest, middle)

    def then_and_now(self) -> tuple[Tally, Tally]:
        """The labels of the middle and of the newest third of the time with labels.

        Only events are counted of a time when nearly all have a label, if half of the labels are.
        """
        begins = sorted(self._stretches)
        complete = [it for it in begins if self._stretches[it].complete]
        if 2 * self._labels_of(complete) >= self._labels_of(begins):
            begins = complete
        _, then, now = self._thirds(begins, lambda stretch: stretch.labels)
        return then.tally, now.tally

    def _thirds(self, begins: Sequence[int], size: Callable[[_Stretch], int]) -> list[_Stretch]:
        """Stretches put together to three of about the same size."""
        thirds = [_Stretch(self._kind, len(self._watched)) for _ in range(3)]
        total, before = sum(size(self._stretches[begin]) for begin in begins), 0
        for begin in begins:
            own = size(self._stretches[begin])
            middle = before + own / 2
            thirds[min(int(3 * middle / max(total, 1)), 2)].merge(self._stretches[begin])
            before += own
        return thirds

    def _labels_of(self, begins: Sequence[int]) -> int:
        return sum(self._stretches[begin].labels for begin in begins)

    def _apart(self, at: NDArray[np.float64]) -> Iterator[tuple[_Stretch, NDArray[np.intp]]]:
        """The stretches of some moments, and which of these are in each."""
        while True:
            begins = (np.floor(at / self._width) * self._width).astype(np.int64)
            different, place = np.unique(begins, return_inverse=True)
            together = len(self._stretches.keys() | set(different.tolist()))
            if together <= _MOST or self._width == _WIDTHS[-1]:
                break
            self._widen(_WIDTHS[_WIDTHS.index(self._width) + 1])
        for number, begin in enumerate(different.tolist()):
            if begin not in self._stretches:
                self._stretches[begin] = _Stretch(self._kind, len(self._watched))
            yield self._stretches[begin], np.flatnonzero(place == number)

    def _widen(self, width: int) -> None:
        if width <= self._width:
            return
        before, self._stretches, self._width = self._stretches, {}, width
        for begin, stretch in before.items():
            self._put(begin, stretch)

    def _put(self, begin: int, stretch: _Stretch) -> None:
        begin = begin // self._width * self._width
        if begin in self._stretches:
            self._stretches[begin].merge(stretch)
        else:
            self._stretches[begin] = stretch

    def _groups(self, begins: Sequence[int]) -> list[list[int]]:
        """Stretches that make a point together: as many as have labels enough."""
        groups: list[list[int]] = []
        whole = None
        for begin in begins:
            stretch = self._stretches[begin]
            if whole is None or self._enough(whole) or stretch.complete != whole.complete:
                whole = _Stretch(self._kind, len(self._watched))
                groups.append([])
            whole.merge(stretch)
            groups[-1].append(begin)
        if whole is not None and len(groups) > 1 and not self._enough(whole):
            *_, before, last = groups
            if self._stretches[before[-1]].complete == whole.complete:
                groups[-2:] = [before + last]
        return groups

    def _enough(self, stretch: _Stretch) -> bool:
        positives = stretch.positives >= _POSITIVES or not self._told_apart
        return stretch.labels >= _LABELS and positives

    @property
    def _told_apart(self) -> bool:
        """Whether labels are yes or no."""
        return self._kind in ("binary", "anomaly")

    def _point(self, group: Sequence[int], reference: _Stretch) -> Point:
        whole = _Stretch(self._kind, len(self._watched))
        for begin in group:
            whole.merge(self._stretches[begin])
        return Point(
            group[0],
            group[-1] + self._width,
            whole.events,
            whole.labels,
            whole.complete,
            whole.tally.measures(self._budget) if self._enough(whole) else {},
            shift(whole.scores, reference.scores),
            {
                field: shift(new, old)
                for field, new, old in zip(
                    self._watched, whole.inputs, reference.inputs, strict=True
                )
            },
            {
                field: float(counts[_MISSING] / max(whole.events, 1))
                for field, counts in zip(self._watched, whole.inputs, strict=True)
            },
        )


def _bins(column: Column, numbers: bool) -> NDArray[np.int64]:
    """The bin of each value, below `SCORE_BINS`: of numbers by size, of others by their hash."""
    if numbers:
        if not isinstance(column, np.ndarray):
            given = (math.nan if it is None else min(max(it, -_FAR), _FAR) for it in column)
            column = np.fromiter(given, np.float64, len(column))
        return score_bins("regression", column.astype(np.float64))
    bins = np.full(len(column), _MISSING, np.int64)
    known = np.flatnonzero(~missing(column))
    hashed = digests(texts(column).take(known))[:, 0] % np.uint64(_MISSING)
    bins[known] = hashed.astype(np.int64)
    return bins
