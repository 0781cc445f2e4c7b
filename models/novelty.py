"""How much of each event is new, or is missing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.dictrows import DictRows
from models.protocol import SCORE, Plan, State
from models.rows import Rows

__all__ = ["NOVELTY_BINS", "Novelty"]

NOVELTY_BINS = 16


class Novelty:
    """Counts, for each row that is scored, the hashed entries not met before, or missing fields.

    Args:
        buckets: of hashed rows; 0 for rows of named fields.
    """

    def __init__(self, buckets: int) -> None:
        self._met = np.zeros(buckets, np.bool_)

    def bins(self, plan: Plan, rows: Any) -> NDArray[np.int64]:
        """How many there are in each row that a plan scores; 15 stands for more."""
        op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
        scored = row[op == SCORE]
        if len(self._met):
            return self._unmet(scored, rows)
        return np.array([_missing(rows, number) for number in scored.tolist()], np.int64)

    def _unmet(self, scored: NDArray[np.int64], rows: Rows) -> NDArray[np.int64]:
        return _unmet(scored, rows.base, rows.indptr, rows.index, self._met)

    def state(self) -> State:
        """Everything `restore` needs: a bit for each bucket."""
        return {"met": np.packbits(self._met)}

    def restore(self, state: State) -> None:
        """Take over a state made by `state`."""
        self._met = np.unpackbits(state["met"], count=len(self._met)).astype(np.bool_)


def _missing(rows: DictRows, number: int) -> int:
    values = rows[number].values()
    missing = sum(value is None or (type(value) is float and math.isnan(value)) for value in values)
    return min(missing, NOVELTY_BINS - 1)


@compiled
def _unmet(
    scored: NDArray[np.int64],
    base: int,
    indptr: NDArray[np.int64],
    index: NDArray[np.int32],
    met: NDArray[np.bool_],
) -> NDArray[np.int64]:
    bins = np.zeros(len(scored), np.int64)
    for i in range(len(scored)):
        for j in range(indptr[scored[i] - base], indptr[scored[i] - base + 1]):
            if not met[index[j]]:
                met[index[j]] = True
                bins[i] += 1
        bins[i] = min(bins[i], NOVELTY_BINS - 1)
    return bins
