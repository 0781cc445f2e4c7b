"""What was answered for each row, kept until its label comes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.protocol import State, Target

__all__ = ["Scored"]

_SLACK = 4096


class Scored:
    """A window of answers, numbered as the rows they belong to.

    Attributes:
        score: what the model said; NaN where it had no answer.
        decision: what was decided; None where nothing was.
        at: event time in seconds.
    """

    def __init__(self) -> None:
        self._base = 0
        self.score: list[float] = []
        self.decision: list[Target | None] = []
        self.at: list[float] = []

    def append(
        self, score: Sequence[float], decision: Sequence[Target | None], at: Sequence[float]
    ) -> None:
        """Add the answers to the next rows."""
        self.score += score
        self.decision += decision
        self.at += at

    def of(
        self, rows: Sequence[int]
    ) -> tuple[NDArray[np.float64], list[Target | None], NDArray[np.float64]]:
        """Scores, decisions and event times of these rows."""
        places = [row - self._base for row in rows]
        return (
            np.array([self.score[place] for place in places], np.float64),
            [self.decision[place] for place in places],
            np.array([self.at[place] for place in places], np.float64),
        )

    def drop_before(self, row: int) -> None:
        """Forget rows below `row`."""
        # Deleting from the front moves the rest, so it is done once half of it is stale.
        stale = row - self._base
        if stale > _SLACK and 2 * stale > len(self.score):
            self._cut(row)

    def _cut(self, row: int) -> None:
        stale = row - self._base
        del self.score[:stale], self.decision[:stale], self.at[:stale]
        self._base = row

    def state(self, first: int) -> State:
        """Rows from `first` on, for an image."""
        stale = first - self._base
        return {
            "base": first,
            "score": np.array(self.score[stale:], np.float64),
            "decision": self.decision[stale:],
            "at": np.array(self.at[stale:], np.float64),
        }

    def restore(self, state: State) -> None:
        """Take over a window made by `state`."""
        self._base = state["base"]
        self.score, self.at = state["score"].tolist(), state["at"].tolist()
        self.decision = list(state["decision"])
