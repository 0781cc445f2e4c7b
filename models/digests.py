"""128-bit digests that stand for texts: fixed in size, and as good as distinct."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.column import Column, complete, missing
from models.compiled import compiled
from models.hashing import texts
from models.textcolumn import TextColumn

__all__ = ["digests", "identified"]

_FIRST = np.uint64(0x87C37B91114253D5)
_SECOND = np.uint64(0x4CF5AD432745937F)


def digests(column: TextColumn) -> NDArray[np.uint64]:
    """MurmurHash3 x64 128 (Appleby 2011), seed 0, of each text's UTF-8 bytes.

    Among n texts, none made to collide, the chance that any two share a digest is below n² / 2¹²⁹:
    1.5e-21 for a billion. The hash is no cryptographic one: who chooses texts can make two that
    share a digest.

    Args:
        column: n texts, none of them None.

    Returns:
        uint64[n, 2].

    Raises:
        ValueError: a text is None.
    """
    utf8 = column.utf8
    out = np.empty((len(utf8), 2), np.uint64)
    if not _digests(np.frombuffer(utf8.data, np.uint8), utf8.starts, utf8.lengths, out):
        raise ValueError("a text that is to stand for something is None: leave out what has none")
    return out


def identified(column: Column) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """`digests` of what `texts` makes of a column, uint64[n, 2], and where there is a value."""
    found = texts(column)
    if complete(found):
        return digests(found), np.ones(len(found), np.bool_)
    present = ~missing(found)
    ids = np.zeros((len(found), 2), np.uint64)
    ids[present] = digests(found.take(np.flatnonzero(present)))
    return ids, present


@compiled
def _digests(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    out: NDArray[np.uint64],
) -> bool:
    """Whether there was no None."""
    for row in range(len(out)):
        start, length = starts[row], lengths[row]
        if length < 0:
            return False
        tail = start + length - length % 16
        first = second = np.uint64(0)
        for at in range(start, tail, 16):
            first ^= _first(_word(data, at, 8))
            first = (_rotated(first, 27) + second) * np.uint64(5) + np.uint64(0x52DCE729)
            second ^= _second(_word(data, at + 8, 8))
            second = (_rotated(second, 31) + first) * np.uint64(5) + np.uint64(0x38495AB5)
        rest = start + length - tail
        second ^= _second(_word(data, tail + 8, rest - 8))
        first ^= _first(_word(data, tail, min(rest, 8)))
        first ^= np.uint64(length)
        second ^= np.uint64(length)
        first += second
        second += first
        first, second = _mixed(first), _mixed(second)
        first += second
        out[row, 0], out[row, 1] = first, second + first
    return True


@compiled
def _word(data: NDArray[np.uint8], at: int, size: int) -> np.uint64:
    """Up to eight bytes, the first one lowest; 0 where `size` is not positive."""
    word = np.uint64(0)
    for place in range(at + size - 1, at - 1, -1):
        word = word << np.uint64(8) | np.uint64(data[place])
    return word


@compiled
def _first(word: np.uint64) -> np.uint64:
    return _rotated(word * _FIRST, 31) * _SECOND


@compiled
def _second(word: np.uint64) -> np.uint64:
    return _rotated(word * _SECOND, 33) * _FIRST


@compiled
def _rotated(word: np.uint64, by: int) -> np.uint64:
    return word << np.uint64(by) | word >> np.uint64(64 - by)


@compiled
def _mixed(word: np.uint64) -> np.uint64:
    word = (word ^ word >> np.uint64(33)) * np.uint64(0xFF51AFD7ED558CCD)
    word = (word ^ word >> np.uint64(33)) * np.uint64(0xC4CEB9FE1A85EC53)
    return word ^ word >> np.uint64(33)
