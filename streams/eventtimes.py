"""When events happened: a field of theirs, or the record's timestamp, as whole microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.column import Column, chosen, whole_numbers
from models.compiled import compiled
from streams.codec import Decoded
from streams.slices import Slice

__all__ = ["EventTimes", "event_times", "with_times"]

Longs = NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""The first second of year 1 and the last one of year 9999."""


@dataclass(frozen=True, slots=True)
class EventTimes:
    """The times of n events.

    Attributes:
        micros: int64[n], microseconds since 1970 in UTC.
        given: n datetimes with their own zones, where one of them is not in UTC; else None.
    """

    micros: Longs
    given: list[datetime] | None = None

    @property
    def seconds(self) -> NDArray[np.float64]:
        """float64[n], seconds since 1970."""
        return self.micros / 1e6

    def keep(self, good: NDArray[np.bool_]) -> EventTimes:
        """The times of some of the events."""
        given = self.given
        chosen = given and [time for time, keep in zip(given, good.tolist(), strict=True) if keep]
        return EventTimes(self.micros[good], chosen)


def event_times(
    column: Column | None, timestamps: Sequence[int] | Longs
) -> tuple[EventTimes, dict[int, str]]:
    """The times of a slice's events, and by place why one has none; it counts as 1970 then.

    Args:
        column: datetimes, or seconds since 1970; None where no field holds the time. A datetime
            without a zone is in UTC. Fractions of a microsecond are rounded, a half to the even.
        timestamps: of the records, in milliseconds; they stand in for what is missing.
    """
    if isinstance(column, np.ndarray) and column.dtype.kind == "i":
        return _checked(_micros(np.asarray(column, np.int64), 1), column)
    stamps = _micros(np.asarray(timestamps, np.int64), 1000)
    if column is None:
        return _checked(stamps, stamps // 1_000_000)
    if not isinstance(column, np.ndarray):
        return _each(column, stamps)
    if column.dtype.kind == "M":
        micros = column.astype("datetime64[us]").view(np.int64)
        return _checked(np.where(np.isnat(column), stamps, micros), column)
    absent = np.isnan(column)
    seconds = np.clip(np.where(absent, 0.0, column), _FIRST - 1, _LAST + 1)
    whole = np.floor(seconds)
    parts = np.rint((seconds - whole) * 1e6)
    micros = whole.astype(np.int64) * 1_000_000 + parts.astype(np.int64)
    return _checked(np.where(absent, stamps, micros), column)


def with_times(decoded: Decoded, field: str | None, records: Slice) -> tuple[Decoded, EventTimes]:
    """The time of each event, without those that have none."""
    own = None if field is None else decoded.column(field)
    at, bad = event_times(own, chosen(whole_numbers(records.timestamps), decoded.places))
    if not bad:
        return decoded, at
    good = np.ones(len(decoded), np.bool_)
    good[list(bad)] = False
    return decoded.without({n: ("time", why) for n, why in bad.items()}), at.keep(good)


@compiled
def _micros(times: Longs, per_second: int) -> Longs:
    """Microseconds; what no calendar has stays beyond it."""
    lowest, highest = (_FIRST - 1) * per_second, (_LAST + 1) * per_second
    micros = np.empty(len(times), np.int64)
    for n in range(len(times)):
        micros[n] = min(max(times[n], lowest), highest) * (1_000_000 // per_second)
    return micros


@compiled
def _dated(micros: Longs) -> bool:
    """Whether a calendar has all of these times."""
    good = True
    for n in range(len(micros)):
        good &= _FIRST * 1_000_000 <= micros[n] < (_LAST + 1) * 1_000_000
    return good


def _checked(micros: Longs, given: NDArray[Any]) -> tuple[EventTimes, dict[int, str]]:
    if _dated(micros):
        return EventTimes(micros), {}
    bad = (micros < _FIRST * 1_000_000) | (micros >= (_LAST + 1) * 1_000_000)
    places = np.flatnonzero(bad).tolist()
    return EventTimes(np.where(bad, 0, micros)), {n: _no_time(given[n].item()) for n in places}


def _each(column: Sequence[Any], stamps: Longs) -> tuple[EventTimes, dict[int, str]]:
    micros = stamps.copy()
    given: list[datetime] = []
    bad: dict[int, str] = {}
    for place, time in enumerate(column):
        at = _EPOCH
        if isinstance(time, datetime):
            at = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
            micros[place] = (at - _EPOCH) // _MICROSECOND
        else:
            one = None if time is None else np.array([min(max(time, _FIRST - 1), _LAST + 1)])
            found, beyond = event_times(one, stamps[place : place + 1] // 1000)
            micros[place] = found.micros[0]
            at = _EPOCH + int(micros[place]) * _MICROSECOND
            if beyond:
                bad[place] = _no_time(int(stamps[place]) // 1000 if time is None else time)
        given.append(at)
    zoned = any(time.tzinfo is not UTC for time in given)
    return EventTimes(micros, given if zoned else None), bad


def _no_time(time: Any) -> str:
    return f"{time!r} is no time: seconds since 1970 are from {_FIRST:,} to {_LAST:,}"
