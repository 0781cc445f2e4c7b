"""The world behind the simulated stream: that its payments look as the published rules say."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.payments import CHANNELS, DAY_MS, Payments, Scenario, SimulationError, World
from streams.population import CATEGORIES, COUNTRIES

DAYS = 84


def every(world: World, field: str) -> np.ndarray:
    return np.concatenate([getattr(world.payments(day), field) for day in range(world.days)])


@pytest.fixture(scope="module")
def world() -> World:
    return World(seed=3, customers=2_000, terminals=4_000, days=DAYS)


def test_customers_pay_twice_a_day_on_average_less_what_falls_outside_the_day(world):
    assert len(every(world, "at")) == pytest.approx(2_000 * 2 * 0.969 * DAYS, rel=0.03)


def test_about_one_payment_in_120_is_fraudulent_as_in_the_handbook(world):
    assert every(world, "scenario").astype(bool).mean() == pytest.approx(0.0084, rel=0.15)


def test_a_small_world_has_the_same_share_of_fraud_as_a_large_one():
    small = World(seed=5, customers=200, terminals=400, days=365)
    assert every(small, "fraud").mean() == pytest.approx(0.0084, rel=0.25)


def test_amounts_have_the_handbooks_distribution(world):
    amount = every(world, "cents")[every(world, "scenario") == Scenario.GENUINE] / 100
    assert amount.mean() == pytest.approx(52.5, rel=0.05)
    assert np.median(amount) == pytest.approx(44.5, rel=0.05)
    assert 0.01 <= amount.min() < 1 < 215 < amount.max() <= 220


def test_each_scenario_does_what_it_says(world):
    days = [world.payments(day) for day in range(40, 50)]
    cents = np.concatenate([day.cents for day in days])
    scenario = np.concatenate([day.scenario for day in days])
    assert set(scenario.tolist()) == set(Scenario) - {Scenario.RING}
    assert cents[scenario == Scenario.LARGE].min() > 220_00
    assert not (cents[scenario == Scenario.CUSTOMER] % 5).any()
    assert cents[scenario == Scenario.CUSTOMER].mean() > 3 * cents[scenario == 0].mean()
    for day in days:
        compromised = np.unique(day.terminal[day.scenario == Scenario.TERMINAL])
        assert not np.any(np.isin(day.terminal, compromised) & ~day.fraud)


@pytest.mark.parametrize(
    ("column", "kind", "lasting"),
    [("terminal", Scenario.TERMINAL, 28), ("customer", Scenario.CUSTOMER, 14)],
)
def test_a_terminal_stays_compromised_for_28_days_and_a_customer_for_14(
    world, column, kind, lasting
):
    seen: dict[int, list[int]] = {}
    for day in range(DAYS):
        payments = world.payments(day)
        for one in set(getattr(payments, column)[payments.scenario == kind].tolist()):
            seen.setdefault(one, []).append(day)
    spans = [days[-1] - days[0] + 1 for days in seen.values() if 10 < days[0] < DAYS - 30]
    assert lasting - 4 <= np.median(spans) <= lasting


def test_most_payments_are_made_around_noon_and_a_sixth_before_seven(world):
    hour = every(world, "at") % DAY_MS / 3_600_000
    assert hour.mean() == pytest.approx(12, abs=0.1)
    assert (hour < 7).mean() == pytest.approx(0.174, abs=0.005)


def test_a_terminal_has_one_category_and_one_country(world):
    terminal = every(world, "terminal")
    for column, names in (("category", CATEGORIES), ("country", COUNTRIES)):
        of = every(world, column)
        pairs = np.unique(np.stack([terminal, of]), axis=1)
        assert pairs.shape[1] == len(np.unique(terminal))
        assert set(of.tolist()) == set(range(len(names)))


def test_nobody_taps_a_large_amount_not_even_a_thief(world):
    tapped = every(world, "channel") == CHANNELS.index("contactless")
    assert every(world, "cents")[tapped].max() < 50_00
    assert np.any(every(world, "fraud")[tapped])


def test_customers_stay_near_home_and_somebody_alone_uses_the_nearest_terminal():
    near = World(customers=50, terminals=2_000, days=20, radius=3)
    far = World(customers=50, terminals=2_000, days=20, radius=0)
    for customer in range(50):
        assert len(np.unique(every(far, "terminal")[every(far, "customer") == customer])) <= 1
    assert len(np.unique(every(near, "terminal"))) > 3 * len(np.unique(every(far, "terminal")))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**40), customers=st.integers(1, 40), day=st.integers(0, 400))
def test_a_days_payments_ascend_in_time_within_the_day_and_are_the_same_whenever_made(
    seed, customers, day
):
    def once() -> Payments:
        return World(seed=seed, customers=customers, terminals=5, days=500).payments(day)

    payments = once()
    midnight = 1_767_225_600_000 + day * DAY_MS
    assert np.all(np.diff(payments.at) >= 0)
    assert np.all((payments.at >= midnight) & (payments.at < midnight + DAY_MS))
    assert np.all(payments.cents >= 1)
    for field in Payments.__slots__:
        np.testing.assert_array_equal(getattr(payments, field), getattr(once(), field))


def test_another_seed_makes_another_world():
    first, second = (World(seed=seed, customers=50, days=1).payments(0) for seed in (1, 2))
    assert first.at.tolist() != second.at.tolist()


def test_the_first_day_is_the_given_one():
    payments = World(customers=50, terminals=50, start=date(1999, 12, 31), days=2).payments(1)
    assert payments.at[0].astype("datetime64[ms]").astype("datetime64[D]") == np.datetime64(
        "2000-01-01"
    )


def test_a_new_kind_of_fraud_begins_on_its_day_and_leaves_the_other_payments_alone():
    usual = World(customers=1_000, terminals=2_000, days=60)
    later = World(customers=1_000, terminals=2_000, days=60, onset=30)
    assert not (usual.payments(59).scenario == Scenario.RING).any()
    np.testing.assert_array_equal(usual.payments(29).device, later.payments(29).device)
    before, after = usual.payments(30), later.payments(30)
    ring = after.scenario == Scenario.RING
    assert ring.any()
    np.testing.assert_array_equal(before.cents, after.cents)
    np.testing.assert_array_equal(before.scenario[~ring], after.scenario[~ring])
    ringed = np.concatenate([later.payments(d).scenario == Scenario.RING for d in range(30, 60)])
    assert ringed.mean() == pytest.approx(0.004, rel=0.25)


def test_a_ring_uses_five_new_devices_each_week_that_no_customer_has():
    world = World(customers=1_000, terminals=2_000, days=60, onset=28)
    weeks = []
    for first in (28, 35):
        days = [world.payments(day) for day in range(first, first + 7)]
        used = np.concatenate([p.device[p.scenario == Scenario.RING] for p in days])
        weeks.append(set(used.tolist()))
        own = np.concatenate([p.device[p.scenario != Scenario.RING] for p in days])
        assert not weeks[-1] & set(own.tolist())
    assert [len(week) for week in weeks] == [5, 5]
    assert not weeks[0] & weeks[1]


def test_inflation_raises_amounts_by_the_month_and_changes_nothing_else():
    usual = World(customers=500, terminals=500, days=61)
    dearer = World(customers=500, terminals=500, days=61, inflation=0.1)
    for day, growth in ((0, 1.0), (30, 1.1), (60, 1.21)):
        before, after = usual.payments(day), dearer.payments(day)
        assert after.cents.sum() == pytest.approx(growth * before.cents.sum(), rel=1e-3)
        np.testing.assert_array_equal(before.scenario, after.scenario)
        np.testing.assert_array_equal(before.at, after.at)


def test_the_week_moves_payments_between_its_days_and_adds_none():
    world = World(customers=1_000, terminals=1_000, start=date(2026, 1, 5), days=28, weekly=1.0)
    made = np.array([len(world.payments(day)) for day in range(28)]).reshape(4, 7)
    assert not made[:, 6].any()
    assert np.all(made[:, 5] > 1.5 * made[:, 3])
    assert made.sum() == pytest.approx(1_000 * 2 * 0.969 * 28, rel=0.05)


def test_skew_gives_one_customer_a_share_of_all_payments_and_never_compromises_it():
    world = World(customers=1_000, terminals=2_000, days=60, skew=0.3)
    assert (every(world, "customer") == 0).mean() == pytest.approx(0.3, abs=0.01)
    stolen = every(world, "scenario") == Scenario.CUSTOMER
    assert stolen.any()
    assert not np.any(stolen & (every(world, "customer") == 0))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"customers": 0}, "customers=0\n  why:   there would be nobody to pay, or no time"),
        ({"days": -1}, "days=-1\n  why:   there would be nobody to pay, or no time"),
        ({"seed": -4}, "write: seed=4"),
        ({"radius": -1}, "radius=-1\n  why:   it is a distance"),
        ({"days": 30, "onset": 30}, "the days are 0 to 29: the new fraud would never be seen"),
        ({"inflation": -1.0}, "it is what amounts grow by in a month; -1 leaves no money"),
        ({"weekly": 1.5}, "weekly=1.5\n  why:   it is a share: from 0 up to 1\n"),
        ({"skew": 1}, "skew=1\n  why:   it is a share: from 0 up to but without 1\n"),
        ({"skew": 0.5, "customers": 1}, "one customer makes all the payments as it is"),
        ({"weekly": float("nan")}, "weekly=nan"),
    ],
)
def test_a_world_that_cannot_be_is_refused_with_what_to_write_instead(wrong, message):
    with pytest.raises(SimulationError) as error:
        World(**wrong)
    assert message in str(error.value)
