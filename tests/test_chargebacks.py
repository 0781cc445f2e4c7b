"""Labels: who finds out, when, and that the last word on a payment is true."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.chargebacks import SOURCES, Chargebacks, LabelPlan
from streams.payments import DAY_MS, Payments, SimulationError, World

WORLD = World(customers=3_000, terminals=3_000, days=40)
PAYMENTS = WORLD.payments(35)
BANK, INVESTIGATOR = SOURCES.index("chargeback"), SOURCES.index("investigator")


def labels(**plan) -> tuple[Chargebacks, np.ndarray]:
    """The labels of `PAYMENTS`, and the delay of each in days."""
    given = LabelPlan(**plan).of(PAYMENTS, partial(WORLD.draw, day=35))
    return given, (given.at - PAYMENTS.at[given.payment]) / DAY_MS


def test_by_default_each_fraud_is_charged_back_within_a_week_and_the_rest_is_silence():
    given, delay = labels()
    np.testing.assert_array_equal(given.payment, np.flatnonzero(PAYMENTS.fraud))
    assert given.fraud.all()
    assert (given.source == BANK).all()
    assert 1 <= delay.min() < 2 < 6 < delay.max() < 7


def test_the_delay_of_chargebacks_is_as_planned():
    assert np.all(labels(chargeback_days=(7, 7))[1] == 7)
    delay = labels(chargeback_days=(7, 60))[1]
    assert 7 <= delay.min() < 20 < 50 < delay.max() < 60


def test_a_share_is_investigated_on_the_next_day_and_found_to_be_either():
    given, _ = labels(investigated=0.3)
    found = given.source == INVESTIGATOR
    assert found.mean() == pytest.approx(1, abs=0.05)
    assert found.sum() == pytest.approx(0.3 * len(PAYMENTS), rel=0.1)
    assert given.fraud[found].any()
    assert not given.fraud[found].all()
    hour = (given.at[found] - PAYMENTS.at[0] // DAY_MS * DAY_MS) / 3_600_000 - 24
    assert 9 <= hour.min() < hour.max() < 17
    assert len(np.unique(given.payment)) == len(given.payment)


def test_unreported_frauds_stay_silent():
    assert len(labels(reported=0.0)[0].payment) == 0
    half = labels(reported=0.5, chargeback_days=(7, 60))[0]
    assert len(half.payment) == pytest.approx(PAYMENTS.fraud.sum() / 2, rel=0.5)


def test_every_payment_gets_a_label_if_asked_to_even_at_once():
    given, delay = labels(label_all=True, chargeback_days=(0, 0))
    np.testing.assert_array_equal(given.payment, np.arange(len(PAYMENTS)))
    np.testing.assert_array_equal(given.fraud, PAYMENTS.fraud)
    assert np.all(delay * DAY_MS == 1)


def test_a_mistaken_chargeback_is_revised_to_genuine_later():
    given, _ = labels(mistaken=0.1)
    wrong = given.fraud != PAYMENTS.fraud[given.payment]
    assert wrong.sum() == pytest.approx(0.1 * len(PAYMENTS), rel=0.2)
    assert (given.source[wrong] == BANK).all()
    corrected = {
        one: at
        for one, at, fraud in zip(given.payment, given.at, given.fraud, strict=True)
        if not fraud
    }
    gaps = [
        corrected[one] - at for one, at in zip(given.payment[wrong], given.at[wrong], strict=True)
    ]
    assert DAY_MS <= min(gaps) < max(gaps) < 14 * DAY_MS


def test_one_kind_of_label_does_not_move_another():
    alone, _ = labels(chargeback_days=(7, 60))
    among, _ = labels(chargeback_days=(7, 60), mistaken=0.05)
    kept = np.isin(among.payment, alone.payment)
    np.testing.assert_array_equal(among.at[kept], alone.at)


shares = st.floats(0, 1)
delays = st.tuples(st.floats(0, 80), st.floats(0, 80)).map(sorted).map(tuple)


@settings(max_examples=40, deadline=None)
@given(delays, shares, shares, shares, st.booleans())
def test_labels_come_after_their_payment_and_the_last_one_is_true(days, a, b, c, everything):
    given, _ = labels(
        chargeback_days=days, reported=a, investigated=b, mistaken=c, label_all=everything
    )
    assert np.all(given.at > PAYMENTS.at[given.payment])
    assert len(given.at) == len(given.payment) == len(given.fraud) == len(given.source)
    order = np.argsort(given.at, kind="stable")
    last = dict(zip(given.payment[order].tolist(), given.fraud[order].tolist(), strict=True))
    assert all(PAYMENTS.fraud[one] == fraud for one, fraud in last.items())


def test_a_day_without_payments_has_no_labels():
    nothing = Payments(0, *[np.zeros(0, np.int64)] * 9)
    given = LabelPlan(label_all=True, mistaken=1).of(nothing, WORLD.draw)
    assert len(given.at) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"chargeback_days": (9, 3)}, "chargeback_days=(9, 3)\n  why:   it is the least and the"),
        ({"chargeback_days": (-1, 3)}, "write: chargeback_days=(7, 60)"),
        ({"reported": 2}, "reported=2"),
        ({"investigated": -0.1}, "write: investigated=0.05"),
        ({"mistaken": float("nan")}, "mistaken=nan"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_what_to_write_instead(wrong, message):
    with pytest.raises(SimulationError) as error:
        LabelPlan(**wrong)
    assert message in str(error.value)
