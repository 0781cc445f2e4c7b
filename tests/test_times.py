"""Points in time: what is understood, and what is not."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams.times
from streams.times import milliseconds, rfc3339

NOON = 1_522_584_000_000
MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    "moment",
    [
        "2018-04-01T12:00:00Z",
        "2018-04-01T14:00:00+02:00",
        "2018-04-01T12:00:00.000",
        "2018-04-01 12:00:00",
        1_522_584_000,
        1_522_584_000.0,
        1_522_584_000_000,
        "1522584000",
        "1522584000000",
        datetime(2018, 4, 1, 12),
        datetime(2018, 4, 1, 12, tzinfo=UTC),
        datetime(2018, 4, 1, 14, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_every_way_to_write_a_moment_is_the_same_moment(moment):
    assert milliseconds(moment) == NOON
    assert milliseconds(rfc3339(moment)) == NOON


@pytest.mark.parametrize("moment", ["", "noon", "2018-04-31", "nan", float("nan"), "T3156"])
def test_what_is_no_moment_is_refused(moment):
    with pytest.raises(ValueError, match=r"string|day|NaN|float"):
        milliseconds(moment)


def test_milliseconds_that_look_like_a_basic_date_are_a_number():
    assert milliseconds("1512011210000") == 1_512_011_210_000


def test_a_day_alone_is_its_midnight_in_utc():
    assert rfc3339("2018-04-01") == "2018-04-01T00:00:00Z"


@given(MOMENTS)
def test_rfc3339_keeps_the_moment_and_says_utc(moment):
    text = rfc3339(moment)
    assert datetime.fromisoformat(text) == moment
    assert text.endswith("Z")


@given(MOMENTS)
def test_seconds_as_a_float_keep_their_milliseconds(moment):
    assert abs(milliseconds(moment.timestamp()) - milliseconds(moment)) <= 1


def test_examples():
    assert doctest.testmod(streams.times).failed == 0
