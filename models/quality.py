"""Progressive quality: how well a model predicted labels it had not seen yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.column import Column, Columns
from models.protocol import Kind, State, Target
from models.recent import Recent
from models.spill import Spill
from models.tallies import ClassTally, tally
from models.verdicts import MAX_CLASSES, ClassClerk, QualityError, Verdicts, clerk

if TYPE_CHECKING:
    from models.measurement import Measurement

__all__ = ["ClassCount", "Quality", "QualityError"]


_COUNTED_TOGETHER = 1_000
"""Verdicts; to count costs a tenth of a millisecond besides, however few there are."""


class ClassCount(NamedTuple):
    """How one class fared; ``name`` is None for all classes after the first hundred together."""

    name: Target | None
    labels: int
    decided: int
    correct: int


class Quality:
    """Test-then-train figures of one model, over all labels and over the last ones.

    The state is a function of the sequence of labels: any cut into slices leaves the same bits. So
    do partitions that are merged, as far as labels are counted; the no-change baseline knows the
    label before within each partition.

    Args:
        kind: what the model predicts.
        budget: share of the scores that can be acted on, for precision and recall at budget.
        window: labels that the ``window_…`` figures look back on.
        measurement: what is measured besides; None: nothing.

    Attributes:
        measurement: likewise.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        budget: float = 0.005,
        window: int = 10_000,
        measurement: Measurement | None = None,
    ) -> None:
        if not 0.0 < budget <= 1.0:
            raise QualityError(
                f"budget={budget} is no share of the scores: write budget=0.005 to act on the "
                "highest 0.5 %"
            )
        if window < 1:
            raise QualityError(f"window={window} holds no label: write window=10_000")
        self.kind = kind
        self.budget = budget
        self.measurement = measurement
        self._clerk = clerk(kind)
        self._tally = tally(kind)
        self._recent = Recent(window, self._clerk.fields)
        self._uncounted: list[Verdicts] = []
        self._gathered = 0

    def scored(
        self,
        first: int,
        at: NDArray[np.float64],
        score: NDArray[np.float64],
        decision: Column,
        columns: Columns,
    ) -> None:
        """Events were scored; see `Measurement.scored`."""
        if self.measurement is not None:
            self.measurement.scored(first, at, score, decision, columns)

    def settled(self, row: int) -> None:
        """No event of a row below waits for its label any more."""
        if self.measurement is not None:
            self.measurement.settled(row)

    def spill_to(self, spill: Spill) -> None:
        """Keep what is needed of events until their label comes in files from now on."""
        if self.measurement is not None:
            self.measurement.spill_to(spill)

    def update(
        self,
        score: NDArray[np.float64],
        decision: Column | None,
        target: Column,
        delay: NDArray[np.float64] | None = None,
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        """Set a slice of labels, in order, against what was predicted before each was known.

        Args:
            score: float64[k], as in `Scores.value`; NaN or infinite: no answer yet, counted only.
            decision: k answers, None where there was none yet; or None where none are made.
            target: k labels.
            delay: float64[k], seconds from the event to its label; NaN: not known.
            rows: int64[k], the rows that were `scored`; None: nothing is measured besides.

        Raises:
            QualityError: lengths differ, or a label or decision is not one of this kind; nothing
                is counted then.
        """
        columns = {"score": score, "decision": decision, "delay": delay}
        for name, column in columns.items():
            if column is not None and len(column) != len(target):
                raise QualityError(
                    f"{len(target)} labels came with {len(column)} of {name}: "
                    "give one for each label, in the same order"
                )
        if not len(target):
            return
        verdicts = self._clerk.judge(score, decision, target)
        verdicts["delay"] = np.nan if delay is None else delay
        self._uncounted.append(verdicts)
        self._gathered += len(verdicts)
        if self.measurement is not None and rows is not None:
            self.measurement.judged(verdicts, rows)
        if self._gathered >= _COUNTED_TOGETHER:
            self._count()

    def summary(self) -> dict[str, float]:
        """All figures by name, and each again as ``window_…``; NaN where one is not defined yet."""
        self._count()
        window = tally(self.kind)
        window.add(self._recent.verdicts())
        recent = {f"window_{name}": it for name, it in window.measures(self.budget).items()}
        besides = {} if self.measurement is None else self.measurement.summary()
        return self._tally.measures(self.budget) | recent | besides

    def segments(self) -> dict[tuple[str, str], dict[str, float]]:
        """The main figures by field and value, where some are told apart."""
        return {} if self.measurement is None else self.measurement.segments()

    def classes(self) -> list[ClassCount]:
        """Counts of each class in order of appearance; empty unless ``kind="multiclass"``."""
        if not (isinstance(self._clerk, ClassClerk) and isinstance(self._tally, ClassTally)):
            return []
        self._count()
        names: list[Target | None] = [*self._clerk.classes]
        rows = self._tally.classes.count[: len(names)].tolist()
        pooled = self._tally.classes.count[MAX_CLASSES].tolist()
        if any(pooled):
            names, rows = [*names, None], [*rows, pooled]
        return [
            ClassCount(name, sum(row), row[1] + row[2], row[2])
            for name, row in zip(names, rows, strict=True)
        ]

    def merge(self, other: Quality) -> None:
        """Count what `other` counted; both windows are joined into one that holds as much as both.

        Counts and sums are those of one object that was given all labels, to the bit, and so are
        the figures; of classes, as long as no more than a hundred were met.
        """
        if other.kind != self.kind:
            raise QualityError(
                f"{self.kind} quality cannot take in {other.kind} quality: they have no figure in "
                "common; merge the partitions of one pipeline"
            )
        self._count()
        other._count()
        theirs, recent, numbers = other._tally, other._recent.verdicts(), None
        match self._clerk, other._clerk, theirs:
            case ClassClerk() as mine, ClassClerk() as its, ClassTally() as classes:
                numbers = mine.translation(its)
                theirs = classes.renumbered(numbers)
                recent["label"] = numbers[recent["label"]]
        self._tally.merge(theirs)
        self._recent.merge(recent, other._recent.capacity)
        if self.measurement is not None and other.measurement is not None:
            self.measurement.merge(other.measurement, numbers)

    def state(self) -> State:
        """Everything `restore` needs for all later figures to be equal to the bit."""
        self._count()
        besides = {} if self.measurement is None else {"measurement": self.measurement.state()}
        return {
            "kind": self.kind,
            "clerk": self._clerk.state(),
            "tally": self._tally.state(),
            "recent": self._recent.state(),
            **besides,
        }

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of quality of the same kind.

        Raises:
            QualityError: the state is of another kind.
        """
        if state["kind"] != self.kind:
            raise QualityError(
                f"the state is of a {state['kind']} model, this pipeline has a {self.kind} one: "
                "start it under another name, or from a fresh checkpoint"
            )
        self._forget_uncounted()
        self._clerk.restore(state["clerk"])
        self._tally.restore(state["tally"])
        self._recent.restore(state["recent"])
        if self.measurement is not None:
            self.measurement.restore(state.get("measurement"))

    def _count(self) -> None:
        """Count the verdicts that have gathered."""
        if self._uncounted:
            verdicts = np.concatenate(self._uncounted)
            self._forget_uncounted()
            self._tally.add(verdicts)
            self._recent.push(verdicts)

    def _forget_uncounted(self) -> None:
        self._uncounted.clear()
        self._gathered = 0
