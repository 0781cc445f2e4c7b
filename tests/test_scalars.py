"""Tests of models.scalars: what is read is what was written, in value and in type."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.column import listed
from models.scalars import Scalars, same
from models.textcolumn import TextColumn

SCALARS = (
    st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 0.0, -0.0, 1.0])
    | st.sampled_from([2.0**53, 2.0**63, -(2.0**63), 0.5])
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
)
law = settings(deadline=None)


@law
@given(st.lists(SCALARS | st.none()))
def test_a_list_is_read_as_it_was_written(values):
    scalars = Scalars()
    assert repr(listed(scalars.read(*scalars.write(values)))) == repr(values)


@pytest.mark.parametrize(
    "column",
    [
        np.array([True, False]), np.array([3, -(2**63)]), np.array([0.5, -0.0, np.inf]),
        np.array([1.0, np.nan]), TextColumn.of(["a", "", "ž"]), TextColumn.of(["a", None]), [],
    ],
    ids=str,
)  # fmt: skip
def test_a_column_is_read_as_it_was_written(column):
    scalars = Scalars()
    kinds, bits = scalars.write(column)
    assert (kinds.dtype, bits.dtype) == (np.int8, np.int64)
    assert repr(listed(scalars.read(kinds, bits))) == repr(listed(column))


@law
@given(SCALARS, SCALARS)
def test_two_values_are_the_same_where_python_calls_them_equal(one, other):
    (kind, other_kind), (bits, other_bits) = Scalars().write([one, other])
    beyond = any(isinstance(it, int) and not -(2**63) <= it < 2**63 for it in (one, other))
    if not beyond or type(one) is type(other):
        assert same(kind, bits, other_kind, other_bits) == (one == other)


@law
@given(st.lists(SCALARS), st.lists(SCALARS, max_size=5), st.lists(SCALARS, max_size=5))
def test_renumbered_values_do_not_tell_what_was_numbered_before(before, first, second):
    old, new = Scalars(), Scalars()
    old.write(before)
    found = []
    for scalars in (old, new):
        parts = [scalars.write(first), scalars.write(second)]
        values = scalars.renumber(parts)
        copy = Scalars(values)
        assert [repr(listed(copy.read(*part))) for part in parts] == [repr(first), repr(second)]
        found.append(repr((values, [bits.tolist() for _, bits in parts])))
    assert found[0] == found[1]
