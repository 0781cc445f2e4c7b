"""Tests of models.expansions: sums as exact as fractions, rounded once."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.expansions import add, add_product, grow, rounded, two_product, two_sum

law = settings(deadline=None)  # a first example compiles

numbers = st.one_of(
    st.integers(-(10**9), 10**9).map(lambda cents: cents / 100),
    st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-60),
)


@law
@given(numbers, numbers)
def test_what_rounding_takes_away_is_not_lost(a, b):
    assert sum(map(Fraction, two_sum(a, b))) == Fraction(a) + Fraction(b)
    assert sum(map(Fraction, two_product(a, b))) == Fraction(a) * Fraction(b)


@law
@given(st.lists(numbers, max_size=50))
@example([1e16, 1.0, 1e-16])  # half way between two floats, but for a little
@example([1e16, -1.0, -1e-16])
@example([1e30, 1.0, -1e30])
def test_a_sum_is_rounded_once(values):
    parts, n = np.zeros(64), 0
    for value in values:
        n = grow(parts, n, value)
    assert sum(map(Fraction, parts[:n].tolist())) == sum(map(Fraction, values))
    assert rounded(parts, n) == math.fsum(values)


@law
@given(st.lists(st.tuples(numbers, numbers), max_size=10))
def test_products_are_added_unrounded(pairs):
    parts, n = np.zeros(64), 0
    for a, b in pairs:
        n = add_product(parts, n, a, b)
    exact = sum((Fraction(a) * Fraction(b) for a, b in pairs), Fraction(0))
    assert rounded(parts, n) == float(exact)


@law
@given(st.lists(numbers, max_size=20), st.sampled_from([2, 4]))
def test_a_sum_of_fixed_width_is_exact_or_says_that_it_is_not(values, width):
    parts, expected = np.zeros(8), Fraction(0)
    for value in values:
        expected += Fraction(value)
        if not add(parts[1:], width, value):
            return
        assert sum(map(Fraction, parts[1 : 1 + width].tolist())) == expected
        if width == 2:
            assert parts[1] == float(expected)


@law
@given(st.lists(st.integers(-(10**7), 10**7), max_size=60))
def test_two_floats_hold_any_sum_of_money_and_four_that_of_its_squares(cents):
    total, squares = np.zeros(2), np.zeros(4)
    for value in (number / 100 for number in cents):
        square, error = two_product(value, value)
        assert add(total, 2, value)
        assert add(squares, 4, square)
        assert add(squares, 4, error)
