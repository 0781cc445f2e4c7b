"""Times of RFC 3339 in UTC, or without a zone, to microseconds since 1970."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled

__all__ = ["EXACT", "NAIVE", "ZONED", "instants"]

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

ZONED, NAIVE = 0, 1
"""Whether a time says that it is in UTC."""

EXACT = 2**53
"""Microseconds from 1970, either way, up to which seconds in a float64 are exact enough."""

_BEGUN = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
"""Days of a common year before each month."""


@compiled
def instants(data: Bytes, first: Longs, second: Longs, irregular: NDArray[np.bool_]) -> None:
    """Replace each string by its time and by `ZONED` or `NAIVE`, or mark its record.

    ``2026-01-01T12:00:00.123456Z``: a space for the T, small letters, a fraction of any length or
    none, and ``+00:00``, ``+0000``, those with a minus, or nothing for the Z are read too. The
    seventh digit of a fraction rounds, as msgspec does it.

    Args:
        data: where the strings lie.
        first: int64[n], where each begins; then microseconds since 1970-01-01 UTC.
        second: int64[n], its length, below 0 for none; then its zone.
        irregular: bool[n], records to pass over; more are marked.
    """
    for n in range(len(first)):
        if not irregular[n] and second[n] >= 0:
            first[n], second[n] = _instant(data, first[n], second[n])
            irregular[n] = second[n] < 0


@compiled
def _instant(data: Bytes, at: int, length: int) -> tuple[int, int]:
    wrong = 0, -1
    if length < 19:
        return wrong
    stop = at + length
    year = _digits(data, at, 4)
    month, day = _digits(data, at + 5, 2), _digits(data, at + 8, 2)
    hour, minute, second = (
        _digits(data, at + 11, 2),
        _digits(data, at + 14, 2),
        _digits(data, at + 17, 2),
    )
    if min(year, month, day, hour, minute, second) < 0:
        return wrong
    if data[at + 4] != ord("-") or data[at + 7] != ord("-"):
        return wrong
    if data[at + 13] != ord(":") or data[at + 16] != ord(":"):
        return wrong
    if data[at + 10] | 0x20 != ord("t") and data[at + 10] != ord(" "):
        return wrong
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if year < 1 or month < 1 or month > 12 or hour > 23 or minute > 59 or second > 59:
        return wrong
    days = 31 if month == 12 else _BEGUN[month + 1] - _BEGUN[month]
    if day < 1 or day > days + (month == 2 and leap):
        return wrong
    at += 19
    micros, scale = 0, 1_000_000
    if at < stop and data[at] == ord("."):
        begin = at = at + 1
        while at < stop and ord("0") <= data[at] <= ord("9"):
            digit = data[at] - ord("0")
            micros += digit * (scale // 10) if scale > 1 else digit // 5 * scale
            scale //= 10  # the seventh digit rounds, none behind it counts
            at += 1
        if at == begin:
            return wrong
    zone = _zone(data, at, stop)
    if zone < 0:
        return wrong
    past = year - 1
    date = past * 365 + past // 4 - past // 100 + past // 400 - 719_162  # 1970-01-01 is day 0
    date += _BEGUN[month] + day - 1 + (month > 2 and leap)
    total = ((date * 24 + hour) * 60 + minute) * 60 + second
    total = total * 1_000_000 + micros
    return (total, zone) if abs(total) < EXACT else wrong


@compiled
def _zone(data: Bytes, at: int, stop: int) -> int:
    """The zone that is written here; -1 for any but UTC."""
    length = stop - at
    if length == 0:
        return NAIVE
    if length == 1:
        return ZONED if data[at] | 0x20 == ord("z") else -1
    if data[at] != ord("+") and data[at] != ord("-"):
        return -1
    if length != 5 and (length != 6 or data[at + 3] != ord(":")):
        return -1
    hours, minutes = _digits(data, at + 1, 2), _digits(data, stop - 2, 2)
    return ZONED if hours == 0 and minutes == 0 else -1


@compiled
def _digits(data: Bytes, start: int, count: int) -> int:
    """A number of that many digits; -1 where one is none."""
    value = 0
    for at in range(start, start + count):
        digit = data[at] - ord("0")
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    return value
