"""Decimal numbers to the nearest float64, a column at a time.

Clinger's fast path (*How to read floating point numbers accurately*, PLDI 1990) where digits and
power of ten are both floats without loss; else Eisel and Lemire's product with a power of five of
128 bits (Lemire, *Number parsing at a gigabyte per second*, Software: Practice and Experience 51
(8), 2021). Where that leaves a doubt, or the result is subnormal or too large, the answer is no
answer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled

__all__ = ["nearest"]

Unsigned = NDArray[np.uint64]

_LEAST, _MOST = -342, 308
"""Powers of ten with which a number of 19 digits may be a float64 other than 0 or infinity."""


def _powers_of_five() -> Unsigned:
    """The 128 leading bits of 5**q, high and low, rounded up for q from -27 to -1."""
    rows = []
    for q in range(_LEAST, _MOST + 1):
        if q >= 0:
            power = 5**q
            bits = power << 128 >> power.bit_length()
        else:
            divisor = 5**-q
            bits = (1 << 127 + divisor.bit_length()) // divisor + (q >= -27)
        rows.append((bits >> 64, bits & 2**64 - 1))
    return np.array(rows, np.uint64)


_FIVES = _powers_of_five()
_TENS = np.array([10.0**q for q in range(23)])


@compiled
def nearest(
    bits: Unsigned,
    form: NDArray[np.int64],
    least: float,
    most: float,
    irregular: NDArray[np.bool_],
) -> None:
    """Replace decimal digits by the bits of the nearest float64, ties to even.

    Args:
        bits: uint64[n], digits as a whole number; then the float, NaN where there is none.
        form: int64[n], ``(exponent + 512) << 2`` and the sign in its lowest bit; below 0 for none.
        least: numbers below it are marked as irregular.
        most: numbers above it are.
        irregular: bool[n], numbers to pass over; those in doubt are marked too.
    """
    values = bits.view(np.float64)
    for n in range(len(bits)):
        if irregular[n] or form[n] < 0:
            values[n] = np.nan
            continue
        w, q = bits[n], (form[n] >> 2) - 512
        if w <= np.uint64(2**53) and -22 <= q <= 22:
            value = float(np.int64(w))
            values[n] = value * _TENS[q] if q >= 0 else value / _TENS[-q]
        elif w != np.uint64(0):
            bits[n] = _eisel_lemire(w, q)
            irregular[n] = bits[n] == np.uint64(0)
        if form[n] & 1:
            values[n] = -values[n]
        if not least <= values[n] <= most:
            irregular[n] = True


@compiled
def _eisel_lemire(w: np.uint64, q: int) -> np.uint64:
    """The bits of the float64 nearest to w × 10**q, w not 0; 0 where that is in doubt."""
    doubt, one = np.uint64(0), np.uint64(1)
    if q < _LEAST or q > _MOST:
        return doubt
    zeros = np.uint64(0)
    for step in (32, 16, 8, 4, 2, 1):
        if w >> np.uint64(64 - step) == np.uint64(0):
            w <<= np.uint64(step)
            zeros += np.uint64(step)
    high, low = _product(w, _FIVES[q - _LEAST, 0])
    if high & np.uint64(0x1FF) == np.uint64(0x1FF):
        more = _product(w, _FIVES[q - _LEAST, 1])[0]
        low += more
        if low < more:
            high += one
    if low == ~np.uint64(0) and (q < -27 or q > 55):
        return doubt
    upper = high >> np.uint64(63)
    shift = upper + np.uint64(9)
    mantissa = high >> shift
    exponent = (217_706 * q >> 16) + 63 + np.int64(upper) - np.int64(zeros) + 1023
    if exponent <= 0:
        return doubt
    tie = low <= one and -4 <= q <= 23 and mantissa & np.uint64(3) == one
    if tie and mantissa << shift == high:
        mantissa &= ~one
    mantissa = mantissa + (mantissa & one) >> one
    if mantissa >> np.uint64(53):
        mantissa >>= one
        exponent += 1
    if exponent >= 0x7FF:
        return doubt
    return np.uint64(exponent) << np.uint64(52) | mantissa & np.uint64(2**52 - 1)


@compiled
def _product(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """a × b in 128 bits, high and low."""
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    low = (a & mask) * (b & mask)
    one, other = (a >> half) * (b & mask), (a & mask) * (b >> half)
    middle = (low >> half) + (one & mask) + (other & mask)
    high = (a >> half) * (b >> half) + (one >> half) + (other >> half) + (middle >> half)
    return high, middle << half | low & mask
