"""Strings of JSON to one buffer of UTF-8, so that the bytes they were read from can go."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.intrinsics import copy

__all__ = ["gather"]

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]


@compiled
def gather(
    data: Bytes, fields: Longs, first: Longs, second: Longs, irregular: NDArray[np.bool_]
) -> Bytes:
    """Copy the strings of these fields, escapes resolved; their cells come to name the copies.

    Args:
        data: where they lie now, with no bad escape in them.
        fields: which rows of `first` and `second`.
        first: int64[f, n], see `streams.scanning.Cells`; then where each begins in the answer.
        second: int64[f, n], likewise; then its length there.
        irregular: bool[n].
    """
    room = 0
    for field in fields:
        for n in range(len(irregular)):
            if not irregular[n] and second[field, n] > 0:
                room += second[field, n]
    out, end = np.empty(room, np.uint8), 0
    for field in fields:
        for n in range(len(irregular)):
            start, length = first[field, n], second[field, n]
            if irregular[n] or length < 0:
                first[field, n] = 0
                continue
            begin = end
            if start >= 0:
                copy(data, start, length, out, begin)
                end += length
            else:
                end = _resolve(data, ~start, ~start + length, out, begin)
            first[field, n], second[field, n] = begin, end - begin
    return out[:end]


@compiled
def _resolve(data: Bytes, start: int, stop: int, out: Bytes, end: int) -> int:
    """Copy a string with its escapes resolved to `out` from `end` on; its new end."""
    at = start
    while at < stop:
        byte = data[at]
        at += 1
        if byte != ord("\\"):
            out[end] = byte
            end += 1
            continue
        kind = data[at]
        at += 1
        if kind == ord("u"):
            code = _hex4(data, at)
            at += 4
            if 0xD800 <= code < 0xDC00:
                code = 0x10000 + ((code & 0x3FF) << 10 | _hex4(data, at + 2) & 0x3FF)
                at += 6
            end = _put(code, out, end)
            continue
        if kind == ord("b"):
            kind = 8
        elif kind == ord("f"):
            kind = 12
        elif kind == ord("n"):
            kind = 10
        elif kind == ord("r"):
            kind = 13
        elif kind == ord("t"):
            kind = 9
        out[end] = kind
        end += 1
    return end


@compiled
def _hex4(data: Bytes, start: int) -> int:
    unit = 0
    for at in range(start, start + 4):
        digit = data[at]
        unit = unit << 4 | (digit & 15) + (9 if digit > ord("9") else 0)
    return unit


@compiled
def _put(code: int, out: Bytes, end: int) -> int:
    """Write a code point as UTF-8; the place behind it."""
    if code < 0x80:
        out[end] = code
        return end + 1
    more = 1 if code < 0x800 else 2 if code < 0x10000 else 3
    out[end] = (0xFF00 >> more + 1 & 0xFF) | code >> 6 * more
    for n in range(1, more + 1):
        out[end + n] = 0x80 | code >> 6 * (more - n) & 0x3F
    return end + more + 1
