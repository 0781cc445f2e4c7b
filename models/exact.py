"""Exact sums of floats: the same bits for any order, any cut and any merge.

A float64 is an integer times 2^-1074. A sum is kept as that integer, in limbs of 32 bits held in
int64, so that many numbers can be added before carries have to move on: the small superaccumulator
of Neal, *Fast exact summation using small and large superaccumulators* (arXiv:1505.05571, §2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled

__all__ = ["ExactSums"]

_UNIT = 1074  # the smallest float64 is 2^-1074
_LIMBS = 66  # 2098 bits and the top limb's room for 2^44 of the largest float64
_LOW = (1 << 32) - 1
_SPLIT = 134217729.0  # 2^27 + 1


class ExactSums:
    """Named sums of finite float64 numbers, without any rounding.

    Two objects that were given the same numbers hold the same bits, in whatever order, slices or
    parts (`merge`) they came. One addition costs about 5 ns, one sum 528 bytes.
    """

    __slots__ = ("_limbs", "names")

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._limbs: NDArray[np.int64] = np.zeros((len(self.names), _LIMBS), np.int64)

    def __getitem__(self, name: str) -> Fraction:
        """The sum, as the fraction it is; ``float()`` of it rounds once."""
        limbs = self._limbs[self.names.index(name)].tolist()
        return Fraction(sum(limb << (32 * k) for k, limb in enumerate(limbs)), 1 << _UNIT)

    def add(self, name: str, values: NDArray[np.float64]) -> None:
        """Add float64[k], all finite, k < 2^29 (a limb grows by less than 2^33 a number)."""
        _add(self._limbs[self.names.index(name)], np.ascontiguousarray(values))

    def add_squares(self, name: str, values: NDArray[np.float64]) -> None:
        """Add the unrounded squares of float64[k], each of magnitude 0 or 1e-140 to 1e150."""
        square, error = _squares(np.ascontiguousarray(values))
        self.add(name, square)
        self.add(name, error)

    def merge(self, other: ExactSums) -> None:
        """Add all that `other` was given."""
        self._limbs += other._limbs
        for limbs in self._limbs:
            _carry(limbs)

    def state(self) -> Mapping[str, NDArray[np.int64]]:
        """Everything `restore` needs."""
        return dict(zip(self.names, self._limbs.copy(), strict=True))

    def restore(self, state: Mapping[str, NDArray[np.int64]]) -> None:
        """Take over a state made by `state` of sums with the same names."""
        for row, name in enumerate(self.names):
            self._limbs[row] = state[name]


@compiled
def _carry(limbs: NDArray[np.int64]) -> None:
    # Leaves every limb but the signed top one in [0, 2^32): one sum, one representation.
    for k in range(_LIMBS - 1):
        limbs[k + 1] += limbs[k] >> 32
        limbs[k] &= _LOW


@compiled
def _add(limbs: NDArray[np.int64], values: NDArray[np.float64]) -> None:
    bits = values.view(np.int64)
    for i in range(len(bits)):
        exponent = (bits[i] >> 52) & 0x7FF
        mantissa = bits[i] & ((1 << 52) - 1)
        place = 0
        if exponent > 0:
            mantissa |= 1 << 52
            place = exponent - 1
        k, shift = place >> 5, place & 31
        low, high = (mantissa & _LOW) << shift, (mantissa >> 32) << shift
        first, second, third = low & _LOW, (low >> 32) + (high & _LOW), high >> 32
        if bits[i] < 0:
            first, second, third = -first, -second, -third
        limbs[k] += first
        limbs[k + 1] += second
        limbs[k + 2] += third
    _carry(limbs)


@compiled
def _squares(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # v * v = square + error: Veltkamp's split, Dekker's product (Numer. Math. 18, 1971).
    square, error = np.empty_like(values), np.empty_like(values)
    for i in range(len(values)):
        v = values[i]
        head = _SPLIT * v - (_SPLIT * v - v)
        tail = v - head
        square[i] = v * v
        error[i] = ((head * head - square[i]) + 2.0 * head * tail) + tail * tail
    return square, error
