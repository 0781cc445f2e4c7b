"""A hashed linear model at work in one partition."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.column import where_known
from models.kernels import ALL_GOOD, touched, walk
from models.optimizers import Optimizer
from models.protocol import SCORE, Kind, Plan, Scores, State
from models.rows import Rows

__all__ = ["LinearLearner", "Weighed", "gauges"]

_NOTHING = np.empty(0)


class Weighed(NamedTuple):
    """A row with its weights.

    Attributes:
        bucket: int32[k].
        x: float64[k].
        weight: float64[k]; NaN where an entry has more than one.
        adds: float64[k], what each entry adds to the margin.
        bias: the intercept.
        buckets: how many there are.
        taken: how many of them hold anything.
        usual: float64[k], what such a number usually is; NaN where the model does not know.
    """

    bucket: NDArray[np.int32]
    x: NDArray[np.float64]
    weight: NDArray[np.float64]
    adds: NDArray[np.float64]
    bias: float
    buckets: int
    taken: int
    usual: NDArray[np.float64] | None = None


_NO_WEIGHTS = np.empty(0)


class LinearLearner:
    """A table of weights at work: implements `models.protocol.Learner` over `Rows`.

    A score that is not finite is answered with NaN, and a label whose step would not be finite is
    skipped and counted: one bad value never spoils the table.
    """

    def __init__(
        self,
        kind: Kind,
        bits: int,
        optimizer: Optimizer,
        l1: float = 0.0,
        l2: float = 0.0,
        intercept: bool = True,
    ) -> None:
        self.kind = kind
        self._bits = bits
        self._optimizer = optimizer
        self._penalties = l1, l2
        self._intercept = intercept
        self._table = self._empty()
        self._counts = np.zeros(2, np.int64)
        self._fresh: NDArray[np.int32] | None = None

    @property
    def memory(self) -> int:
        """Bytes of the weight table; untouched pages of it cost nothing yet."""
        return int(self._table.nbytes)

    def run(self, plan: Plan, rows: Rows) -> Scores:
        """Carry out the plan, strictly in order; answer its `SCORE` steps."""
        return self._walk(plan, rows, _NOTHING)

    def weigh(self, plan: Plan, rows: Rows) -> tuple[Scores, NDArray[np.float64]]:
        """The same, and what each entry of each row scored added to its margin."""
        op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
        rows.check(row)
        adds = np.empty(rows.entries(row[op == SCORE]))
        return self._walk(plan, rows, adds), adds

    def _walk(self, plan: Plan, rows: Rows, adds: NDArray[np.float64]) -> Scores:
        op = np.frombuffer(plan.op, np.int8)
        row = np.frombuffer(plan.row, np.int64)
        rows.check(row)
        target = np.asarray(plan.target, np.float64)
        weight = _NO_WEIGHTS if plan.weight is None else plan.weight
        value = np.empty(len(op) - len(target))
        self._carry_out(rows, op, row, target, weight, value, adds)
        return Scores(
            value, where_known(value > 0.5, ~np.isnan(value)) if self.kind == "binary" else None
        )

    def _carry_out(
        self,
        rows: Rows,
        op: NDArray[np.int8],
        row: NDArray[np.int64],
        target: NDArray[np.float64],
        weight: NDArray[np.float64],
        value: NDArray[np.float64],
        adds: NDArray[np.float64],
    ) -> None:
        """Steps of a plan that follow each other; see `models.kernels.walk`."""
        rate, smooth = self._optimizer.knobs()
        stopped = walk(
            op,
            row,
            target,
            weight,
            rows.base,
            rows.indptr,
            rows.index,
            rows.value,
            self._table,
            self._counts,
            self.kind == "binary",
            self._intercept,
            self._optimizer.rule,
            rate,
            smooth,
            *self._penalties,
            value,
            adds,
            self._fresh,
        )
        if stopped != ALL_GOOD:
            raise ValueError(
                f"row {row[stopped]} names a bucket beyond {2**self._bits:,}, and the model has "
                f"bits={self._bits}: give the encoder the model's own bits"
            )

    def moment(self, row: int, rows: Rows) -> Weighed:
        """A row, and the weights that would score it now."""
        _, index, value = rows.window(row, row + 1)
        bias, buckets = float(self._table[-1, 0]), len(self._table) - 1
        taken = len(touched(self._table[:-1]))
        weight = self._table[index, 0]
        return Weighed(index.copy(), value.copy(), weight, weight * value, bias, buckets, taken)

    def state(self) -> State:
        """The touched lines of the table, and the counts."""
        at = touched(self._table)
        return {"at": at, "line": self._table[at], "counts": self._counts.copy()}

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""
        at, line = state["at"], state["line"]
        table = self._empty()
        if line.shape[1:] != table.shape[1:] or (len(at) and at[-1] >= len(table)):
            raise ValueError(
                f"this state has {line.shape[1]} numbers for a weight and buckets up to "
                f"{at.max(initial=0):,}; the model has {table.shape[1]} and {2**self._bits:,} "
                "buckets: restore it into the model that made it, or start without it"
            )
        table[at] = line
        self._table = table
        self._counts = state["counts"].copy()

    def summary(self) -> Mapping[str, float]:
        """Labels ``learned`` and ``skipped``, non-zero ``weights`` and their ``norm``.

        Computed on demand by reading the whole table, so not meant for every slice.
        """
        return gauges(self._table[:, 0], self._counts)

    def _empty(self) -> NDArray[np.float64]:
        return np.zeros((2**self._bits + 1, self._optimizer.width))


def gauges(weight: NDArray[np.float64], counts: NDArray[np.int64]) -> dict[str, float]:
    """What a table of weights tells of itself; `counts` are the labels learned and skipped."""
    return {
        "learned": float(counts[0]),
        "skipped": float(counts[1]),
        "weights": float(np.count_nonzero(weight)),
        "norm": math.sqrt(float(np.einsum("i,i->", weight, weight))),
    }
