"""Tests of models.rowdeltas and models.varints: what is told is read to the bit, or refused."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.deltas import DeltaError
from models.rowdeltas import RowDelta, decode, encode
from models.varints import LONGEST, packed, unpacked

law = settings(deadline=None)  # a first example compiles

whole = st.integers(0, 2**63 - 1)
times = st.one_of(
    st.integers(-(2**50), 2**50),
    st.integers(-1000, 10**10).map(lambda seconds: seconds * 1_000_000),
    st.integers(0, 10**13).map(lambda millis: millis * 1_000),
)
amounts = st.one_of(
    st.integers(-500, 50_000).map(lambda cents: cents / 100 + 0.0),
    st.sampled_from([0.0, 1.0, 0.1, 1e80, -1e-20, 1e13 + 0.5]),
    st.floats(allow_nan=True).map(lambda x: x + 0.0),
)


@law
@given(st.lists(whole, max_size=20))
def test_whole_numbers_are_read_as_they_were_written(numbers):
    given_, found = np.array(numbers, np.int64), np.empty(len(numbers), np.int64)
    written = packed(given_)
    assert unpacked(written, found, LONGEST) == len(written)
    assert found.tolist() == numbers


def told(rows, sequence=0):
    at = np.array([row[0] for row in rows], np.int64)
    order = np.argsort(at, kind="stable")
    ids = np.array([[row[1], row[1] ^ 7] for row in rows], np.uint64).reshape(-1, 2)
    bits = np.array([row[2] for row in rows], np.float64).view(np.int64)
    return RowDelta(sequence, ids[order], at[order], bits[order])


rows = st.lists(st.tuples(times, st.integers(0, 2**64 - 1), amounts), min_size=1, max_size=30)


@law
@given(rows, st.integers(0, 2**40))
def test_a_delta_is_read_as_it_was_told_to_the_bit(given_, sequence):
    delta = told(given_, sequence)
    found = decode(encode(delta))
    assert found.sequence == sequence
    for one, other in zip(found[1:], delta[1:], strict=True):
        assert one.tobytes() == other.tobytes()


@law
@given(rows, st.integers(0, 2**64 - 1))
def test_texts_are_told_as_their_digests(given_, digest):
    delta = told(given_)
    delta = delta._replace(bits=delta.bits ^ np.uint64(digest).view(np.int64))
    assert decode(encode(delta)).bits.tobytes() == delta.bits.tobytes()


@pytest.mark.parametrize(
    ("value", "most"), [(None, 18.2), (1.0, 19.2), (57.16, 20.2), (0.1 + 0.2, 26.2)]
)
def test_a_payment_a_minute_costs_its_key_and_a_few_bytes(value, most):
    at = np.arange(1000) * 60_000_000 + 1_500_000_000_000_000
    bits = np.full(1000, 0.0 if value is None else value).view(np.int64)
    assert len(encode(RowDelta(3, np.zeros((1000, 2), np.uint64), at, bits))) < most * 1000


@law
@given(st.binary(max_size=60))
def test_any_bytes_are_a_delta_or_refused(data):
    with suppress(DeltaError):
        assert len(decode(data).times)


@law
@given(rows, st.integers(0, 400))
def test_a_delta_that_was_cut_is_refused(given_, cut):
    data = encode(told(given_))
    if cut < len(data):
        with pytest.raises(DeltaError):
            decode(data[:cut])
        with pytest.raises(DeltaError):
            decode(data + b"\0" * (cut + 1))
