"""What an encoder remembers of the events it has seen."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from models.protocol import State

__all__ = ["Memory"]


class Memory:
    """The moments of standardised numbers, and a count of what was too long.

    Attributes:
        truncated: by feature, how many events held more elements than its limit: a gauge that
            starts at nothing, not part of the state.
    """

    __slots__ = ("_moments", "truncated")

    def __init__(self) -> None:
        self._moments: dict[str, NDArray[np.float64]] = {}
        self.truncated: Counter[str] = Counter()

    def moments(self, feature: str) -> NDArray[np.float64]:
        """Count, mean and sum of squared deviations of a feature's numbers: float64[3], live."""
        return self._moments.setdefault(feature, np.zeros(3, np.float64))

    def state(self) -> State:
        """The moments, by feature."""
        return {"moments": {name: array.copy() for name, array in self._moments.items()}}

    def restore(self, state: State) -> None:
        """Take over a state; the arrays that were handed out stay the live ones."""
        for array in self._moments.values():
            array[:] = 0.0
        for name, array in state["moments"].items():
            self.moments(name)[:] = array
