"""An event's time is the same in whatever form its column comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.eventtimes import event_times

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = -62_135_596_800, 253_402_300_799
moments = st.datetimes(timezones=st.just(UTC))


def micros(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)


@given(st.lists(moments | st.none(), min_size=1))
def test_datetimes_in_a_list_and_in_an_array_are_the_same_times(
    times: list[datetime | None],
) -> None:
    stamps = [1_700_000_000_123 + n for n in range(len(times))]
    expected = [stamps[n] * 1000 if t is None else micros(t) for n, t in enumerate(times)]
    naive = np.array([t and t.replace(tzinfo=None) for t in times], "datetime64[us]")
    for column in (times, naive):
        found, bad = event_times(column, stamps)
        assert found.micros.tolist() == expected
        assert found.given is None
        assert not bad


@given(st.lists(st.floats(FIRST, LAST), min_size=1))
def test_seconds_are_the_datetime_python_makes_of_them(seconds: list[float]) -> None:
    found, bad = event_times(np.array(seconds), [0] * len(seconds))
    assert not bad
    exact = [abs(second) < 2**33 for second in seconds]  # Python rounds from the other side below 0
    for at, second, near in zip(found.micros.tolist(), seconds, exact, strict=True):
        if near and second >= 0:
            assert at == micros(datetime.fromtimestamp(second, UTC))
        assert abs(at - second * 1e6) <= max(1.0, abs(second) * 1e-9)


@given(st.lists(st.integers(FIRST, LAST), min_size=1))
def test_whole_seconds_are_exact_in_an_array_and_in_a_list(seconds: list[int]) -> None:
    for column in (np.array(seconds, np.int64), seconds, [*seconds[:-1], float(seconds[-1])]):
        found, bad = event_times(column, [0] * len(seconds))
        assert found.micros.tolist() == [second * 1_000_000 for second in seconds]
        assert not bad


def test_a_time_in_another_zone_keeps_it() -> None:
    there = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    found, _ = event_times([there, EPOCH], [0, 0])
    assert found.given == [there, EPOCH]
    assert found.seconds.tolist() == [1_767_225_600.0, 0.0]
    assert found.keep(np.array([False, True])).given == [EPOCH]


def test_what_is_beyond_the_calendar_is_no_time_and_says_so() -> None:
    for column in (
        np.array([0.0, 1e300, -np.inf]),
        np.array([0, 2**62, FIRST - 1]),
        [0, 10**30, FIRST - 1],
    ):
        found, bad = event_times(column, [0, 0, 0])
        assert set(bad) == {1, 2}
        assert found.micros.tolist() == [0, 0, 0]
        assert bad[1].endswith(
            "is no time: seconds since 1970 are from -62,135,596,800 to 253,402,300,799"
        )
    _, bad = event_times(None, [0, 2**62])
    assert set(bad) == {1}


def test_the_records_timestamp_stands_in_for_a_missing_number() -> None:
    for column in (np.array([np.nan, 2.5]), [None, 2.5]):
        assert event_times(column, [7, 8])[0].micros.tolist() == [7_000, 2_500_000]
    assert event_times(None, [7, 8])[0].micros.tolist() == [7_000, 8_000]


def test_a_timestamp_beyond_the_calendar_does_not_stand_in_for_a_missing_datetime() -> None:
    found, bad = event_times([None, EPOCH, None], [-(2**62), 0, 5])
    assert set(bad) == {0}
    assert found.micros.tolist() == [0, 0, 5_000]
