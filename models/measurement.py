"""What a pipeline measures besides: cards a day, segments, money, events without a label yet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibration
from models.column import Column, Columns, listed
from models.daily import CardDays
from models.digests import digests
from models.estimate import estimated
from models.hashing import texts
from models.money import Money
from models.protocol import Kind, State
from models.recent import Recent
from models.rowrecords import RowRecords
from models.segments import Names, Segments
from models.spill import Spill
from models.verdicts import UNKNOWN, Verdicts, clerk

__all__ = ["Measurement"]

_COUNTED_TOGETHER = 16_384
"""Labels; to count a segment costs a tenth of a millisecond besides, however few there are."""


class Measurement:
    """Figures that need more of an event than its score and label.

    What they need is noted when an event is scored, and kept until its label comes. The state is a
    function of the events and labels, not of cuts; figures add up over partitions.

    Args:
        kind: what the model predicts; anything but ``by`` is of yes and no.
        per_day: cards that can be alerted a day, in all partitions together; None: not measured.
        days: final days that figures a day look back on.
        one_per: field that names the card, or whatever is alerted once a day.
        amount: field with what an event is worth; None: not measured.
        by: fields whose values are told apart.
        estimate: whether labels come later than their events, so that there is something to
            estimate until then.
        budget: share of the scores that can be acted on.
        window: labels that ``window_…`` figures look back on.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        per_day: int | None = None,
        days: int = 7,
        one_per: str | None = None,
        amount: str | None = None,
        by: Sequence[str] = (),
        estimate: bool = False,
        budget: float = 0.005,
        window: int = 10_000,
    ) -> None:
        self._kind: Kind = kind
        self._budget, self._window = budget, window
        self._per_day, self._look_back = per_day, days
        self._card, self._amount, self._by = one_per, amount, tuple(by)
        self._estimate = estimate
        beside = [("amount", "f8"), ("codes", "u1", (len(self._by),))]
        noted = [("score", "f8"), ("decision", "i1"), ("day", "i4"), ("card", "u8")]
        self._notes = RowRecords(np.dtype([*noted, *beside]))
        self._fields = np.dtype([*_listed(clerk(kind).fields), *beside])
        self._begin()

    def _begin(self) -> None:
        per_day, kind = self._per_day, self._kind
        self._days = None if per_day is None else CardDays(per_day, self._look_back)
        self._money = None if self._amount is None else Money()
        self._calibration = Calibration(unbounded=kind == "anomaly") if self._estimate else None
        self._elsewhere: NDArray[np.int64] | int = 0  # of other partitions; see `_events`
        self._names = [Names() for _ in self._by]
        self._segments = Segments(kind, self._by)
        self._recent = Recent(self._window, self._fields)
        self._uncounted: list[NDArray[np.void]] = []
        self._gathered = 0

    def scored(
        self,
        first: int,
        at: NDArray[np.float64],
        score: NDArray[np.float64],
        decision: Column,
        columns: Columns,
    ) -> None:
        """Note what will be needed of events when their labels come.

        Args:
            first: row number of the first event; the others follow.
            at: float64[n], event times in seconds since 1970.
            score: float64[n].
            decision: n answers, None where there was none.
            columns: the events' fields.
        """
        if first != self._notes.next:  # it was declared when rows had been scored before
            self._notes.restore(first, self._notes.columns(self._notes.next))
        notes = self._notes.append(len(score))
        notes["score"] = score
        notes["decision"] = _answers(decision) if self._calibration is not None else UNKNOWN
        notes["day"] = notes["card"] = 0
        if self._days is not None and self._card is not None:
            notes["day"] = self._days.scored(at, first)
            notes["card"] = digests(texts(columns[self._card]))[:, 0]
        notes["amount"] = 0.0 if self._amount is None else _amounts(columns[self._amount])
        for number, (field, names) in enumerate(zip(self._by, self._names, strict=True)):
            notes["codes"][:, number] = names.codes(columns[field])

    def judged(self, verdicts: Verdicts, rows: NDArray[np.int64]) -> None:
        """Count verdicts on these rows; on those scored before there were notes, none is made."""
        noted = (rows >= self._notes.first) & (rows < self._notes.next)
        if not noted.all():
            verdicts, rows = verdicts[noted], rows[noted]
        notes = self._notes.of(rows)
        whole = np.empty(len(rows), self._fields)
        for name in verdicts.dtype.names or ():
            whole[name] = verdicts[name]
        whole["amount"], whole["codes"] = notes["amount"], notes["codes"]
        if self._days is not None:
            self._days.add(notes["day"], notes["card"], notes["score"], verdicts["outcome"])
        if self._calibration is not None:
            finite = np.isfinite(verdicts["score"])
            self._calibration.add(verdicts["score"][finite], verdicts["outcome"][finite])
        self._uncounted.append(whole)
        self._gathered += len(whole)
        if self._gathered >= _COUNTED_TOGETHER:
            self._count()

    def settled(self, row: int) -> None:
        """No event of a row below waits for its label any more."""
        self._notes.drop_before(row)
        if self._days is not None:
            self._days.settled(row)

    @property
    def bytes_each(self) -> int:
        """Bytes of the note on an event."""
        return self._notes.itemsize

    def spill_to(self, spill: Spill) -> None:
        """Keep the notes in files from now on."""
        self._notes.spill_to(spill)

    def summary(self) -> dict[str, float]:
        """The figures by name, those of all labels and the ``window_…`` ones."""
        self._count()
        found: dict[str, float] = {}
        if self._days is not None:
            found |= self._days.measures("card_precision")
        if self._money is not None:
            recent, window = self._recent.verdicts(), Money()
            window.add(recent, recent["amount"])
            found |= self._money.measures()
            found |= {f"window_{name}": it for name, it in window.measures().items()}
        if self._calibration is not None:
            found |= estimated(self._events(), self._calibration.curve())
        return found

    def segments(self) -> dict[tuple[str, str], dict[str, float]]:
        """The main figures by field and value, and each again as ``window_…``."""
        if not self._by:
            return {}
        self._count()
        recent, window = self._recent.verdicts(), Segments(self._kind, self._by)
        window.add(recent, recent["codes"])
        found = self._segments.figures(self._names, self._budget, self._segments)
        for place, figures in window.figures(self._names, self._budget, self._segments).items():
            found[place] |= {f"window_{name}": it for name, it in figures.items()}
        return found

    def merge(self, other: Measurement, classes: NDArray[np.int32] | None = None) -> None:
        """Take in the figures of another partition.

        Args:
            other: of the same declaration.
            classes: the number here of each class that has one there.
        """
        self._count()
        other._count()
        if self._days is not None and other._days is not None:
            self._days.merge(other._days)
        if self._money is not None and other._money is not None:
            self._money.merge(other._money)
        if self._calibration is not None and other._calibration is not None:
            self._calibration.merge(other._calibration)
            self._elsewhere = self._elsewhere + other._events()
        pairs = zip(self._names, other._names, strict=True)
        translations = [mine.translation(theirs) for mine, theirs in pairs]
        self._segments.merge(other._segments, translations, classes)
        recent = other._recent.verdicts()
        for number, translation in enumerate(translations):
            recent["codes"][:, number] = translation[recent["codes"][:, number]]
        if classes is not None:
            recent["label"] = classes[recent["label"]]
        self._recent.merge(recent, other._recent.capacity)

    def state(self) -> State:
        """Everything `restore` needs, and of which declaration it is."""
        self._count()
        return {
            "of": self._described,
            "first": self._notes.first,
            "notes": self._notes.columns(self._notes.first),
            "names": [list(names.values) for names in self._names],
            "segments": self._segments.state(),
            "recent": self._recent.state(),
            **{name: part.state() for name, part in self._parts},
        }

    def restore(self, state: State | None) -> None:
        """Take over a state made by `state`; that of another declaration, or None, begins anew."""
        self._begin()
        if state is None or state["of"] != self._described:
            self._notes.restore(0, self._notes.columns(self._notes.next))
            return
        self._notes.restore(state["first"], state["notes"])
        self._names = [Names(values) for values in state["names"]]
        self._segments.restore(state["segments"])
        self._recent.restore(state["recent"])
        for name, part in self._parts:
            part.restore(state[name])

    @property
    def _parts(self) -> list[tuple[str, CardDays | Money | Calibration]]:
        parts = {"days": self._days, "money": self._money, "calibration": self._calibration}
        return [(name, part) for name, part in parts.items() if part is not None]

    @property
    def _described(self) -> Mapping[str, Any]:
        return {
            "per_day": self._per_day, "days": self._look_back, "one_per": self._card,
            "amount": self._amount, "by": list(self._by), "estimate": self._estimate,
        }  # fmt: skip

    def _count(self) -> None:
        if not self._uncounted:
            return
        whole = np.concatenate(self._uncounted)
        self._uncounted, self._gathered = [], 0
        self._recent.push(whole)
        self._segments.add(whole, whole["codes"])
        if self._money is not None:
            self._money.add(whole, whole["amount"])

    def _events(self) -> NDArray[np.int64]:
        """int64[3, bins]: events since the oldest that waits, by decision and score."""
        assert self._calibration is not None
        notes = self._notes.since(self._notes.first)
        notes = notes[np.isfinite(notes["score"])]
        bins = self._calibration.bins
        places = (notes["decision"] - UNKNOWN).astype(np.int64) * bins
        places += self._calibration.places(notes["score"])
        return np.bincount(places, minlength=3 * bins).reshape(3, bins) + self._elsewhere


def _listed(fields: np.dtype[np.void]) -> list[tuple[str, str]]:
    return [(name, fields[name].str) for name in fields.names or ()]


def _answers(decision: Column) -> NDArray[np.int8]:
    """Yes and no as int8; `UNKNOWN` for None."""
    if isinstance(decision, np.ndarray) and decision.dtype.kind in "ib":
        return decision.astype(np.int8)
    answers = (UNKNOWN if it is None else int(it) for it in listed(decision))
    return np.fromiter(answers, np.int8, len(decision))


def _amounts(column: Column) -> NDArray[np.float64]:
    """NaN for None."""
    if isinstance(column, np.ndarray):
        return column.astype(np.float64)
    return np.array([math.nan if it is None else it for it in column], np.float64)
