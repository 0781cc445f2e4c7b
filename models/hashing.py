"""MurmurHash3 of names and values: one by one, or a whole column of text in one compiled pass.

A feature's name is hashed with the pipeline's seed. That hash is its *numeric token*; it also seeds
the hash of the feature's value, a *category token*. A cross of several values goes on in the same
way, each value hashed with the hash before it as seed, so no joined text is ever made, and
``("a", "bc")`` is not ``("ab", "c")``. A token's low bits are its bucket, its top bit is its sign:
Weinberger et al., *Feature Hashing for Large Scale Multitask Learning* (ICML 2009).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled

__all__ = ["MAX_BITS", "MISSING", "fold", "murmur3", "sign", "signs", "text", "token"]

MAX_BITS = 30
"""Most bits a bucket may have, so that it never holds the bit the sign is read from."""

MISSING = "\udcff"
"""The text of a missing value: half a surrogate pair, which no valid text holds."""


def text(value: object) -> str:
    """A categorical value as the text that is hashed; an `Enum` stands for its value."""
    if isinstance(value, str):
        return value
    if value is None:
        return MISSING
    return text(value.value) if isinstance(value, Enum) else str(value)


def murmur3(value: str, seed: int) -> int:
    """MurmurHash3 x86-32 of a text's UTF-8 bytes (Appleby 2011); seed and hash are uint32."""
    data = _utf8(value)
    return int(_murmur3(data, 0, len(data), seed))


def token(name: str, values: Iterable[str], seed: int) -> int:
    """The token of a feature's values: of none the numeric token, of several the cross."""
    hashed = _name_token(name, seed)
    for value in values:
        hashed = murmur3(value, hashed)
    return hashed


def fold(hashes: NDArray[np.uint32], column: Sequence[Any]) -> None:
    """Replace each hash by that of the value at its place, with the former hash as seed.

    Args:
        hashes: uint32[n], changed in place.
        column: n values: `str`, or what `text` makes one of.
    """
    try:
        joined = "".join(column)
    except TypeError:
        column = _texts(column)
        joined = "".join(column)
    characters = np.fromiter(map(len, column), np.int64, len(column))
    _fold(np.frombuffer(_utf8(joined), np.uint8), characters, hashes)


def sign(hashed: int) -> float:
    """+1.0, or −1.0 if the top bit is set."""
    return -1.0 if hashed >> 31 else 1.0


def signs(hashes: NDArray[np.uint32]) -> NDArray[np.float64]:
    """`sign` of each of uint32[n]."""
    return np.where(hashes >> np.uint32(31), -1.0, 1.0)


@lru_cache(maxsize=65_536)
def _name_token(name: str, seed: int) -> int:
    return murmur3(name, seed)


def _texts(column: Sequence[Any]) -> list[str]:
    plain = set(map(type, column)) <= {int, bool}
    return list(map(str if plain else text, column))


def _utf8(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


@compiled
def _fold(
    data: NDArray[np.uint8], characters: NDArray[np.int64], hashes: NDArray[np.uint32]
) -> None:
    """Hash texts laid end to end, of which only the lengths in characters are known."""
    ascii_only = characters.sum() == len(data)
    start = 0
    for row in range(len(hashes)):
        stop = start
        if ascii_only:
            stop += characters[row]
        else:
            for _ in range(characters[row]):
                lead = data[stop]
                stop += 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
        hashes[row] = _murmur3(data, start, stop, hashes[row])
        start = stop


@compiled
def _murmur3(
    data: NDArray[np.uint8] | bytes, start: int, stop: int, seed: np.uint32 | int
) -> np.uint32:
    h = np.uint32(seed)
    tail = stop - (stop - start) % 4
    for at in range(start, tail, 4):
        k = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24
        h = np.uint32(h ^ _scramble(np.uint32(k)))
        h = np.uint32(_rotate(h, 13) * 5 + 0xE6546B64)
    k = 0
    for at in range(stop - 1, tail - 1, -1):
        k = k << 8 | data[at]
    h = np.uint32(h ^ _scramble(np.uint32(k)) ^ (stop - start))
    h = np.uint32((h ^ h >> 16) * 0x85EBCA6B)
    h = np.uint32((h ^ h >> 13) * 0xC2B2AE35)
    return np.uint32(h ^ h >> 16)


@compiled
def _scramble(k: np.uint32) -> np.uint32:
    return np.uint32(_rotate(np.uint32(k * 0xCC9E2D51), 15) * 0x1B873593)


@compiled
def _rotate(h: np.uint32, by: int) -> np.uint32:
    return np.uint32(h << by | h >> 32 - by)
