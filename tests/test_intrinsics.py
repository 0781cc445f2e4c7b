"""What kernels ask of the machine; to prefetch a wrong place is no error anywhere, only slow."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numba.core import types
from numba.extending import intrinsic

from models.intrinsics import address_of


@intrinsic
def _asked_for(_context, array, place):
    def generate(context, builder, signature, given):
        address = address_of(context, builder, signature.args[0], *given)
        return builder.ptrtoint(address, context.get_value_type(types.intp))

    return types.intp(array, place), generate


@numba.njit
def asked_for(array, place):
    """The address that `prefetch` would ask for."""
    return _asked_for(array, place)


@pytest.mark.parametrize("shape", [(24,), (12, 2), (2, 3, 4)])
def test_a_place_to_prefetch_is_one_in_the_flattened_array(shape):
    array = np.zeros(shape)
    for place in (0, 1, 7, 23):
        assert asked_for(array, place) == array.ctypes.data + place * array.itemsize


def test_a_record_is_one_place():
    records = np.zeros(5, [("time", np.int64), ("value", np.float64), ("kind", np.uint8)])
    assert asked_for(records, 3) == records[3:].ctypes.data
