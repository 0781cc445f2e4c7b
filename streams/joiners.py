"""A joiner for each source of labels, in step, and one plan for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.column import Column, chosen, listed
from models.protocol import LEARN, SCORE, Model, Plan, State, Target
from models.textcolumn import TextColumn
from streams.declare import Labels
from streams.joiner import Joiner, Outcome

__all__ = ["Joiners", "joiner_of"]


def joiner_of(labels: Labels, model: Model) -> Joiner | Joiners:
    """What joins the labels of a topic for a model."""
    rules = labels.maturity, labels.otherwise, labels.remember
    sources: Sequence[str] = getattr(model, "sources", ())
    if sources:
        whole = getattr(model, "whole", "")
        return Joiners(sources, whole, *rules, labels.corrections, holds=labels.hold)
    return Joiner(*rules, holds=labels.hold, correctable=labels.corrections)


class Joiners:
    """Joins labels that come from several sources, each of which teaches a learner of its own.

    One source is *whole*: its learner learns every event once. A label of this source is learned as
    it comes; any other label is held until the event matures, and then is what the event is learned
    as, unless a label of this source came before; and an event that no source has judged is learned
    as `otherwise`. The learner of any other source learns that source's labels, each as it comes,
    and nothing else; what it gets for an event that has matured comes too late.

    So a learner learns an id at most once, and an id can be learned by several. Each source has a
    `streams.joiner.Joiner` of its own, with the rules of one: between two scores what they have to
    learn comes source by source. Events that wait, outcomes and labels ahead are those of the whole
    source, to which all labels go.

    Args:
        sources: their names; a plan's `source` numbers them in this order.
        whole: the name of the one that learns every event.
        matures_after: seconds.
        otherwise: the label that silence means.
        remember: how many ids each of them remembers.
        correctable: seconds after an event matures; None: it is not kept.
        holds: whether the labels of the whole source are held as well.

    Attributes:
        sources: their names.
        whole: the number of the one that learns every event.
    """

    def __init__(
        self,
        sources: Sequence[str],
        whole: str,
        matures_after: float | None,
        otherwise: Target | None,
        remember: int,
        correctable: float | None = None,
        *,
        holds: bool = False,
    ) -> None:
        self._joiners = {
            name: Joiner(matures_after, otherwise, remember, holds=True, correctable=correctable)
            if name == whole
            else Joiner(matures_after, None, remember, correctable=correctable)
            for name in sources
        }
        self._whole = self._joiners[whole]
        self.sources = tuple(sources)
        self.whole = self.sources.index(whole)
        self._holds = holds

    def __len__(self) -> int:
        """How many events have not been learned by all."""
        return len(self._whole)

    @property
    def watermark(self) -> float:
        """The latest time of any event, in seconds since the epoch."""
        return self._whole.watermark

    @property
    def newest(self) -> float:
        """The latest date of any label."""
        return self._whole.newest

    @property
    def ahead(self) -> int:
        """How many labels wait for the events to reach their date."""
        return self._whole.ahead

    @property
    def memory(self) -> int:
        """Bytes of all arrays; what is not used of them costs nothing yet."""
        return sum(joiner.memory for joiner in self._joiners.values())

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How often each `Outcome` occurred."""
        return self._whole.outcomes

    def tally(self) -> list[int]:
        """All counts as they are now, for `outcomes_since`."""
        return self._whole.tally()

    def outcomes_since(self, tally: Sequence[int]) -> dict[Outcome, int]:
        """How often each `Outcome` that there was occurred since `tally` was taken."""
        return self._whole.outcomes_since(tally)

    def oldest(self, default: int) -> int:
        """Row number of the oldest event that waits for any source; `default` when none does."""
        return min(joiner.oldest(default) for joiner in self._joiners.values())

    def events(
        self, ids: TextColumn, times: NDArray[np.float64], first: int, plan: Plan
    ) -> NDArray[np.float64]:
        """Plan to score rows and to learn what falls due, as `Joiner.events`."""
        parts = [Plan() for _ in self._joiners]
        learned_at = [
            joiner.events(ids, times, first, part)
            for joiner, part in zip(self._joiners.values(), parts, strict=True)
        ]
        return _interleave(parts, learned_at, plan)

    def unknown(self, names: Column) -> dict[int, str]:
        """Which labels are from none of the sources, by their number, and why that cannot be."""
        known = set(self.sources)
        return {
            n: f"source {name!r} is none of {', '.join(self.sources)}"
            for n, name in enumerate(listed(names))
            if name not in known
        }

    def numbers(self, names: Column) -> NDArray[np.int8]:
        """The number of each label's source."""
        number = {name: n for n, name in enumerate(self.sources)}
        return np.fromiter(map(number.__getitem__, listed(names)), np.int8, len(names))

    def labels(
        self,
        ids: TextColumn,
        targets: Column,
        times: NDArray[np.float64],
        plan: Plan,
        source: NDArray[np.int8],
    ) -> NDArray[np.float64]:
        """Take labels, as `Joiner.labels`; `source` is int8[n], the number of each one's source."""
        parts, learned_at = [], []
        for number, joiner in enumerate(self._joiners.values()):
            part, own = Plan(), source == number
            if joiner is self._whole:
                learned_at.append(joiner.labels(ids, targets, times, part, held=self._holds | ~own))
            else:
                at = np.flatnonzero(own)
                theirs = chosen(ids, at), chosen(targets, at), times[at]
                learned_at.append(joiner.labels(*theirs, part))
            parts.append(part)
        return _interleave(parts, learned_at, plan)

    def state(self) -> State:
        """Everything remembered, for an image, by source."""
        return {name: joiner.state() for name, joiner in self._joiners.items()}

    def restore(self, state: State) -> None:
        """Take over what others of the same declaration remembered."""
        for name, joiner in self._joiners.items():
            joiner.restore(state[name])


