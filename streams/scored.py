"""What was answered for each row, kept until its label comes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.column import Column
from models.protocol import State
from models.scalars import Scalars

__all__ = ["Scored"]

_ANSWER = np.dtype([("score", "f8"), ("at", "f8"), ("bits", "i8"), ("kind", "i1")])
_ROOM = 4_096
_GROWTH = 1.5


class Scored:
    """A window of answers, numbered as the rows they belong to.

    An answer is what the model said (NaN where it had none), what was decided (None where nothing
    was) and the time of its event in seconds.
    """

    def __init__(self) -> None:
        self._base = self._first = self._next = 0
        self._answers = np.zeros(0, _ANSWER)
        self._scalars = Scalars()

    def append(self, score: NDArray[np.float64], decision: Column, at: NDArray[np.float64]) -> None:
        """Add the answers to the next rows.

        Args:
            score: float64[n].
            decision: n.
            at: float64[n].
        """
        if self._scalars.crowded:
            self.restore(self.state(self._first))
        self._reserve(len(score))
        new = self._answers[self._next - self._base :][: len(score)]
        new["score"], new["at"] = score, at
        new["kind"], new["bits"] = self._scalars.write(decision)
        self._next += len(score)

    def of(
        self, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], Column, NDArray[np.float64]]:
        """Scores, decisions and event times of these rows."""
        found = self._answers[rows - self._base]
        decision = self._scalars.read(found["kind"], found["bits"].copy())
        return found["score"].copy(), decision, found["at"].copy()

    def drop_before(self, row: int) -> None:
        """Forget rows below `row`; their memory is used again."""
        self._first = max(self._first, min(row, self._next))

    @property
    def memory(self) -> int:
        """Bytes of the window."""
        return self._answers.nbytes

    def state(self, first: int) -> State:
        """Rows from `first` on, for an image."""
        kept = self._window(first)
        columns = {name: kept[name].copy() for name in _ANSWER.fields or ()}
        values = self._scalars.renumber([(columns["kind"], columns["bits"])])
        return {"base": first, "values": values, **columns}

    def restore(self, state: State) -> None:
        """Take over a window made by `state`."""
        answers = np.empty(len(state["score"]), _ANSWER)
        for name in _ANSWER.fields or ():
            answers[name] = state[name]
        self._base = self._first = state["base"]
        self._next = self._base + len(answers)
        self._answers = answers
        self._scalars = Scalars(state["values"])

    def _window(self, first: int) -> NDArray[np.void]:
        return self._answers[first - self._base : self._next - self._base]

    def _reserve(self, n: int) -> None:
        if self._next - self._base + n <= len(self._answers):
            return
        kept = self._window(self._first)
        room = max(_ROOM, int((len(kept) + n) * _GROWTH))
        answers = np.empty(max(room, len(self._answers)), _ANSWER)
        answers[: len(kept)] = kept
        self._base, self._answers = self._first, answers
