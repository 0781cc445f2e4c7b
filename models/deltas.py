"""What a learner tells the others: lines of its weights and how it learned them, in bytes.

A delta is the version's byte, its sequence number, the labels learned since the last one, how many
lines it has, then their numbers as gaps, and their columns one behind the other. Whole numbers are
LEB128 varints. The columns are the leading bytes of float32: three of a value, two of a measure of
evidence, whose error of 2⁻⁹ changes no more than how much it counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.varints import packed, unpacked

__all__ = ["Decode", "Decoder", "Delta", "DeltaError", "decode", "encode", "rounded"]

VERSION = 1

_VALUE, _EVIDENCE = 3, 2  # bytes
_LINE = 1 + _VALUE + 2 * _EVIDENCE  # at least
_LONGEST = 5  # bytes of a varint below 2³⁵
_WIDEST = 2.0**96  # a number that is larger is told as this one: no product of two overflows


class DeltaError(ValueError):
    """These bytes are no delta, or not the one that comes next: nothing of it was taken over."""


class Delta(NamedTuple):
    """What was learned of n lines.

    Attributes:
        sequence: how many the sender published before.
        labels: it learned since the last one.
        line: int64[n], strictly ascending.
        value: float64[n], where each line is pulled to, or by how much it changed.
        evidence: float64[n], > 0, how strongly; see `models.kernels.walk`.
        clock: float64[n], ≥ 0, by how much the optimizer's own measure grew: Σg².
    """

    sequence: int
    labels: int
    line: NDArray[np.int64]
    value: NDArray[np.float64]
    evidence: NDArray[np.float64]
    clock: NDArray[np.float64]


Decode: TypeAlias = Callable[[bytes, int], Delta]
"""What `decode` does, in whatever way."""


class Decoder:
    """Decodes for all the learners of a worker: a delta once, however many of them read it.

    It finds one again by its bytes, all of them, so a learner is given what `decode` would have
    given it. Those that it read last are kept.

    Args:
        most: bytes of deltas that are kept; in memory they are some four times as many.
    """

    def __init__(self, most: int = 4 << 20) -> None:
        self._left = most
        self._kept: dict[tuple[bytes, int], Delta] = {}

    def __call__(self, data: bytes, lines: int) -> Delta:
        """See `decode`."""
        found = self._kept.get((data, lines))
        if found is None:
            found = self._kept[data, lines] = decode(data, lines)
            self._left -= len(data)
            while self._left < 0:
                oldest = next(iter(self._kept))
                del self._kept[oldest]
                self._left += len(oldest[0])
        return found


def rounded(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evidence or clocks as those who read a delta will see them."""
    return _read(_written(column, _EVIDENCE), _EVIDENCE)


def encode(delta: Delta) -> bytes:
    """The bytes of a delta; its columns are rounded."""
    head = np.array([delta.sequence, delta.labels, len(delta.line)], np.int64)
    gaps = np.diff(delta.line, prepend=-1) - 1
    columns = (delta.value, _VALUE), (delta.evidence, _EVIDENCE), (delta.clock, _EVIDENCE)
    written = [packed(head), packed(gaps), *(_written(*column) for column in columns)]
    return bytes((VERSION,)) + b"".join(part.tobytes() for part in written)


def decode(data: bytes, lines: int) -> Delta:
    """The delta that these bytes are, of a model with that many lines; nobody can write to it.

    Raises:
        DeltaError: they are not one that `encode` makes.
    """
    if not data or data[0] != VERSION:
        raise DeltaError(
            f"a delta begins with the byte {VERSION}, this one with {data[:1].hex() or 'nothing'}: "
            "it is damaged, or of a worker of another version; run one version in a group"
        )
    body = np.frombuffer(data, np.uint8, offset=1)
    (sequence, labels, count), used = _numbers(body, 3)
    if count * _LINE > len(body) - used:
        raise DeltaError(f"a delta of {len(data):,} bytes says that it has {count:,} lines")
    gaps, more = _numbers(body[used:], count)
    used += more
    line = np.cumsum(gaps + 1) - 1
    if len(line) and line[-1] >= lines:
        raise DeltaError(
            f"a delta names line {line[-1]:,}, and the model has {lines:,}: it is damaged, or of "
            "a model declared with other bits"
        )
    if len(body) - used != count * (_VALUE + 2 * _EVIDENCE):
        raise DeltaError(
            f"a delta of {count:,} lines is followed by {len(body) - used:,} bytes of columns, "
            f"which would be {count * (_VALUE + 2 * _EVIDENCE):,}"
        )
    value, evidence, clock = (
        _read(body[begin : begin + size * count], size)
        for begin, size in (
            (used, _VALUE),
            (used + _VALUE * count, _EVIDENCE),
            (used + (_VALUE + _EVIDENCE) * count, _EVIDENCE),
        )
    )
    wide = np.abs(value).max(initial=0.0), evidence.max(initial=0.0), clock.max(initial=0.0)
    if not (max(wide) <= _WIDEST and (evidence > 0.0).all() and (clock >= 0.0).all()):
        raise DeltaError("a delta's numbers are not finite, or evidence is not positive")
    for column in (line, value, evidence, clock):
        column.flags.writeable = False
    return Delta(int(sequence), int(labels), line, value, evidence, clock)


def _numbers(body: NDArray[np.uint8], count: int) -> tuple[NDArray[np.int64], int]:
    """That many varints, and how many bytes they are."""
    found = np.empty(count, np.int64)
    used = unpacked(body, found, _LONGEST)
    if used < 0:
        raise DeltaError("a delta ends within a whole number, or has one beyond 2³⁵")
    return found, used


def _written(column: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """The leading bytes of float32, rounded half to even; most significant byte first."""
    single = np.clip(column, -_WIDEST, _WIDEST).astype(np.float32).view(np.uint32)
    written = np.empty(len(column) * size, np.uint8)
    _shorten(single, size, written)
    return written


def _read(body: NDArray[np.uint8], size: int) -> NDArray[np.float64]:
    single = np.empty(len(body) // size, np.uint32)
    _lengthen(body, size, single)
    return single.view(np.float32).astype(np.float64)


@compiled
def _shorten(single: NDArray[np.uint32], size: int, written: NDArray[np.uint8]) -> None:
    cut = 32 - 8 * size
    for k in range(len(single)):
        number = np.int64(single[k])
        number += (1 << (cut - 1)) - 1 + ((number >> cut) & 1)
        for j in range(size):
            written[k * size + j] = (number >> (24 - 8 * j)) & 255


@compiled
def _lengthen(body: NDArray[np.uint8], size: int, single: NDArray[np.uint32]) -> None:
    for k in range(len(single)):
        number = np.int64(0)
        for j in range(size):
            number |= np.int64(body[k * size + j]) << (24 - 8 * j)
        single[k] = number
