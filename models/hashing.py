"""MurmurHash3 of names and values: one by one, or a whole column of text in one compiled pass.

A feature's name is hashed with the pipeline's seed. That hash is its *numeric token*; it also seeds
the hash of the feature's value, a *category token*. A cross of several values goes on in the same
way, each value hashed with the hash before it as seed, so no joined text is ever made, and
``("a", "bc")`` is not ``("ab", "c")``. A token's low bits are its bucket, its top bit is its sign:
Weinberger et al., *Feature Hashing for Large Scale Multitask Learning* (ICML 2009).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.column import Column, listed
from models.compiled import compiled
from models.textcolumn import TextColumn

__all__ = ["MAX_BITS", "MISSING", "fold", "murmur3", "sign", "signs", "text", "texts", "token"]

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


def texts(column: Column) -> TextColumn:
    """`text` of a whole column, but None where a value is missing."""
    if isinstance(column, TextColumn):
        return column
    kind = column.dtype.kind if isinstance(column, np.ndarray) else "O"
    if kind == "b":
        return TextColumn.of_booleans(np.asarray(column))
    if kind == "i":
        return TextColumn.of_integers(np.asarray(column))
    return TextColumn.of([None if value is None else text(value) for value in listed(column)])


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


def fold(seeds: NDArray[np.uint32], column: Column) -> NDArray[np.uint32]:
    """The hash of each value, with the seed at its place.

    Args:
        seeds: uint32[n], or a single one for all values.
        column: n values: text, or what `text` makes one of.
    """
    values = (column if isinstance(column, TextColumn) else texts(column)).utf8
    hashes = np.empty(len(values), np.uint32)
    data = np.frombuffer(values.data, np.uint8)
    _fold(data, values.starts, values.lengths, _MISSING_BYTES, seeds, hashes)
    return hashes


def sign(hashed: int) -> float:
    """+1.0, or −1.0 if the top bit is set."""
    return -1.0 if hashed >> 31 else 1.0


def signs(hashes: NDArray[np.uint32]) -> NDArray[np.float64]:
    """`sign` of each of uint32[n]."""
    found = np.empty(len(hashes))
    _signs(hashes, found)
    return found


@lru_cache(maxsize=65_536)
def _name_token(name: str, seed: int) -> int:
    return murmur3(name, seed)


def _utf8(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


_MISSING_BYTES = np.frombuffer(_utf8(MISSING), np.uint8)


@compiled
def _fold(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    missing: NDArray[np.uint8],
    seeds: NDArray[np.uint32],
    hashes: NDArray[np.uint32],
) -> None:
    every = 0 if len(seeds) == 1 else 1
    for row in range(len(hashes)):
        start, seed = starts[row], seeds[row * every]
        if lengths[row] < 0:
            hashes[row] = _murmur3(missing, 0, len(missing), seed)
        else:
            hashes[row] = _murmur3(data, start, start + lengths[row], seed)


@compiled
def _signs(hashes: NDArray[np.uint32], found: NDArray[np.float64]) -> None:
    for row in range(len(hashes)):
        found[row] = -1.0 if hashes[row] >> 31 else 1.0


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
