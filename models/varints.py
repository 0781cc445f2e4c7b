"""Whole numbers in as few bytes as they need: LEB128 varints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled

__all__ = ["LONGEST", "packed", "unpacked", "unsigned"]

LONGEST = 9
"""Bytes of a varint below 2⁶³."""


@compiled
def packed(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Seven bits a byte, the lowest first; a byte with the eighth bit is followed by another.

    The numbers are not negative.
    """
    written = np.empty(len(numbers) * LONGEST, np.uint8)
    used = 0
    for number in numbers:
        rest = number
        while rest > 127:
            written[used] = (rest & 127) | 128
            used += 1
            rest >>= 7
        written[used] = rest
        used += 1
    return written[:used]


@compiled
def unpacked(body: NDArray[np.uint8], found: NDArray[np.int64], longest: int) -> int:
    """Fill in as many varints as there is room for, of at most `longest` bytes each.

    Answers how many bytes they are, or -1: there are none such.
    """
    used = 0
    for k in range(len(found)):
        number, shift = np.int64(0), 0
        while True:
            if used == len(body) or shift == 7 * longest:
                return -1
            byte = np.int64(body[used])
            used += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        found[k] = number
    return used


def unsigned(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of both signs, within ±2⁶¹, as ones that are not negative: 0, -1, 1, -2, …"""
    found: NDArray[np.int64] = (numbers << 1) ^ (numbers >> 63)
    return found
