"""How much each row's label counts, kept until its label comes."""

from __future__ import annotations

import numpy as np

from models.column import Column
from models.protocol import LEARN, Plan, State
from models.rowrecords import RowRecords
from models.spill import Spill

__all__ = ["Importance", "unlikely"]

_WEIGHT = np.dtype([("weight", "f8")])


class Importance:
    """A window of weights, numbered as the rows they belong to.

    Of events that get a label only by chance, such as the few of all blocked payments that are let
    through, each stands for 1/propensity of them (Horvitz and Thompson 1952).
    """

    def __init__(self) -> None:
        self._rows = RowRecords(_WEIGHT)

    def append(self, propensity: Column) -> None:
        """Add the next rows, by the probability with which each could get a label; missing: 1."""
        weight = 1.0 / np.asarray(propensity, np.float64)
        self._rows.append(len(weight))["weight"] = np.where(np.isnan(weight), 1.0, weight)

    def weigh(self, plan: Plan) -> None:
        """Give each `LEARN` step the weight of its row."""
        row = np.frombuffer(plan.row, np.int64)[np.frombuffer(plan.op, np.int8) == LEARN]
        plan.weight = self._rows.of(row)["weight"].copy()

    def spill_to(self, spill: Spill) -> None:
        """Keep the window in files from now on."""
        self._rows.spill_to(spill)

    def drop_before(self, row: int) -> None:
        """Forget rows below `row`; their memory is used again."""
        self._rows.drop_before(row)

    def state(self, first: int) -> State:
        """Rows from `first` on, for an image."""
        return {"base": first, **self._rows.columns(first)}

    def restore(self, state: State) -> None:
        """Take over a window made by `state`."""
        self._rows.restore(state["base"], {"weight": state["weight"]})


def unlikely(propensity: Column) -> dict[int, str]:
    """Which propensities are none, by the number of their event, and why."""
    numbers = np.asarray(propensity, np.float64)
    bad = np.flatnonzero((numbers <= 0.0) | (numbers > 1.0)).tolist()
    return {
        n: f"propensity {numbers[n]:g}: what gets a label with no chance, or with more than "
        "certainty, cannot be weighed; it is more than 0, at most 1, or missing"
        for n in bad
    }
