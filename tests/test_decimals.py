"""Tests of streams.decimals: the nearest float, or no answer."""

import math
import struct
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.decimals import nearest


def read(
    digits: int, exponent: int, negative: bool = False, least=-math.inf, most=math.inf
) -> float | None:
    bits = np.array([digits], np.uint64)
    irregular = np.zeros(1, np.bool_)
    nearest(bits, np.array([(exponent + 512) << 2 | negative]), least, most, irregular)
    return None if irregular[0] else float(bits.view(np.float64)[0])


def same(one: float, other: float) -> bool:
    return struct.pack("d", one) == struct.pack("d", other)


@given(st.integers(0, 10**19 - 1), st.integers(-400, 400), st.booleans())
@settings(deadline=None, max_examples=2_000)
def test_an_answer_is_the_nearest_float_to_the_bit(digits, exponent, negative):
    expected = float(f"{'-' if negative else ''}{digits}e{exponent}")
    found = read(digits, exponent, negative)
    assert found is None or same(found, expected)


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None, max_examples=2_000)
def test_every_normal_float_as_python_writes_it_has_an_answer(value):
    _, digits, exponent = Decimal(repr(value)).as_tuple()
    found = read(int("".join(map(str, digits))), exponent, math.copysign(1, value) < 0)
    if value == 0 or abs(value) >= 2.3e-308:
        assert found is not None
        assert same(found, value)


@pytest.mark.parametrize(
    ("digits", "exponent", "value"),
    [
        (9_007_199_254_740_993, 0, 9_007_199_254_740_992.0),  # a tie, to even
        (9_007_199_254_740_995, 0, 9_007_199_254_740_996.0),
        (2**53, 22, 2.0**53 * 1e22),
        (17976931348623157, 292, 1.7976931348623157e308),
        (22250738585072014, -324, 2.2250738585072014e-308),
        (0, -400, 0.0),
    ],
)
def test_edges_have_the_answer_that_ieee_754_names(digits, exponent, value):
    assert read(digits, exponent) == value


@pytest.mark.parametrize(("digits", "exponent"), [(5, -324), (1, 309), (1, -400), (2, 400)])
def test_subnormals_and_infinity_get_no_answer(digits, exponent):
    assert read(digits, exponent) is None


def test_a_number_out_of_bounds_gets_no_answer():
    assert read(5, -1, least=0.5) == 0.5
    assert read(4, -1, least=0.5) is None
    assert read(6, -1, most=0.5) is None
