"""Features: what a model reads of an event. Declarations only; `models.readers` carries them out.

In all of them a value that is missing (None) is a category of its own, so that its absence can be
learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, get_args

import numpy as np

from models.bags import Counts, Text, Tokens
from models.clock import LABELS, Part, elapsed, ordinals
from models.column import Column, Columns
from models.feature import Feature, FeatureError, FieldFeature, FieldType, call, nearest
from models.hashing import text
from models.labelrate import LabelRate
from models.memory import Memory
from models.scaling import Scale, scaled
from models.spikes import Spikes
from models.window import Window

__all__ = [
    "Clock",
    "Counts",
    "Cross",
    "Feature",
    "FeatureError",
    "Hashed",
    "LabelRate",
    "Number",
    "Spikes",
    "Text",
    "Tokens",
    "Window",
]

_CATEGORIES: tuple[FieldType, ...] = (str, int, bool)
_CATEGORY = "a category is a str, an int or a bool; hardly any other value comes twice"


@dataclass(frozen=True)
class Number(FieldFeature):
    """A number.

    Attributes:
        scale: None: as it is. ``"log"``: ``sign(x)·log(1 + |x|)``, for amounts and counts.
            ``"standard"``: (x − mean) / standard deviation of all numbers so far, this one
            included; 0 for the first, and as long as all are equal.
    """

    scale: Scale | None = None

    reads: ClassVar[tuple[FieldType, ...]] = (float, int, bool)
    needs: ClassVar[str] = "a number is a float, an int or a bool"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale is not None and self.scale not in get_args(Scale):
            raise FeatureError(
                call(self, self.fields, scale=self.scale),
                f"a scale is {' or '.join(map(repr, get_args(Scale)))}, or left out",
                call(self, self.fields, scale=nearest(self.scale, get_args(Scale))),
            )

    def read(self, columns: Columns, memory: Memory | None, /) -> dict[str, list[Any]]:
        """Numbers on their scale, or None."""
        if self.scale == "standard" and memory is None:
            raise FeatureError(
                call(self, self.fields, scale=self.scale),
                "its value depends on the numbers seen before, and none were given",
                "named(features, event, memory), with one Memory for all events",
            )
        moments = memory.moments(self.name) if memory and self.scale == "standard" else None
        values = scaled(columns[self.field], self.scale, moments)
        present: list[float | None] = values.tolist()
        for place in np.flatnonzero(np.isnan(values)).tolist():
            present[place] = None
        return {self.name: present}


@dataclass(frozen=True)
class Hashed(FieldFeature):
    """A category, such as an id, a country or a code; it may have any number of values."""

    reads: ClassVar[tuple[FieldType, ...]] = _CATEGORIES
    needs: ClassVar[str] = _CATEGORY

    def read(self, columns: Columns, _memory: Memory | None, /) -> dict[str, list[Any]]:
        """Texts, or None."""
        return {self.name: _categories(columns[self.field])}


@dataclass(frozen=True, init=False)
class Cross(Feature):
    """The values of several fields taken together, as one category.

    A linear model adds up what its features say; only by a cross can it learn that a customer at
    this terminal is another matter than either: ``Cross("customer_id", "terminal_id")``.
    """

    over: tuple[str, ...]

    reads: ClassVar[tuple[FieldType, ...]] = _CATEGORIES
    needs: ClassVar[str] = _CATEGORY

    def __init__(self, *fields: str, name: str = "") -> None:
        object.__setattr__(self, "over", fields)
        object.__setattr__(self, "name", name)
        distinct = tuple(dict.fromkeys(fields))
        if len(distinct) < max(2, len(fields)):
            raise FeatureError(
                call(self, fields),
                "a cross is made of two different fields or more",
                f"Hashed({fields[0]!r})"
                if len(distinct) == 1
                else call(self, distinct or ("customer_id", "terminal_id")),
            )
        self._call_it("*".join(fields))

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields it is made of, in order."""
        return self.over

    def read(self, columns: Columns, _memory: Memory | None, /) -> dict[str, list[Any]]:
        """Tuples of a text or None for each field."""
        parts = (_categories(columns[field]) for field in self.over)
        return {self.name: list(zip(*parts, strict=True))}


@dataclass(frozen=True)
class Clock(FieldFeature):
    """Parts of a date, each a category named ``at.hour``; in UTC, like a date without a zone.

    Attributes:
        parts: of "hour", "weekday", "month", "weekend" (Saturday and Sunday) and "night" (00:00
            to 06:59).
    """

    parts: Sequence[Part]

    reads: ClassVar[tuple[FieldType, ...]] = (datetime,)
    needs: ClassVar[str] = "hours and weekdays are read off a datetime"

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = (self.parts,) if isinstance(self.parts, str) else tuple(self.parts)
        right = list(dict.fromkeys(p if p in LABELS else nearest(p, LABELS) for p in parts))
        if right != list(self.parts) or not parts:
            raise FeatureError(
                f"Clock({self.field!r}, {self.parts!r})",
                f"parts is a list of {', '.join(map(repr, LABELS))}, each at most once",
                f"Clock({self.field!r}, {right or ['hour', 'weekday']})",
            )
        object.__setattr__(self, "parts", parts)

    @property
    def names(self) -> tuple[str, ...]:
        """One for each part: ``at.hour``."""
        return tuple(f"{self.name}.{part}" for part in self.parts)

    @property
    def slots(self) -> str:
        """One for each part."""
        return str(len(self.parts))

    def read(self, columns: Columns, _memory: Memory | None, /) -> dict[str, list[Any]]:
        """Labels of each part, or None."""
        days, seconds = elapsed(columns[self.field])
        values: dict[str, list[Any]] = {}
        for part in self.parts:
            labels = (*LABELS[part], None)  # ordinal -1, the last, is of a missing date
            places = ordinals(part, days, seconds).tolist()
            values[f"{self.name}.{part}"] = [labels[place] for place in places]
        return values


def _categories(column: Column) -> list[str | None]:
    return [None if value is None else text(value) for value in column]
