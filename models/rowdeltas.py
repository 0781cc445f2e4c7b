"""What a partition tells the others of events that its shared windows took in, in bytes.

A delta of rows is its sequence number, how many rows it has, in how many microseconds their times
are counted, and how their values are written; then the first time, the gaps between times, the
keys' digests, and the values. Whole numbers are LEB128 varints. Times are in the coarsest of a
second, a millisecond and a microsecond that all of them are whole in; values in as few decimals as
all of them have, at most four, or else as they are. So nothing is rounded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.deltas import DeltaError
from models.varints import LONGEST, packed, unpacked, unsigned

__all__ = ["RowDelta", "decode", "encode"]

_UNITS = (1_000_000, 1_000, 1)  # microseconds
_NONE, _RAW, _DECIMAL = 0, 1, 2  # with n decimals: _DECIMAL + n
_DECIMALS = 4
_HEAD = 4  # numbers
_KEY = 16  # bytes
_FARTHEST = 2.0**61  # microseconds from the epoch: 70,000 years


class RowDelta(NamedTuple):
    """What one partition tells of n events.

    Attributes:
        sequence: how many deltas it told before.
        ids: uint64[n, 2], digests of keys.
        times: int64[n], microseconds, ascending.
        bits: int64[n], the values, as `models.windows.Windows` counts them.
    """

    sequence: int
    ids: NDArray[np.uint64]
    times: NDArray[np.int64]
    bits: NDArray[np.int64]


def encode(delta: RowDelta) -> bytes:
    """The bytes of a delta of at least one row, to the bit."""
    unit = next(unit for unit in _UNITS if not (delta.times % unit).any())
    times = delta.times // unit
    how, values = _written(delta.bits)
    head = np.array([delta.sequence, len(times), _UNITS.index(unit), how], np.int64)
    parts = packed(head), packed(unsigned(times[:1])), packed(np.diff(times)), values
    return b"".join((*(part.tobytes() for part in parts[:3]), delta.ids.tobytes(), parts[3]))


def decode(data: bytes) -> RowDelta:
    """The delta that these bytes are.

    Raises:
        DeltaError: they are not one that `encode` makes.
    """
    body = np.frombuffer(data, np.uint8)
    (sequence, count, unit, how), body = _numbers(body, _HEAD)
    if not (0 < count <= len(body) // (1 + _KEY) and unit < len(_UNITS)):
        raise DeltaError(f"a delta of {len(data):,} bytes says that it has {count:,} rows")
    steps, body = _numbers(body, int(count))
    steps[:1] = _signed(steps[:1])
    if np.abs(steps).astype(np.float64).sum() * _UNITS[unit] > _FARTHEST:
        raise DeltaError("a delta's rows are of no time that an event can have")
    if len(body) < count * _KEY:
        raise DeltaError(f"a delta of {count:,} rows ends within their keys")
    ids = np.frombuffer(body[: count * _KEY].tobytes(), np.uint64).reshape(-1, 2)
    bits = _read(body[count * _KEY :], int(how), int(count))
    return RowDelta(int(sequence), ids, np.cumsum(steps) * _UNITS[unit], bits)


def _written(bits: NDArray[np.int64]) -> tuple[int, bytes]:
    """How values are written, and their bytes."""
    if not bits.any():
        return _NONE, b""
    values = bits.view(np.float64)
    if (np.abs(values) < 2.0**40).all():
        for decimals in range(_DECIMALS + 1):
            whole = np.rint(values * 10.0**decimals)
            if np.array_equal((whole / 10.0**decimals + 0.0).view(np.int64), bits):
                return _DECIMAL + decimals, packed(unsigned(whole.astype(np.int64))).tobytes()
    return _RAW, bits.tobytes()


def _read(body: NDArray[np.uint8], how: int, count: int) -> NDArray[np.int64]:
    if how == _RAW and len(body) == 8 * count:
        return np.frombuffer(body.tobytes(), np.int64)
    if how == _NONE and not len(body):
        return np.zeros(count, np.int64)
    if _DECIMAL <= how <= _DECIMAL + _DECIMALS:
        whole, rest = _numbers(body, count)
        if not len(rest):
            return (_signed(whole) / 10.0 ** (how - _DECIMAL) + 0.0).view(np.int64)
    raise DeltaError(f"{len(body):,} bytes are not the values of {count:,} rows")


def _numbers(body: NDArray[np.uint8], count: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """That many varints, and what follows them."""
    found = np.empty(count, np.int64)
    used = unpacked(body, found, LONGEST)
    if used < 0:
        raise DeltaError("a delta of rows ends within a whole number, or has one beyond 2⁶³")
    return found, body[used:]


def _signed(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """What `unsigned` was made of."""
    found: NDArray[np.int64] = (numbers >> 1) ^ -(numbers & 1)
    return found
