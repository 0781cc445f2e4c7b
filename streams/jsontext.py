"""Columns as JSON text, in compiled passes, and lines woven of them.

The texts are those that msgspec writes, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.compiled import compiled
from models.intrinsics import copy

__all__ = ["booleans", "instants", "quoted", "spelled", "woven"]

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

_encoder = msgspec.json.Encoder()

_LONGEST_ESCAPE = 6
_LONGEST_INSTANT = 29
_LITERALS = b"falsetrue"


def spelled(values: Sequence[Any]) -> ByteColumn:
    """Anything, as msgspec spells it; NaN and infinities become null."""
    # JSON escapes line breaks, so each one ends a value.
    return ByteColumn.lines(_encoder.encode_lines(values), len(values))


def booleans(values: NDArray[np.bool_]) -> ByteColumn:
    """``true`` or ``false`` for each."""
    return ByteColumn(_LITERALS, np.where(values, 5, 0), np.where(values, 4, 5))


def quoted(texts: ByteColumn) -> ByteColumn:
    """JSON strings of UTF-8 texts, null for None."""
    lengths = np.maximum(texts.lengths, 0)
    out = np.empty(_LONGEST_ESCAPE * int(lengths.sum()) + 4 * len(texts), np.uint8)
    ends = np.empty(len(texts), np.int64)
    _quote(np.frombuffer(texts.data, np.uint8), texts.starts, texts.lengths, out, ends)
    return ByteColumn.laid(out, ends)


def instants(micros: Longs) -> ByteColumn:
    """Microseconds since 1970 as RFC 3339 strings in UTC, of the years 1 to 9999."""
    out, ends = np.empty(_LONGEST_INSTANT * len(micros), np.uint8), np.empty_like(micros)
    _instant(micros, out, ends)
    return ByteColumn.laid(out, ends)


def woven(pieces: Sequence[bytes], columns: Iterable[ByteColumn]) -> ByteColumn:
    """For each row the pieces, with the columns' values in between: one piece more than columns."""
    columns = list(columns)
    texts = [*columns, ByteColumn.of(pieces)]
    data = b"".join([column.data for column in texts])
    shifts = np.cumsum([0, *(len(column.data) for column in texts)])
    starts = np.stack([c.starts + shift for c, shift in zip(columns, shifts, strict=False)])
    lengths = np.stack([column.lengths for column in columns])
    n = lengths.shape[1]
    fixed = texts[-1]
    out = np.empty(int(lengths.sum()) + n * len(fixed.data), np.uint8)
    ends = np.empty(n, np.int64)
    _weave(
        np.frombuffer(data, np.uint8),
        starts,
        lengths,
        fixed.starts + shifts[-2],
        fixed.lengths,
        out,
        ends,
    )
    return ByteColumn.laid(out, ends)


@compiled
def _weave(
    data: Bytes,
    starts: Longs,
    lengths: Longs,
    piece_starts: Longs,
    piece_lengths: Longs,
    out: Bytes,
    ends: Longs,
) -> None:
    columns, n = starts.shape
    at = 0
    for row in range(n):
        for column in range(columns + 1):
            copy(data, piece_starts[column], piece_lengths[column], out, at)
            at += piece_lengths[column]
            if column < columns:
                copy(data, starts[column, row], lengths[column, row], out, at)
                at += lengths[column, row]
        ends[row] = at


@compiled
def _quote(data: Bytes, starts: Longs, lengths: Longs, out: Bytes, ends: Longs) -> None:
    at = 0
    for row in range(len(starts)):
        if lengths[row] < 0:
            out[at], out[at + 1], out[at + 2], out[at + 3] = 110, 117, 108, 108  # null
            at += 4
            ends[row] = at
            continue
        out[at] = 34
        at += 1
        for place in range(starts[row], starts[row] + lengths[row]):
            byte = data[place]
            if byte >= 32 and byte != 34 and byte != 92:
                out[at] = byte
                at += 1
                continue
            out[at] = 92
            short = 0
            if byte == 34 or byte == 92:
                short = byte
            elif byte == 8:
                short = 98
            elif byte == 9:
                short = 116
            elif byte == 10:
                short = 110
            elif byte == 12:
                short = 102
            elif byte == 13:
                short = 114
            if short:
                out[at + 1] = short
                at += 2
            else:
                low = byte & 15
                out[at + 1], out[at + 2], out[at + 3] = 117, 48, 48  # u00
                out[at + 4] = 48 + (byte >> 4)
                out[at + 5] = 48 + low if low < 10 else 87 + low
                at += 6
        out[at] = 34
        at += 1
        ends[row] = at


@compiled
def _instant(micros: Longs, out: Bytes, ends: Longs) -> None:
    """Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days."""
    at = 0
    last_day = np.int64(-(2**62))
    year = month = day = np.int64(0)
    for row in range(len(micros)):
        seconds = micros[row] // 1_000_000
        days = seconds // 86_400
        if days != last_day:
            shifted = days + 719_468
            era = shifted // 146_097
            of_era = shifted - era * 146_097
            of_era_year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
            of_year = of_era - (365 * of_era_year + of_era_year // 4 - of_era_year // 100)
            from_march = (5 * of_year + 2) // 153
            day = of_year - (153 * from_march + 2) // 5 + 1
            month = from_march + 3 if from_march < 10 else from_march - 9
            year = of_era_year + era * 400 + (1 if month <= 2 else 0)
            last_day = days
        of_day = seconds - days * 86_400
        fraction = micros[row] - seconds * 1_000_000
        out[at] = 34
        at = _decimal(out, at + 1, year, 4)
        out[at] = 45
        at = _decimal(out, at + 1, month, 2)
        out[at] = 45
        at = _decimal(out, at + 1, day, 2)
        out[at] = 84
        at = _decimal(out, at + 1, of_day // 3_600, 2)
        out[at] = 58
        at = _decimal(out, at + 1, of_day // 60 % 60, 2)
        out[at] = 58
        at = _decimal(out, at + 1, of_day % 60, 2)
        if fraction:
            out[at] = 46
            at = _decimal(out, at + 1, fraction, 6)
        out[at], out[at + 1] = 90, 34
        at += 2
        ends[row] = at


@compiled
def _decimal(out: Bytes, at: int, number: int | np.integer[Any], width: int) -> int:
    """Write a number in so many digits; where the next byte goes."""
    for place in range(at + width - 1, at - 1, -1):
        out[place] = 48 + number % 10
        number //= 10
    return at + width
