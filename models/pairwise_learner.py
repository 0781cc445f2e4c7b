"""A pairwise additive model at work in one partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.column import where_known
from models.edges import cut_anew, empty, restored, state
from models.kernels import touched
from models.linear_learner import Weighed, gauges
from models.optimizers import AdaGrad
from models.pairwise_kernels import Work, divide, read, walk
from models.protocol import SCORE, Kind, Plan, Scores, State
from models.rows import Rows

__all__ = ["PairwiseLearner"]


class PairwiseLearner:
    """Implements `models.protocol.Learner` over `Rows` whose numbers are in slots.

    How many numbers there are is told by the first row.
    """

    kind: Kind = "binary"

    def __init__(
        self,
        bins: Sequence[int],
        bits: int,
        optimizer: AdaGrad,
        l2: tuple[float, float],
        share: float,
        begin: float,
    ) -> None:
        self._bins = tuple(bins)
        self._bits = bits
        self._optimizer = optimizer
        self._l2 = l2
        self._share = share
        self._log_odds = begin
        self._set_up(0)
        self._begun = False

    @property
    def memory(self) -> int:
        """Bytes of the weights; untouched pages of them cost nothing yet."""
        return int(self._work.lines.nbytes)

    def run(self, plan: Plan, rows: Rows) -> Scores:
        """Carry out the plan, strictly in order; answer its `SCORE` steps."""
        return self._walk(plan, rows, np.empty(0))

    def weigh(self, plan: Plan, rows: Rows) -> tuple[Scores, NDArray[np.float64]]:
        """The same, and what each entry of each row scored added to its log-odds."""
        op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
        rows.check(row)
        adds = np.empty(rows.entries(row[op == SCORE]))
        return self._walk(plan, rows, adds), adds

    def moment(self, row: int, rows: Rows) -> Weighed:
        """A row, and what would score it now."""
        self._begin(row, rows)
        work, (_, index, value) = self._work, rows.window(row, row + 1)
        adds, usual = np.empty(len(index)), np.full(len(index), np.nan)
        if not read(work, self._edges, index, value, 0, len(index)):
            raise self._misfit(row)
        divide(work, index, value, 0, len(index), adds, 0)
        genuine = self._edges.sample[0, : self._edges.seen[0, 0]]
        for place, slot in enumerate(index.tolist()):
            known = genuine[:, -1 - slot] if slot < 0 else genuine[:0, 0]
            known = known[~np.isnan(known)]
            if len(known):
                usual[place] = np.median(known)
        categories = zip(work.buckets.tolist(), work.intercept.tolist(), strict=True)
        taken = max(len(touched(work.lines[begin:end])) for begin, end in categories)
        weight = np.full(len(index), np.nan)
        bias = float(work.lines[work.intercept, 0].mean())
        return Weighed(index.copy(), value.copy(), weight, adds, bias, 2**self._bits, taken, usual)

    def _walk(self, plan: Plan, rows: Rows, adds: NDArray[np.float64]) -> Scores:
        op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
        target = np.asarray(plan.target, np.float64)
        weight = np.empty(0) if plan.weight is None else plan.weight
        value = np.empty(len(op) - len(target))
        rows.check(row)
        if len(row):
            self._begin(int(row[0]), rows)
        work = self._work
        work.at[:] = 0
        columns = rows.base, rows.indptr, rows.index, rows.value
        knobs = (*self._optimizer.knobs(), *self._l2)
        while work.at[0] < len(op):
            if not walk(work, self._edges, op, row, target, weight, *columns, *knobs, value, adds):
                raise self._misfit(int(row[work.at[0]]))
            if self._edges.learned[0] >= self._edges.learned[1]:
                cut_anew(self._edges, self._share)
        return Scores(value, where_known(value > 0.5, ~np.isnan(value)))

    def state(self) -> State:
        """The touched weights, where the numbers are cut, and the counts."""
        at = touched(self._work.lines)
        return {
            "numbers": len(self._work.numbers) if self._begun else None,
            "at": at,
            "line": self._work.lines[at],
            "counts": self._work.counts.copy(),
            "edges": state(self._edges),
        }

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""
        self._begun = state["numbers"] is not None
        self._set_up(state["numbers"] or 0)
        at = state["at"]
        if len(at) and at[-1] >= len(self._work.lines):
            raise ValueError(
                f"this state has weight {at[-1]:,}, and the model has {len(self._work.lines):,}: "
                "restore it into the model that made it, or start without it"
            )
        self._work.lines[at] = state["line"]
        self._work.counts[:] = state["counts"]
        self._edges = restored(state["edges"])

    def summary(self) -> Mapping[str, float]:
        """Labels ``learned`` and ``skipped``, non-zero ``weights`` and their ``norm``."""
        return gauges(self._work.lines[:, 0], self._work.counts)

    def _begin(self, row: int, rows: Rows) -> None:
        """Learn of the first row how many numbers there are."""
        if not self._begun:
            _, index, _ = rows.window(row, row + 1)
            self._set_up(int(np.count_nonzero(index < 0)))
            self._begun = True

    def _misfit(self, row: int) -> ValueError:
        return ValueError(
            f"row {row} names a bucket beyond {2**self._bits:,} or a number beyond the first row's "
            f"{len(self._work.numbers)}: give the encoder the model's own bits, and all events the "
            "same features"
        )

    def _set_up(self, numbers: int) -> None:
        finest, pairs = max(self._bins), numbers * (numbers - 1) // 2
        sizes, buckets = np.array(self._bins, np.int64) + 1, 2**self._bits
        lengths = pairs * sizes**2 + numbers * sizes + buckets + 1
        ends = np.cumsum(lengths)
        group = [[*(one * bins // finest for one in range(finest)), bins] for bins in self._bins]
        self._work = Work(
            lines=np.zeros((int(ends[-1]), AdaGrad.width)),
            begin=ends - lengths,
            buckets=ends - 1 - buckets,
            intercept=ends - 1,
            sizes=sizes,
            group=np.array(group, np.int64),
            numbers=np.empty(numbers),
            bins=np.empty(numbers, np.int64),
            cells=np.empty((len(sizes), pairs + numbers), np.int64),
            margins=np.empty(len(sizes)),
            weights=np.empty(pairs + numbers),
            squares=np.empty(pairs + numbers),
            shares=np.empty(numbers),
            counts=np.zeros(2, np.int64),
            at=np.zeros(4, np.int64),
        )
        self._work.lines[self._work.intercept, 0] = self._log_odds
        self._edges = empty(numbers, finest)
