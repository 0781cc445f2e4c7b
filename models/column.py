"""What a column of values can be: a list, an array, or text in one buffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.textcolumn import TextColumn

__all__ = [
    "EVENT_TIME", "Column", "Columns", "chosen", "complete", "distinct", "listed", "missing",
    "where_known", "whole_numbers",
]  # fmt: skip

Column: TypeAlias = "Sequence[Any] | NDArray[Any]"
"""One value an event: a `TextColumn`; float64, NaN for a missing number; int64; bool; datetime64 in
microseconds UTC, NaT for a missing time; or, for whatever these can't hold, a list."""

_FEW = 64
"""Up to so many, a set has told values apart before an array is sorted."""

C = TypeVar("C", bound=Column)

Columns: TypeAlias = Mapping[str, Column]
"""Columns of one length, by field."""

EVENT_TIME = "@"
"""Stands among the columns for when each event happened; no field has such a name."""


def listed(column: Column) -> list[Any]:
    """The values as Python's own objects, None for what is missing."""
    if isinstance(column, TextColumn):
        return column.tolist()
    if not isinstance(column, np.ndarray):
        return list(column)
    if column.dtype.kind == "M":
        return [None if time is None else time.replace(tzinfo=UTC) for time in _times(column)]
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f":
        for place in np.isnan(column).nonzero()[0].tolist():
            values[place] = None
    return values


def distinct(column: Column) -> set[Any]:
    """The values that occur, as Python's own objects, None for what is missing."""
    if isinstance(column, np.ndarray) and len(column) > _FEW:
        column = np.unique(column)
    return set(listed(column))


def chosen(column: C, places: Sequence[int] | NDArray[np.integer[Any]]) -> C:
    """The values at these places; the column itself where these are all of them."""
    if isinstance(places, range) and places == range(len(column)):
        return column
    taken: Any
    if isinstance(column, ByteColumn | TextColumn):
        taken = column.take(np.asarray(places, np.int64))
    elif isinstance(column, np.ndarray):
        taken = column[np.asarray(places, np.intp)]
    else:
        taken = [column[place] for place in places]
    return cast("C", taken)


def missing(column: Column) -> NDArray[np.bool_]:
    """Where a value is missing."""
    if isinstance(column, TextColumn):
        return column.utf8.lengths < 0
    if not isinstance(column, np.ndarray):
        return np.fromiter((value is None for value in column), np.bool_, len(column))
    if column.dtype.kind == "f":
        return np.isnan(column)
    return np.isnat(column) if column.dtype.kind == "M" else np.zeros(len(column), np.bool_)


def complete(column: Column) -> bool:
    """Whether no value is missing."""
    if isinstance(column, np.ndarray) and column.dtype.kind in "ib":
        return True
    return not np.count_nonzero(missing(column))


def where_known(answers: NDArray[Any], known: NDArray[np.bool_]) -> Column:
    """Answers, and None where one is not known."""
    if np.count_nonzero(known) == len(known):
        return answers
    listed: list[Any] = answers.tolist()
    for place in np.flatnonzero(~known).tolist():
        listed[place] = None
    return listed


def whole_numbers(column: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """As int64[n]."""
    if isinstance(column, np.ndarray) and column.dtype == np.int64:
        return column
    if isinstance(column, range):
        return np.arange(column.start, column.stop, column.step, dtype=np.int64)
    return np.asarray(column, np.int64)


def _times(column: NDArray[Any]) -> list[datetime | None]:
    times: list[datetime | None] = column.astype("datetime64[us]").tolist()
    return times
