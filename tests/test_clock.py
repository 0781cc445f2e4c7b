"""Tests of models.clock: a column of dates is read as datetime itself would read it, in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.clock import LABELS, elapsed, ordinals

law = settings(deadline=None)

ZONES = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(timezone)
DATES = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))
TIMES = st.none() | DATES | st.builds(lambda date, zone: date.replace(tzinfo=zone), DATES, ZONES)


def labels(part, column):
    return [
        None if place < 0 else LABELS[part][place]
        for place in ordinals(part, *elapsed(column)).tolist()
    ]


def in_utc(at):
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


READ = {
    "hour": lambda at: str(at.hour),
    "weekday": lambda at: at.strftime("%a"),
    "month": lambda at: at.strftime("%b"),
    "weekend": lambda at: "yes" if at.weekday() >= 5 else "no",
    "night": lambda at: "yes" if at.hour <= 6 else "no",
}


@pytest.mark.parametrize("part", LABELS)
@law
@given(column=st.lists(TIMES))
def test_every_part_is_what_datetime_says_in_utc(part, column):
    assert labels(part, column) == [None if at is None else READ[part](in_utc(at)) for at in column]


def test_the_last_microsecond_belongs_to_the_hour_it_ends():
    assert labels("hour", [datetime(2500, 1, 1, 22, 59, 59, 999_999)]) == ["22"]


def test_dates_that_leave_the_calendar_in_utc_are_read_all_the_same():
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    last = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2)))
    assert labels("hour", [first, last]) == ["22", "1"]
    assert labels("month", [first, last]) == ["Dec", "Jan"]


def test_nothing_comes_of_no_dates():
    days, seconds = elapsed([])
    assert days.dtype == seconds.dtype == np.int64
    assert labels("weekday", []) == []
