"""The parts of a date a model can learn from: a column of datetimes at once, in UTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.column import Column

__all__ = ["LABELS", "Part", "elapsed", "microseconds", "ordinals"]

Part: TypeAlias = Literal["hour", "weekday", "month", "weekend", "night"]

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"

LABELS: Mapping[Part, tuple[str, ...]] = {
    "hour": tuple(map(str, range(24))),
    "weekday": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "month": tuple(_MONTHS.split()),
    "weekend": ("no", "yes"),
    "night": ("no", "yes"),
}
"""The values of each part, in order. Weekend is Saturday and Sunday, night is 00:00 to 06:59."""

Integers: TypeAlias = NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)
_MISSING = timedelta.min
_MICROSECOND = timedelta(microseconds=1)


def elapsed(column: Column) -> tuple[Integers, Integers]:
    """Days since 1970-01-01 and seconds of the day, int64[n] each, both in UTC.

    A datetime without a zone is taken to be in UTC.
    """
    if isinstance(column, np.ndarray):
        seconds = column.astype("datetime64[us]").view(np.int64) // 1_000_000
        days = np.where(np.isnat(column), _MISSING.days, seconds // 86_400)
        return days, seconds % 86_400
    try:
        spans = [at - _EPOCH for at in column]
    except TypeError:
        spans = list(map(_span, column))
    n = len(spans)
    days = np.fromiter(map(attrgetter("days"), spans), np.int64, n)
    return days, np.fromiter(map(attrgetter("seconds"), spans), np.int64, n)


def microseconds(column: Column) -> Integers:
    """Microseconds since 1970, int64[n]; none is missing."""
    if isinstance(column, np.ndarray):
        return column.astype("datetime64[us]").view(np.int64)
    return np.fromiter((_span(at) // _MICROSECOND for at in column), np.int64, len(column))


def ordinals(part: Part, days: Integers, seconds: Integers) -> Integers:
    """For each time the place of its label in ``LABELS[part]``, int64[n]; −1 if it is missing."""
    return np.where(days == _MISSING.days, -1, _ORDINALS[part](days, seconds))


def _span(at: datetime | None) -> timedelta:
    if at is None:
        return _MISSING
    return at - (_NAIVE_EPOCH if at.tzinfo is None else _EPOCH)


def _hour(_days: Integers, seconds: Integers) -> Integers:
    return seconds // 3600


def _weekday(days: Integers, _seconds: Integers) -> Integers:
    return (days + 3) % 7  # 1970 began on a Thursday


def _month(days: Integers, _seconds: Integers) -> Integers:
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12


_ORDINALS: Mapping[Part, Callable[[Integers, Integers], Integers]] = {
    "hour": _hour,
    "weekday": _weekday,
    "month": _month,
    "weekend": lambda days, seconds: (_weekday(days, seconds) >= 5).astype(np.int64),
    "night": lambda days, seconds: (_hour(days, seconds) <= 6).astype(np.int64),
}
