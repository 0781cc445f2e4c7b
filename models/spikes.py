"""How often of late a key's events were far above what is usual for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.clock import microseconds
from models.column import EVENT_TIME, Columns
from models.feature import FeatureError, FieldType
from models.memory import Memory
from models.scaling import LARGEST
from models.sliding import Sliding, duration
from models.windows import Windows

__all__ = ["Spikes"]


@dataclass(frozen=True, kw_only=True)
class Spikes(Sliding):
    """How many of a key's events in each window were spikes: far above the key's mean before them.

    ``Spikes("amount", by="customer_id", above=2.5, usual="60d", over=["3d", "14d"])`` makes two
    numbers, named ``amount-spikes-by-customer_id.3d`` and ``….14d``. An event is a spike if its
    value is more than `above` times the mean of its key's events in the `usual` time before it; one
    without such events is none. An event counts in its own windows. One whose field is missing sees
    the others, and is not seen.

    Attributes:
        field: of numbers.
        above: how many times the mean a value has to exceed.
        usual: how far back the mean goes.
    """

    field: str = dataclasses.field(kw_only=False)
    above: float
    usual: str

    def __post_init__(self) -> None:
        self._call_it(f"{self.field}-spikes-by-{self.by}")
        super().__post_init__()
        self._check_duration(self.usual, usual="60d")
        if isinstance(self.above, bool) or not (
            isinstance(self.above, int | float) and 0 < self.above <= LARGEST
        ):
            raise FeatureError(
                self.written(),
                "a value is compared with so many times the mean: a positive number",
                self.written(above=2.5),
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """Its field and the key's."""
        return (self.field, self.by)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Its field."""
        return (self.field,)

    @property
    def names(self) -> tuple[str, ...]:
        """Of each figure, in order."""
        return tuple(f"{self.name}.{over}" for over in self.over)

    @property
    def most_events(self) -> int:
        """As many to know what is usual, and as many spikes."""
        return 2 * self.remember

    def enter(self, memory: Memory) -> None:
        """Have a memory keep what is usual, and the spikes."""
        self._usual(memory)
        self._spikes(memory)

    def figures(self, columns: Columns, memory: Memory) -> NDArray[np.float64]:
        """Unscaled, float64[n, windows], NaN where there is none."""
        keys, times = columns[self.by], microseconds(columns[EVENT_TIME])
        ratio, count = self._usual(memory).take(keys, times, columns[self.field]).T
        # Spikes alone are remembered; the others only look.
        spikes = np.where(ratio > self.above, 1.0, np.nan)
        found = self._spikes(memory).take(keys, times, spikes)
        found[np.isnan(count)] = np.nan
        return found

    def check(self, types: Mapping[str, FieldType]) -> None:
        """See that its fields exist, and are a number and a key."""
        super().check(types)
        if types[self.field] is str:
            raise FeatureError(
                f"{self.written()}, and {self.field} is a str",
                "texts have no mean",
                f"{self.field}: float    # in the schema",
            )

    def _usual(self, memory: Memory) -> Windows:
        settings = [duration(self.usual)], self._lateness, self.remember
        columns = [("ratio", 0), ("count", 0)]
        name = f"{self.name}.usual"
        return memory.windows(name, lambda: Windows(*settings, columns, shared=self.shared))

    def _spikes(self, memory: Memory) -> Windows:
        settings = self._lengths, self._lateness, self.remember
        columns = [("count", window) for window in range(len(self.over))]
        return memory.windows(self.name, lambda: Windows(*settings, columns, shared=self.shared))

    @property
    def _lateness(self) -> int:
        """The same for what is usual and for the spikes."""
        return min(duration(self.usual), super()._lateness)

    @property
    def _own_settings(self) -> Mapping[str, Any]:
        return {"above": self.above, "usual": self.usual}
