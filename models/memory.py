"""What an encoder remembers of the events it has seen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.protocol import Plan, State
from models.spill import Spill

if TYPE_CHECKING:
    from models.rates import Rates
    from models.windows import Windows

__all__ = ["Memory", "Spread"]


class Spread(NamedTuple):
    """What numbers have been: how many, their mean, and the deviation from it."""

    seen: int
    mean: float
    deviation: float

    @staticmethod
    def of(moments: NDArray[np.float64]) -> Spread:
        """Of the moments that `models.scaling.scaled` keeps."""
        count, mean, squares = moments.tolist()
        return Spread(int(count), mean, math.sqrt(squares / count) if count else 0.0)


class Memory:
    """The moments of standardised numbers, sliding windows, and a count of what was too long.

    Attributes:
        plan: by which the events at hand are scored, and labels learned in between; None: they are
            scored, and nothing is learned.
        truncated: by feature, how many events held more elements than its limit: a gauge that
            starts at nothing, not part of the state.
    """

    __slots__ = ("_moments", "_rates", "_windows", "plan", "truncated")

    def __init__(self) -> None:
        self._moments: dict[str, NDArray[np.float64]] = {}
        self._windows: dict[str, Windows] = {}
        self._rates: dict[str, Rates] = {}
        self.plan: Plan | None = None
        self.truncated: Counter[str] = Counter()

    def moments(self, feature: str) -> NDArray[np.float64]:
        """Count, mean and sum of squared deviations of a feature's numbers: float64[3], live."""
        return self._moments.setdefault(feature, np.zeros(3, np.float64))

    def spreads(self) -> Mapping[str, Spread]:
        """By feature, what its numbers have been so far; of standardised ones alone."""
        return {name: Spread.of(moments) for name, moments in self._moments.items()}

    def windows(self, feature: str, make: Callable[[], Windows]) -> Windows:
        """The windows of a feature, live; made when they are first asked for."""
        if feature not in self._windows:
            self._windows[feature] = make()
        return self._windows[feature]

    def rates(self, feature: str, make: Callable[[], Rates]) -> Rates:
        """The windows of a feature over labels, live; made when they are first asked for."""
        if feature not in self._rates:
            self._rates[feature] = make()
        return self._rates[feature]

    @property
    def shared(self) -> Sequence[Windows]:
        """The windows that partitions share, in a stable order."""
        sliding = [*self._windows.values(), *(rates.windows for rates in self._rates.values())]
        return [windows for windows in sliding if windows.exchange is not None]

    def learn(self, plan: Plan) -> None:
        """Take the labels of a plan that scores nothing."""
        for rates in self._rates.values():
            rates.learn(plan)

    def drop_before(self, row: int) -> None:
        """Forget what is kept of rows below `row` for the time when their labels come."""
        for rates in self._rates.values():
            rates.drop_before(row)

    def spill_to(self, spill: Spill) -> None:
        """Keep the events that wait for their label in files from now on."""
        for rates in self._rates.values():
            rates.spill_to(spill)

    def summary(self) -> Mapping[str, int]:
        """What all windows hold and have lost together, and how far behind the last one is: see
        `Windows.summary`."""
        total: Counter[str] = Counter()
        for windows in self._sliding():
            for name, count in windows.summary().items():
                together = max if name == "behind" else int.__add__
                total[f"window_{name}"] = together(total[f"window_{name}"], count)
        return total

    @property
    def most_bytes(self) -> int:
        """Bytes of all windows, when they remember what they may; see `Windows.most_bytes`."""
        return sum(windows.most_bytes for windows in self._sliding())

    def state(self) -> State:
        """The moments and the windows, by feature."""
        return {
            "moments": {name: array.copy() for name, array in self._moments.items()},
            "windows": {name: windows.state() for name, windows in self._windows.items()},
            "rates": {name: rates.state() for name, rates in self._rates.items()},
        }

    def restore(self, state: State) -> None:
        """Take over a state; what was handed out stays what is live."""
        for array in self._moments.values():
            array[:] = 0.0
        for name, array in state["moments"].items():
            self.moments(name)[:] = array
        for kind, live in (("windows", self._windows), ("rates", self._rates)):
            kept = state.get(kind, {})  # images of old know of none
            for name, windows in live.items():
                if name in kept:
                    windows.restore(kept[name])
                else:
                    windows.clear()

    def _sliding(self) -> Iterator[Windows | Rates]:
        yield from self._windows.values()
        yield from self._rates.values()
