"""Label delays: an exact mean and a median good to a few percent."""

import math

import numpy as np
import pytest

from models.delays import Delays

DAY = 86_400.0


def delays(*seconds):
    counted = Delays()
    counted.add(np.array(seconds, np.float64))
    return counted


def test_the_mean_is_exact():
    assert delays(1 * DAY, 7 * DAY, 60 * DAY).mean() == 68 * DAY / 3


@pytest.mark.parametrize("scale", [0.002, 1.0, DAY, 60 * DAY])
def test_the_median_is_within_three_percent_and_a_bit(scale):
    seconds = np.random.default_rng(3).lognormal(size=999) * scale
    assert delays(*seconds).median() == pytest.approx(np.median(seconds), rel=0.032)


def test_labels_that_seem_to_come_before_their_event_count_as_at_once():
    assert delays(-3.0, -2.0, 0.0).median() == 0.0


def test_an_unknown_delay_is_not_counted():
    assert delays(math.nan, 5.0, math.inf).mean() == 5.0
    assert math.isnan(delays(math.nan).mean())
    assert math.isnan(delays().median())


def test_delays_of_centuries_stay_in_the_last_bin():
    assert delays(1e12).median() == pytest.approx(2.0**30, rel=0.05)


def test_merged_delays_are_those_of_all():
    merged = delays(1.0, 2.0)
    merged.merge(delays(3.0, 4.0, 5.0))
    assert merged.measures() == delays(1.0, 2.0, 3.0, 4.0, 5.0).measures()
