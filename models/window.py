"""Sliding windows: what happened to a key of late, as numbers beside an event."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from models.clock import microseconds
from models.column import EVENT_TIME, Columns
from models.durations import seconds
from models.feature import Feature, FeatureError, FieldType, nearest
from models.memory import Memory
from models.scaling import Scale, scaled
from models.windows import Windows

__all__ = ["Stat", "Window"]

Stat: TypeAlias = Literal[
    "count", "sum", "mean", "std", "min", "max", "distinct", "ratio", "since_last", "first_seen"
]

_ANY: tuple[FieldType, ...] = (str, int, bool, float)
_KEYS: tuple[FieldType, ...] = (str, int, bool)
_OF_EVENTS: tuple[Stat, ...] = ("count", "since_last", "first_seen")
_OF_TEXTS: tuple[Stat, ...] = (*_OF_EVENTS, "distinct")
_WITHOUT_WINDOW: tuple[Stat, ...] = ("since_last", "first_seen")
_MOST_WINDOWS = 16


@dataclass(frozen=True, kw_only=True)
class Window(Feature):
    """Figures over the events of a key in the last minutes, hours or days, by event time.

    ``Window("amount", by="customer_id", over=["1d", "7d"], stats=["count", "mean"])`` makes four
    numbers, named ``amount-by-customer_id.count.1d`` and so on. An event sees the events at
    ``(t - over, t]`` that came before it in the log, and itself. An event whose field is missing
    sees the others, and is not seen. docs/windows.md tells what becomes of late events, and when
    something is forgotten.

    Attributes:
        field: what the figures are of; None to count events.
        by: the field with the key.
        over: how long each window is: "90s", "10m", "1h", "30d".
        stats: "count", "sum", "mean", "std" (0 of a single event), "min", "max"; "distinct", the
            number of different values; "ratio", the value to the mean of the key's other events in
            the window; and whatever the window, in seconds: "since_last", the time since the key's
            previous event, and "first_seen", since its first.
        late: an event that is further behind its key's newest one comes too late: it has no
            figures, and is not counted. At most the longest window.
        remember: how many events, and how many keys, a partition remembers. Beyond that, the keys
            that were heard of least recently go first.
        scale: as of `Number`; each figure by itself. None for a River model that scales.
    """

    field: str | None = dataclasses.field(default=None, kw_only=False)
    by: str
    over: Sequence[str]
    stats: Sequence[Stat]
    late: str = "1d"
    remember: int = 1_000_000
    scale: Scale | None = "standard"

    reads: ClassVar[tuple[FieldType, ...]] = _ANY
    needs: ClassVar[str] = "a window counts numbers or texts"
    timed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("over", "stats"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))
        self._call_it(f"{self.field or 'events'}-by-{self.by}")
        self._check_times()
        self._check_stats()
        if type(self.remember) is not int or self.remember < 1:
            raise FeatureError(
                self.written(remember=self.remember),
                "it bounds the events that are kept: a whole number, at least 1",
                self.written(remember=type(self).remember),
            )
        if self.scale is not None and self.scale not in get_args(Scale):
            raise FeatureError(
                self.written(scale=self.scale),
                f"a scale is {' or '.join(map(repr, get_args(Scale)))}, or None",
                self.written(scale=nearest(self.scale, get_args(Scale))),
            )

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
    def names(self) -> tuple[str, ...]:
        """One for each figure."""
        return tuple(self.columns)

    @property
    def slots(self) -> str:
        """One for each figure."""
        return str(len(self.columns))

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
    def most_bytes(self) -> int:
        """Its memory, when that is full and every event has a key of its own."""
        return self.windows(Memory()).most_bytes

    def enter(self, memory: Memory) -> None:
        """Have a memory keep its windows."""
        self.windows(memory)

    def windows(self, memory: Memory) -> Windows:
        """What a memory keeps of the events before."""
        over = [_microseconds(over) for over in self.over]
        late = min(_microseconds(self.late), max(over))
        columns = list(self.columns.values())
        return memory.windows(self.name, lambda: Windows(over, late, self.remember, columns))

    def figures(self, columns: Columns, memory: Memory) -> NDArray[np.float64]:
        """Unscaled, float64[figures, n], NaN where there is none; see `Windows.take`."""
        values = None if self.field is None else columns[self.field]
        times = microseconds(columns[EVENT_TIME])
        return self.windows(memory).take(columns[self.by], times, values)

    def read(self, columns: Columns, memory: Memory | None, /) -> dict[str, list[Any]]:
        """Numbers on their scale, or None."""
        if memory is None:
            raise FeatureError(
                self.written(),
                "its figures depend on the events before, and none were given",
                "named(features, event, memory), with one Memory for all events",
            )
        values: dict[str, list[Any]] = {}
        found = self.figures(columns, memory)
        for name, column in zip(self.columns, found, strict=True):
            moments = memory.moments(name) if self.scale == "standard" else None
            numbers = scaled(column, self.scale, moments).tolist()
            values[name] = [None if math.isnan(number) else number for number in numbers]
        return values

    def check(self, types: Mapping[str, FieldType]) -> None:
        """See that its fields exist, can be counted and can be a key."""
        super().check(types)
        if types[self.by] not in _KEYS:
            raise FeatureError(
                f"{self.written()}, and {self.by} is a float",
                "a key is a str, an int or a bool; hardly any other value comes twice",
                f"{self.by}: str    # in the schema",
            )
        if self.field is None or types[self.field] is not str:
            return
        if odd := [stat for stat in self.stats if stat not in _OF_TEXTS]:
            stats = [stat for stat in self.stats if stat in _OF_TEXTS] or ["count", "distinct"]
            raise FeatureError(
                f"{self.written()}, and {self.field} is a str",
                f"{odd[0]!r} is of numbers; texts have {', '.join(map(repr, _OF_TEXTS))}",
                self.written(stats=stats),
            )

    def written(self, fields: Sequence[str] = (), **settings: Any) -> str:
        """The declaration as one writes it, with other fields or settings."""
        *first, by = fields or self.fields
        given = {"by": by, "over": list(self.over), "stats": list(self.stats), **settings}
        named = [f"{name}={value!r}" for name, value in given.items()]
        return f"Window({', '.join([*map(repr, first), *named])})"

    def _check_times(self) -> None:
        for over in (*self.over, self.late):
            if not _microseconds(over):
                raise FeatureError(
                    self.written(late=self.late),
                    f"{over!r} is no duration: a positive whole number and one of s, m, h, d",
                    self.written(over=["1d", "7d", "30d"]),
                )
        if not 0 < len(set(self.over)) == len(self.over) <= _MOST_WINDOWS:
            raise FeatureError(
                self.written(),
                f"over is a list of 1 to {_MOST_WINDOWS} different durations",
                self.written(over=list(dict.fromkeys(self.over))[:_MOST_WINDOWS] or ["1d", "7d"]),
            )

    def _check_stats(self) -> None:
        known = get_args(Stat) if self.field is not None else _OF_EVENTS
        right = list(dict.fromkeys(s if s in known else nearest(s, known) for s in self.stats))
        if right != list(self.stats) or not right:
            what = "stats is" if self.field is not None else "without a field, stats is"
            raise FeatureError(
                self.written(),
                f"{what} a list of {', '.join(map(repr, known))}, each at most once",
                self.written(stats=right or ["count"]),
            )


def _microseconds(length: object) -> int:
    """0: it is no length of time."""
    return (seconds(length) or 0) * 1_000_000
