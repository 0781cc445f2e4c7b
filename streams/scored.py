"""What was answered for each row, kept until its label comes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.column import Column
from models.protocol import State
from models.rowrecords import RowRecords
from models.scalars import Scalars
from models.spill import Spill

__all__ = ["BYTES", "Scored"]

_ANSWER = np.dtype([("score", "f8"), ("at", "f8"), ("bits", "i8"), ("kind", "i1")])
BYTES = _ANSWER.itemsize
"""Of an answer."""


class Scored:
    """A window of answers, numbered as the rows they belong to.

    An answer is what the model said (NaN where it had none), what was decided (None where nothing
    was) and the time of its event in seconds.
    """

    def __init__(self) -> None:
        self._answers = RowRecords(_ANSWER)
        self._scalars = Scalars()

    def append(self, score: NDArray[np.float64], decision: Column, at: NDArray[np.float64]) -> None:
        """Add the answers to the next rows.

        Args:
            score: float64[n].
            decision: n.
            at: float64[n].
        """
        if self._scalars.crowded:
            self.restore(self.state(self._answers.first))
        new = self._answers.append(len(score))
        new["score"], new["at"] = score, at
        new["kind"], new["bits"] = self._scalars.write(decision)

    def of(
        self, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], Column, NDArray[np.float64]]:
        """Scores, decisions and event times of these rows."""
        found = self._answers.of(rows)
        decision = self._scalars.read(found["kind"], found["bits"].copy())
        return found["score"].copy(), decision, found["at"].copy()

    def spill_to(self, spill: Spill) -> None:
        """Keep the window in files from now on."""
        self._answers.spill_to(spill)

    def drop_before(self, row: int) -> None:
        """Forget rows below `row`; their memory is used again."""
        self._answers.drop_before(row)

    @property
    def memory(self) -> int:
        """Bytes of the window."""
        return self._answers.memory

    def state(self, first: int) -> State:
        """Rows from `first` on, for an image."""
        columns = self._answers.columns(first)
        values = self._scalars.renumber([(columns["kind"], columns["bits"])])
        return {"base": first, "values": values, **columns}

    def restore(self, state: State) -> None:
        """Take over a window made by `state`."""
        self._answers.restore(state["base"], state)
        self._scalars = Scalars(state["values"])
