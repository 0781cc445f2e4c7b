"""A few bad records are set aside; too many stop the partition."""

from __future__ import annotations

import pytest

from streams.limits import DeadLetterLimit, TooManyDeadLettersError


def test_a_share_of_bad_records_below_the_limit_is_put_up_with_for_ever() -> None:
    limit = DeadLetterLimit(0.1)
    for _ in range(1_000):
        limit.count(100, 10, "payments-0")


def test_more_than_the_limit_stops_and_says_what_to_do() -> None:
    limit = DeadLetterLimit(0.1)
    with pytest.raises(TooManyDeadLettersError, match="111 of the last 1,000 records"):
        limit.count(1_000, 111, "payments-0")


def test_the_first_few_records_are_not_judged() -> None:
    DeadLetterLimit(0.1).count(999, 999, "payments-0")


def test_a_long_good_past_does_not_hide_a_bad_present() -> None:
    limit = DeadLetterLimit(0.5)
    for _ in range(1_000):
        limit.count(1_000, 0, "payments-0")
    for _ in range(10):
        limit.count(500, 500, "payments-0")
    with pytest.raises(TooManyDeadLettersError):
        limit.count(10_000, 10_000, "payments-0")


def test_a_limit_of_one_never_stops() -> None:
    limit = DeadLetterLimit(1.0)
    for _ in range(100):
        limit.count(1_000, 1_000, "payments-0")
