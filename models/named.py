"""One event as a dict of features by name: what a model outside of Kafka reads, and what is hashed.

This is the plain, slow definition; `models.readers` computes the same rows a column at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.feature import Feature
from models.hashing import MISSING, sign, text, token
from models.memory import Memory
from models.scaling import usable

__all__ = ["Entry", "Values", "entries", "flat", "hash_row", "named"]

Values: TypeAlias = Mapping[str, Any]
"""Features by name. A number is a number; a str (or None, or any other object) is a category; a
tuple is a cross of categories; a list is several categories of one name; a dict is several
categories with a number each."""


class Entry(NamedTuple):
    """One entry of a row before it is hashed.

    Attributes:
        name: of the feature.
        categories: none for a number, one for a category, several for a cross.
        value: the number, or what the category counts.
    """

    name: str
    categories: tuple[str, ...]
    value: float


def named(
    features: Sequence[Feature], event: Mapping[str, Any], memory: Memory | None = None
) -> dict[str, Any]:
    """The features of one event.

    Args:
        features: what to read.
        event: the event's fields by name.
        memory: of the events before; brought up to date. Only the ``"standard"`` scale needs it.
    """
    columns = {name: (value,) for name, value in event.items()}
    return {
        name: value
        for feature in features
        for name, (value,) in feature.read(columns, memory).items()
    }


def entries(values: Values) -> Iterator[Entry]:
    """The entries of a row, in the order in which it holds them.

    A number that is not `usable` (NaN, infinite, huge) is missing; as a count it is 0.
    """
    for key, value in values.items():
        name = text(key)
        if isinstance(value, str):
            yield Entry(name, (value,), 1.0)
        elif isinstance(value, int | float | np.floating | np.integer | np.bool_):
            number = float(value) if usable(value) else None
            yield Entry(name, (MISSING,), 1.0) if number is None else Entry(name, (), number)
        elif isinstance(value, tuple):
            yield Entry(name, tuple(map(text, value)), 1.0)
        elif isinstance(value, list):
            for element in value:
                yield Entry(name, (text(element),), 1.0)
        elif isinstance(value, Mapping):
            for element, count in value.items():
                yield Entry(name, (text(element),), float(count) if usable(count) else 0.0)
        else:
            yield Entry(name, (text(value),), 1.0)


def hash_row(values: Values, bits: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Buckets and values of one row, int32[k] and float64[k], as `HashedEncoder` makes them."""
    index, value = [], []
    for name, categories, number in entries(values):
        hashed = token(name, categories, seed)
        index.append(hashed & ((1 << bits) - 1))
        value.append(number * sign(hashed) if categories else number)
    return np.array(index, np.int32), np.array(value, np.float64)


def flat(values: Values) -> dict[str, float | str]:
    """The same for River: numbers and texts only, and what is missing left out.

    An element of a list or a dict becomes a number of its own: ``{"tags=red": 1.0}``. A cross
    becomes a text: ``"a|b"``, with a backslash before a bar that is part of a value.
    """
    row: dict[str, float | str] = {}
    for name, value in values.items():
        if isinstance(value, tuple):
            row[name] = "|".join(map(_escaped, value))
        elif isinstance(value, list | dict):
            for _, (element,), count in entries({name: value}):
                key = f"{name}={element}"
                row[key] = float(row.get(key, 0.0)) + count
        elif value is not None:
            row[name] = value
    return row


def _escaped(category: str | None) -> str:
    """A part of a cross; what is missing is ``\\0``, which no text becomes."""
    if category is None:
        return "\\0"
    return category.replace("\\", "\\\\").replace("|", "\\|")
