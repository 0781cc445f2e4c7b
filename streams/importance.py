"""How much each row's label counts, kept until its label comes."""

from __future__ import annotations

import numpy as np

from models.column import Column
from models.protocol import LEARN, Plan, State

__all__ = ["Importance", "unlikely"]

_ROOM = 4_096
_GROWTH = 1.5


class Importance:
    """A window of weights, numbered as the rows they belong to.

    Of events that get a label only by chance, such as the few of all blocked payments that are let
    through, each stands for 1/propensity of them (Horvitz and Thompson 1952).
    """

    def __init__(self) -> None:
        self._base = self._first = self._next = 0
        self._weights = np.zeros(0)

    def append(self, propensity: Column) -> None:
        """Add the next rows, by the probability with which each could get a label; missing: 1."""
        new = 1.0 / np.asarray(propensity, np.float64)
        if self._next - self._base + len(new) > len(self._weights):
            kept = self._weights[self._first - self._base : self._next - self._base]
            room = max(_ROOM, int((len(kept) + len(new)) * _GROWTH), len(self._weights))
            self._base, self._weights = self._first, np.zeros(room)
            self._weights[: len(kept)] = kept
        self._weights[self._next - self._base :][: len(new)] = np.where(np.isnan(new), 1.0, new)
        self._next += len(new)

    def weigh(self, plan: Plan) -> None:
        """Give each `LEARN` step the weight of its row."""
        row = np.frombuffer(plan.row, np.int64)[np.frombuffer(plan.op, np.int8) == LEARN]
        plan.weight = self._weights[row - self._base]

    def drop_before(self, row: int) -> None:
        """Forget rows below `row`; their memory is used again."""
        self._first = max(self._first, min(row, self._next))

    def state(self, first: int) -> State:
        """Rows from `first` on, for an image."""
        return {
            "base": first,
            "weight": self._weights[first - self._base : self._next - self._base].copy(),
        }

    def restore(self, state: State) -> None:
        """Take over a window made by `state`."""
        self._base = self._first = state["base"]
        self._weights = np.array(state["weight"])
        self._next = self._base + len(self._weights)


def unlikely(propensity: Column) -> dict[int, str]:
    """Which propensities are none, by the number of their event, and why."""
    numbers = np.asarray(propensity, np.float64)
    bad = np.flatnonzero((numbers <= 0.0) | (numbers > 1.0)).tolist()
    return {
        n: f"propensity {numbers[n]:g}: what gets a label with no chance, or with more than "
        "certainty, cannot be weighed; it is more than 0, at most 1, or missing"
        for n in bad
    }
