"""The handbook's protocol and measures, against plain Python that follows the book's words."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.handbook import (
    EARLIER,
    TEST_WEEK,
    Payments,
    average_precision,
    card_precision,
    figures,
    measured,
    read,
    roc_auc,
)

DAY = np.timedelta64(1, "D")

scored = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda rows: len({fraud for fraud, _ in rows}) == 2
)


def columns(rows):
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows], np.float64)


def payments(rows):
    """Payments of (day relative to the test week, customer, whether a fraud), by time."""
    rows = sorted(rows, key=lambda row: row[0])
    days, customers, frauds = zip(*rows, strict=True)
    n = np.arange(len(rows))
    at = (TEST_WEEK + np.array(days) * DAY).astype("datetime64[s]")
    return Payments(n, at, np.array(customers), n.astype(np.float64), np.array(frauds))


@given(scored)
def test_the_area_is_the_share_of_pairs_in_the_right_order(rows):
    fraud, score = columns(rows)
    pairs = list(product(score[fraud], score[~fraud]))
    right = sum(1.0 if bad > good else 0.5 if bad == good else 0.0 for bad, good in pairs)
    assert roc_auc(fraud, score) == pytest.approx(right / len(pairs))


@given(scored)
def test_average_precision_sums_precision_over_the_recall_each_threshold_adds(rows):
    fraud, score = columns(rows)
    expected, recall = 0.0, 0.0
    for threshold in sorted(set(score.tolist()), reverse=True):
        alarmed = fraud[score >= threshold]
        reached = alarmed.sum() / fraud.sum()
        expected += alarmed.mean() * (reached - recall)
        recall = reached
    assert average_precision(fraud, score) == pytest.approx(expected)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 6), st.booleans(), st.integers(0, 20)),
        min_size=1,
        max_size=40,
        unique_by=lambda row: row[3],
    ),
    st.integers(1, 4),
)
def test_a_card_that_was_found_is_not_looked_into_again(rows, most):
    found, shares = set(), []
    for day in sorted({row[0] for row in rows}):
        todays = [row for row in rows if row[0] == day and row[1] not in found]
        highest = {}
        for _, card, _, score in todays:
            highest[card] = max(highest.get(card, 0), score)
        looked_into = sorted(highest, key=highest.__getitem__, reverse=True)[:most]
        right = {card for _, card, fraud, _ in todays if fraud and card in looked_into}
        found |= right
        shares.append(len(right) / most)
    day, card, fraud, score = (np.array(column) for column in zip(*rows, strict=True))
    mean = card_precision(TEST_WEEK + day * DAY, card, fraud, score.astype(np.float64), most)
    assert mean == pytest.approx(np.mean(shares))


@given(
    st.lists(
        st.tuples(st.integers(-16, 8), st.integers(1, 9), st.booleans()), min_size=1, max_size=60
    )
)
def test_a_week_is_measured_without_the_cards_that_were_known_in_the_morning(rows):
    given_payments = payments(rows)
    frauds = [(day, card) for day, card, fraud in rows if fraud]
    # The week to learn from is over when the delay begins; each further day makes one more known.
    known = {day: {card for at, card in frauds if -14 <= at < -7 + day} for day in range(7)}
    expected = [(day, card) for day, card, _ in rows if 0 <= day < 7 and card not in known[day]]
    places = measured(given_payments, TEST_WEEK)
    days = (given_payments.day[places] - TEST_WEEK) / DAY
    found = list(zip(days.tolist(), given_payments.customer[places].tolist(), strict=True))
    assert sorted(found) == sorted(expected)
    assert places.tolist() == sorted(places.tolist())


def test_the_weeks_before_end_where_the_test_week_begins():
    assert len(EARLIER) == 12
    assert EARLIER[-1] + 7 == TEST_WEEK
    assert set(np.diff(EARLIER).astype(int).tolist()) == {7}


def test_the_test_week_is_that_of_the_book(shared_data):
    known = read(shared_data / "handbook_raw.parquet")
    places = measured(known, TEST_WEEK)
    assert (len(places), known.fraud[places].sum()) == (58_264, 385)
    perfect = figures(known, known.fraud.astype(np.float64), TEST_WEEK)
    assert (perfect.auc, perfect.ap, round(perfect.cp100, 3)) == (1.0, 1.0, 0.397)
    before = known.before(TEST_WEEK)
    assert before.day.max() == TEST_WEEK - 1
    assert known.day[len(before)] == TEST_WEEK
