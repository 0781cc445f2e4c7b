"""Exact sums hold every digit, whatever the order, the cuts and the parts."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.exact import ExactSums

law = settings(deadline=None)  # a first example compiles
finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.lists(finite, max_size=40)


def sums(values: list[float]) -> ExactSums:
    exact = ExactSums(["x"])
    exact.add("x", np.array(values, np.float64))
    return exact


def bits(exact: ExactSums) -> bytes:
    return exact.state()["x"].tobytes()


@law
@given(numbers)
def test_a_sum_is_the_mathematical_one(values):
    assert sums(values)["x"] == sum(map(Fraction, values))


@law
@given(numbers, st.data())
def test_order_and_cuts_leave_the_same_bits(values, data):
    shuffled = data.draw(st.permutations(values))
    cut = data.draw(st.integers(0, len(values)))
    parts = sums(shuffled[:cut])
    parts.add("x", np.array(shuffled[cut:], np.float64))
    assert bits(parts) == bits(sums(values))


@law
@given(numbers, numbers)
def test_merged_sums_are_the_sum_of_all(ours, theirs):
    merged = sums(ours)
    merged.merge(sums(theirs))
    assert bits(merged) == bits(sums(ours + theirs))


@law
@given(numbers, numbers)
def test_a_restored_sum_goes_on_as_the_original(before, after):
    restored = ExactSums(["x"])
    restored.restore(sums(before).state())
    restored.add("x", np.array(after, np.float64))
    assert bits(restored) == bits(sums(before + after))


@law
@given(st.lists(st.floats(1e-140, 1e150) | st.floats(-1e150, -1e-140) | st.just(0.0), max_size=40))
def test_squares_are_not_rounded(values):
    exact = ExactSums(["x"])
    exact.add_squares("x", np.array(values, np.float64))
    assert exact["x"] == sum(Fraction(value) ** 2 for value in values)


@pytest.mark.parametrize("extreme", [5e-324, 1.7976931348623157e308, -1.7976931348623157e308])
def test_a_million_of_the_most_extreme_numbers_fit(extreme):
    assert sums([extreme] * 1_000_000)["x"] == 1_000_000 * Fraction(extreme)


def test_columns_of_a_wider_array_are_read_as_they_lie():
    table = np.arange(12.0).reshape(6, 2)
    exact = ExactSums(["even", "odd"])
    exact.add("even", table[:, 0])
    exact.add("odd", table[:, 1])
    assert (exact["even"], exact["odd"]) == (30, 36)
