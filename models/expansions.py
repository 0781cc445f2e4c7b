"""Sums of floats without rounding, in a few floats: pieces of the kernels in `models.windowing`.

An *expansion* is the exact sum of its parts. Shewchuk, *Adaptive precision floating-point
arithmetic and fast robust geometric predicates* (Discrete & Computational Geometry 18, 1997); how
the last rounding is made right is from CPython's `math.fsum`. Nothing here may overflow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.compiled import fused

__all__ = ["add", "add_product", "grow", "rounded", "two_product", "two_sum"]

Floats = NDArray[np.float64]

_SPLIT = 134217729.0  # 2^27 + 1


@fused()
def two_sum(a: float, b: float) -> tuple[float, float]:
    """The sum as it is rounded, and what rounding took away (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@fused()
def two_product(a: float, b: float) -> tuple[float, float]:
    """The same of the product (Veltkamp, Dekker); exact from 1e-140 on."""
    product = a * b
    a_high = _SPLIT * a - (_SPLIT * a - a)
    b_high = _SPLIT * b - (_SPLIT * b - b)
    a_low, b_low = a - a_high, b - b_high
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


@fused()
def grow(parts: Floats, n: int, x: float) -> int:
    """Add to an expansion of `n` parts, smallest first; how many it has then, 40 at most."""
    kept = 0
    for place in range(n):
        x, error = two_sum(x, parts[place])
        if error != 0.0:
            parts[kept] = error
            kept += 1
    if x != 0.0:
        parts[kept] = x
        kept += 1
    return kept


@fused()
def rounded(parts: Floats, n: int) -> float:
    """The float nearest to what `grow` has added up, ties to even; 0 of no parts."""
    if n == 0:
        return 0.0
    n -= 1
    high: float = parts[n]
    low = 0.0
    while n > 0:
        n -= 1
        high, low = two_sum(high, parts[n])
        if low != 0.0:
            break
    # Half way between two floats: what lies below decides.
    if n > 0 and ((low < 0.0 and parts[n - 1] < 0.0) or (low > 0.0 and parts[n - 1] > 0.0)):
        double = low * 2.0
        nudged = high + double
        if nudged - high == double:
            high = nudged
    return high


@fused()
def add_product(parts: Floats, n: int, a: float, b: float) -> int:
    """`grow` by a product, unrounded."""
    product, error = two_product(a, b)
    return grow(parts, grow(parts, n, product), error)


@fused()
def add(parts: Floats, width: int, x: float) -> bool:
    """Add to an expansion of the first `width` parts, largest first, which stays that wide.

    Returns:
        Whether nothing was lost; if something was, the parts are not to be used.
    """
    for place in range(width):
        parts[place], x = two_sum(parts[place], x)
    for place in range(width - 2, -1, -1):
        parts[place], parts[place + 1] = two_sum(parts[place], parts[place + 1])
    return x == 0.0
