"""What features over sliding windows have in common: a key, windows, and figures on a scale."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from models.column import Columns
from models.durations import seconds
from models.feature import Feature, FeatureError, FieldType, nearest
from models.memory import Memory
from models.scaling import Scale, scaled

__all__ = ["Sliding", "duration"]

_KEYS: tuple[FieldType, ...] = (str, int, bool)
_MOST_WINDOWS = 16


@dataclass(frozen=True, kw_only=True)
class Sliding(Feature):
    """Figures over what happened to a key in the last minutes, hours or days, by event time.

    Attributes:
        by: the field with the key.
        over: how long each window is: "90s", "10m", "1h", "30d".
        late: an event that is further behind its key's newest one comes too late: it has no
            figures, and is not counted. At most the longest window.
        remember: how many events, and how many keys, a partition remembers. Beyond that, the keys
            that were heard of least recently go first.
        scale: as of `models.features.Number`; each figure by itself. None for a River model that
            scales.
        shared: it sees the events of all partitions, those of the others as soon as it has heard of
            them: for a key that is not the topic's. `remember` is of all partitions then.
    """

    by: str
    over: Sequence[str]
    late: str = "1d"
    remember: int = 1_000_000
    scale: Scale | None = "standard"
    shared: bool = False

    reads: ClassVar[tuple[FieldType, ...]] = (str, int, bool, float)
    needs: ClassVar[str] = "a window counts numbers or texts"
    timed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._as_tuple("over")
        if not 0 < len(set(self.over)) == len(self.over) <= _MOST_WINDOWS:
            raise FeatureError(
                self.written(),
                f"over is a list of 1 to {_MOST_WINDOWS} different durations",
                self.written(over=list(dict.fromkeys(self.over))[:_MOST_WINDOWS] or ["1d", "7d"]),
            )
        for over in self.over:
            self._check_duration(over, over=["1d", "7d", "30d"])
        self._check_duration(self.late, late="1d")
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
        if not isinstance(self.shared, bool):
            raise FeatureError(
                self.written(shared=self.shared),
                "partitions share what they know of a key, or each sees its own events",
                self.written(shared=True),
            )

    def describe(self) -> Mapping[str, Any]:
        """Its kind and every setting; `shared` only where it is, as it was not always one."""
        described = dict(super().describe())
        if not self.shared:
            del described["shared"]
        return described

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Of each figure, in order."""

    @abstractmethod
    def figures(self, columns: Columns, memory: Memory) -> NDArray[np.float64]:
        """Unscaled, float64[n, figures], NaN where there is none; the memory is kept up to date."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """The fields that it reads as numbers."""
        return ()

    @property
    def slots(self) -> str:
        """One for each figure."""
        return str(len(self.names))

    @property
    def most_events(self) -> int:
        """How many events a partition remembers at most."""
        return self.remember

    @property
    def most_bytes(self) -> int:
        """Its memory, when that is full and every event has a key of its own."""
        memory = Memory()
        self.enter(memory)
        return memory.most_bytes

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
        for name, column in zip(self.names, found.T, strict=True):
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

    def written(self, fields: Sequence[str] = (), **settings: Any) -> str:
        """The declaration as one writes it, with other fields or settings."""
        *first, by = fields or self.fields
        given = {"by": by, "over": list(self.over), **self._own_settings, **settings}
        named = [f"{name}={value!r}" for name, value in given.items()]
        return f"{type(self).__name__}({', '.join([*map(repr, first), *named])})"

    @property
    @abstractmethod
    def _own_settings(self) -> Mapping[str, Any]:
        """What else one has to write."""

    @property
    def _lengths(self) -> list[int]:
        """Of the windows, in microseconds."""
        return [duration(over) for over in self.over]

    @property
    def _lateness(self) -> int:
        """How late an event may come, in microseconds."""
        return min(duration(self.late), max(self._lengths))

    def _as_tuple(self, setting: str) -> None:
        given = getattr(self, setting)
        object.__setattr__(self, setting, (given,) if isinstance(given, str) else tuple(given))

    def _check_duration(self, length: object, **instead: Any) -> None:
        if not duration(length):
            raise FeatureError(
                self.written(),
                f"{length!r} is no duration: a positive whole number and one of s, m, h, d",
                self.written(**instead),
            )

    def _check_stats(self, stats: Sequence[str], known: Sequence[str], what: str) -> None:
        right = list(dict.fromkeys(s if s in known else nearest(s, known) for s in stats))
        if right != list(stats) or not right:
            raise FeatureError(
                self.written(),
                f"{what} a list of {', '.join(map(repr, known))}, each at most once",
                self.written(stats=right or ["count"]),
            )


def duration(length: object) -> int:
    """In microseconds; 0: it is no length of time."""
    return (seconds(length) or 0) * 1_000_000
