"""Sliding windows: what happened to a key of late, as numbers beside an event."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from models.clock import microseconds
from models.column import EVENT_TIME, Columns
from models.feature import FeatureError, FieldType
from models.memory import Memory
from models.sliding import Sliding
from models.windows import Windows

__all__ = ["Stat", "Window"]

Stat: TypeAlias = Literal[
    "count", "sum", "mean", "std", "min", "max", "distinct", "ratio", "since_last", "first_seen"
]

_OF_EVENTS: tuple[Stat, ...] = ("count", "since_last", "first_seen")
_OF_TEXTS: tuple[Stat, ...] = (*_OF_EVENTS, "distinct")
_WITHOUT_WINDOW: tuple[Stat, ...] = ("since_last", "first_seen")


@dataclass(frozen=True, kw_only=True)
class Window(Sliding):
    """Figures over the events of a key in the last minutes, hours or days, by event time.

    ``Window("amount", by="customer_id", over=["1d", "7d"], stats=["count", "mean"])`` makes four
    numbers, named ``amount-by-customer_id.count.1d`` and so on. An event sees the events at
    ``(t - over, t]`` that came before it in the log, and itself. An event whose field is missing
    sees the others, and is not seen. docs/windows.md tells what becomes of late events, and when
    something is forgotten.

    Attributes:
        field: what the figures are of; None to count events.
        stats: "count", "sum", "mean", "std" (0 of a single event), "min", "max"; "distinct", the
            number of different values; "ratio", the value to the mean of the key's other events in
            the window; and whatever the window, in seconds: "since_last", the time since the key's
            previous event, and "first_seen", since its first.
    """

    field: str | None = dataclasses.field(default=None, kw_only=False)
    stats: Sequence[Stat]

    def __post_init__(self) -> None:
        self._as_tuple("stats")
        self._call_it(f"{self.field or 'events'}-by-{self.by}")
        super().__post_init__()
        known = get_args(Stat) if self.field is not None else _OF_EVENTS
        what = "stats is" if self.field is not None else "without a field, stats is"
        self._check_stats(self.stats, known, what)

    @property
    def fields(self) -> tuple[str, ...]:
        """Its field, if it has one, and the key's."""
        return (self.by,) if self.field is None else (self.field, self.by)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Its field, if that can only be one of numbers."""
        numeric = self.field is not None and not set(self.stats) <= set(_OF_TEXTS)
        return self.fields[:1] if numeric else ()

    @property
    def columns(self) -> Mapping[str, tuple[Stat, int]]:
        """By name, each figure's statistic and the place of its window."""
        columns: dict[str, tuple[Stat, int]] = {}
        for stat in self.stats:
            if stat in _WITHOUT_WINDOW:
                columns[f"{self.name}.{stat}"] = (stat, 0)
            else:
                for place, over in enumerate(self.over):
                    columns[f"{self.name}.{stat}.{over}"] = (stat, place)
        return columns

    @property
    def names(self) -> tuple[str, ...]:
        """Of each figure, in order."""
        return tuple(self.columns)

    def enter(self, memory: Memory) -> None:
        """Have a memory keep its windows."""
        self.windows(memory)

    def windows(self, memory: Memory) -> Windows:
        """What a memory keeps of the events before."""
        settings = self._lengths, self._lateness, self.remember, list(self.columns.values())
        return memory.windows(self.name, lambda: Windows(*settings, shared=self.shared))

    def figures(self, columns: Columns, memory: Memory) -> NDArray[np.float64]:
        """Unscaled, float64[n, figures], NaN where there is none; see `Windows.take`."""
        values = None if self.field is None else columns[self.field]
        times = microseconds(columns[EVENT_TIME])
        return self.windows(memory).take(columns[self.by], times, values)

    def check(self, types: Mapping[str, FieldType]) -> None:
        """See that its fields exist, can be counted and can be a key."""
        super().check(types)
        if self.field is None or types[self.field] is not str:
            return
        if odd := [stat for stat in self.stats if stat not in _OF_TEXTS]:
            stats = [stat for stat in self.stats if stat in _OF_TEXTS] or ["count", "distinct"]
            raise FeatureError(
                f"{self.written()}, and {self.field} is a str",
                f"{odd[0]!r} is of numbers; texts have {', '.join(map(repr, _OF_TEXTS))}",
                self.written(stats=stats),
            )

    @property
    def _own_settings(self) -> Mapping[str, Any]:
        return {"stats": list(self.stats)}