def _interleave(
    parts: Sequence[Plan], learned_at: Sequence[NDArray[np.float64]], plan: Plan
) -> NDArray[np.float64]:
    """Write plans that score the same rows as one; the watermark at each `LEARN` step of it.

    Between two scores, what a part learns comes before what the next part does.
    """
    ops = [np.frombuffer(part.op, np.int8) for part in parts]
    rows = [np.frombuffer(part.row, np.int64) for part in parts]
    learns = [op == LEARN for op in ops]
    counts = [int(np.count_nonzero(learn)) for learn in learns]
    scored = rows[0][~learns[0]]
    turns = [np.cumsum(op == SCORE)[learn] for op, learn in zip(ops, learns, strict=True)]
    # A step to learn that follows k scores comes before the score that is number k from zero.
    order = np.argsort(np.concatenate([*turns, np.arange(len(scored))]), kind="stable")
    op = np.repeat(np.array([LEARN, SCORE], np.int8), [sum(counts), len(scored)])[order]
    learned = [row[learn] for row, learn in zip(rows, learns, strict=True)]
    row = np.concatenate([*learned, scored])[order]
    own = order[op == LEARN]
    plan.extend(op, row, chosen(_joined([part.target for part in parts]), own))
    plan.source = np.repeat(np.arange(len(parts), dtype=np.int8), counts)[own]
    watermarks: NDArray[np.float64] = np.concatenate(learned_at)[own]
    return watermarks


def _joined(columns: Sequence[Column]) -> Column:
    """Columns, one behind another; an array where all are arrays of one type."""
    filled = [column for column in columns if len(column)]
    if len(filled) == 1:
        return filled[0]
    if filled and all(isinstance(it, np.ndarray) for it in filled):
        arrays = [np.asarray(it) for it in filled]
        if len({array.dtype for array in arrays}) == 1:
            return np.concatenate(arrays)
    return [value for column in filled for value in listed(column)]
