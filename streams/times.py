"""Points in time as people write them, and as Kafka does: milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeAlias

__all__ = ["Moment", "milliseconds", "rfc3339", "utc"]

Moment: TypeAlias = str | int | float | datetime
"""A time as it is found in a file."""

_EPOCH, _NAIVE_EPOCH = datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1)
_MS = timedelta(milliseconds=1)
_SECONDS_BELOW = 1e11
"""In seconds it is the year 5138, in milliseconds March 1973: no data lies on the wrong side."""


def milliseconds(moment: Moment) -> int:
    """Whole milliseconds since 1970.

    A text is RFC 3339 or ``YYYY-mm-dd HH:MM:SS``, UTC where it names no zone; a number, as a text
    too, counts seconds since 1970 if it is below 1e11, and milliseconds from there on.

    >>> milliseconds("2018-04-01 00:00:31") == milliseconds(1522540831) == 1522540831000
    True

    Raises:
        ValueError: it is none of these.
        OverflowError: it is a number, but infinite.
    """
    if isinstance(moment, str):
        # No number has a "-" in the fifth place; Python would read 1512011210000 as a date as well.
        moment = datetime.fromisoformat(moment) if moment[4:5] == "-" else float(moment)
    if isinstance(moment, datetime):
        return (moment - (_EPOCH if moment.tzinfo else _NAIVE_EPOCH)) // _MS
    return round(moment if abs(moment) >= _SECONDS_BELOW else moment * 1000)


def utc(moment: float) -> datetime | None:
    """The date and time of milliseconds since 1970; None where no calendar has one."""
    try:
        return datetime.fromtimestamp(moment / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def rfc3339(moment: Moment) -> str:
    """The same moment as RFC 3339.

    >>> rfc3339("2018-04-01 00:00:31")
    '2018-04-01T00:00:31Z'

    Raises:
        ValueError: it is no point in time.
        OverflowError: it is one that has no date.
    """
    if isinstance(moment, str) and moment[4:5] == "-":
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        moment = _EPOCH + milliseconds(moment) * _MS
    text = moment.isoformat()
    return f"{text}Z" if moment.tzinfo is None else text.replace("+00:00", "Z")
