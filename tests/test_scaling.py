"""Tests of models.scaling: numbers come out finite, and scaled by what was seen before."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.scaling import LARGEST, numbers, scaled, unusable, usable

law = settings(deadline=None)  # a first example compiles

MODERATE = st.floats(-1e6, 1e6)
ANY = st.none() | st.floats() | st.integers() | st.just(10**400) | st.booleans()


def standardised(column, moments=None):
    return scaled(column, "standard", np.zeros(3) if moments is None else moments).tolist()


@law
@given(st.lists(ANY))
def test_what_is_missing_or_unusable_is_nan_and_nothing_else(column):
    array = numbers(column)
    for value, number in zip(column, array.tolist(), strict=True):
        if value is None or not usable(value):
            assert math.isnan(number)
        else:
            assert number == float(value)


@law
@given(st.lists(ANY))
def test_the_unusable_places_are_those_of_nan_infinity_and_beyond_the_largest(column):
    assert unusable(column) == [
        place for place, v in enumerate(column) if v is not None and not abs(v) <= LARGEST
    ]


def test_a_dict_is_unusable_for_one_of_its_numbers():
    assert unusable([{"a": 1.0}, None, {"a": 1.0, "b": math.nan}, {}]) == [2]


@law
@given(st.lists(st.none() | MODERATE))
def test_log_keeps_the_sign_and_zero(column):
    for value, number in zip(column, scaled(column, "log").tolist(), strict=True):
        if value is None:
            assert math.isnan(number)
        else:
            assert number == pytest.approx(math.copysign(math.log1p(abs(value)), value), abs=1e-300)


@law
@given(st.lists(MODERATE, min_size=1, max_size=30))
def test_standard_is_the_distance_to_the_mean_of_all_so_far_in_deviations(column):
    for n, number in enumerate(standardised(column), 1):
        deviation = statistics.pstdev(column[:n])
        if deviation > 1e-6:
            expected = (column[n - 1] - statistics.fmean(column[:n])) / deviation
            assert number == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_the_first_number_and_equal_ones_are_zero():
    assert standardised([5.0, 5.0, 5.0]) == [0.0, 0.0, 0.0]
    assert standardised([5.0, None, 7.0])[::2] == [0.0, 1.0]


@law
@given(st.lists(st.none() | st.floats(-LARGEST, LARGEST)), st.integers(0, 40))
def test_a_cut_changes_no_bit_of_a_standardised_column(column, cut):
    whole, parts = np.zeros(3), np.zeros(3)
    expected = scaled(column, "standard", whole)
    found = [scaled(part, "standard", parts) for part in (column[:cut], column[cut:])]
    assert np.concatenate(found).tobytes() == expected.tobytes()
    assert parts.tobytes() == whole.tobytes()
    assert np.isfinite(whole).all()
    assert np.isfinite(expected[~np.isnan(numbers(column))]).all()
