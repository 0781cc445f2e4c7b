"""JSON's grammar (RFC 8259) in compiled pieces: where a value that begins here ends.

Each takes bytes, a place in them, and the place where the record stops; nothing at or beyond it is
read. Each answers the place behind what it read, or -1 where that is not surely good JSON: some
good things are refused too, such as a value that is nested very deeply.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.compiled import fused

__all__ = [
    "ESCAPED", "HIGH", "NEGATIVE", "WHOLE", "after", "colon", "number", "skip", "space", "string",
    "utf8", "word",
]  # fmt: skip

Bytes = NDArray[np.uint8]

ESCAPED = 1
HIGH = 0x80
"""What a string may hold: a backslash, a byte beyond ASCII."""

NEGATIVE = 1
WHOLE = 2
"""What a number may be: below 0 (and -0.0), without a point and an exponent."""

_DEPTH = 62
"""How deep a value that is passed over may be nested: one bit each of an int64."""


@fused()
def space(data: Bytes, at: int, stop: int) -> int:
    """The next place that holds no white space, `stop` at last."""
    while at < stop and data[at] <= ord(" "):
        byte = data[at]
        if byte != ord(" ") and byte != ord("\n") and byte != ord("\r") and byte != ord("\t"):
            return at
        at += 1
    return at


@fused()
def colon(data: Bytes, at: int, stop: int) -> int:
    """The place behind a colon, and white space around it."""
    at = space(data, at, stop)
    if at >= stop or data[at] != ord(":"):
        return -1
    return space(data, at + 1, stop)


@fused()
def after(data: Bytes, at: int, stop: int, text: Bytes, first: int, last: int) -> int:
    """The place behind the bytes ``text[first:last]``; -1 where others are here."""
    if stop - at < last - first:
        return -1
    for place in range(first, last):
        if data[at] != text[place]:
            return -1
        at += 1
    return at


@fused()
def skip(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """The end of a value of any kind and what its strings hold; -1 unless it is good JSON."""
    depth, objects, marks = 0, 0, 0  # one bit of `objects` a level: whether it is an object
    while True:
        if at < 0 or at >= stop:
            return -1, 0
        lead = data[at]
        opened = lead == ord("{") or lead == ord("[")
        if opened:
            if depth == _DEPTH:
                return -1, 0
            depth, objects = depth + 1, objects << 1 | (lead == ord("{"))
            at += 1
        elif lead == ord('"'):
            at, mark = string(data, at, stop)
            marks |= mark
        elif lead == ord("-") or (lead - ord("0") <= 9 and lead >= ord("0")):
            at = number(data, at, stop)[0]
        else:
            at = word(data, at, stop)
        if at < 0:
            return -1, 0
        more = False
        while depth and not more:
            at = space(data, at, stop)
            if at >= stop:
                return -1, 0
            if data[at] == (ord("}") if objects & 1 else ord("]")):
                depth, objects, opened = depth - 1, objects >> 1, False
                at += 1
                continue
            if not opened:
                if data[at] != ord(","):
                    return -1, 0
                at = space(data, at + 1, stop)
            if objects & 1:
                at, mark = string(data, at, stop)
                if at < 0:
                    return -1, 0
                marks |= mark
                at = colon(data, at, stop)
            more = True
        if not depth and not more:
            return at, marks


@fused()
def string(data: Bytes, start: int, stop: int) -> tuple[int, int]:
    """The end of a string in quotes, and whether it has escapes and bytes beyond ASCII."""
    if start >= stop or data[start] != ord('"'):
        return -1, 0
    at, high, escaped = start + 1, np.uint8(0), 0
    while at < stop:
        byte = data[at]
        if byte == ord('"'):
            return at + 1, int(high & HIGH) | escaped
        if byte == ord("\\"):
            length = _escape(data, at, stop)
            if length == 0:
                return -1, 0
            at += length
            escaped = ESCAPED
        elif byte < 0x20:
            return -1, 0
        else:
            high |= byte
            at += 1
    return -1, 0


@fused()
def _escape(data: Bytes, at: int, stop: int) -> int:
    """The length of an escape, two for a pair of surrogates taken as one; 0 where it is none."""
    if at + 1 >= stop:
        return 0
    kind = data[at + 1]
    if kind != ord("u"):
        for known in b'"\\/bfnrt':
            if kind == known:
                return 2
        return 0
    unit = _hex4(data, at + 2, stop)
    if unit >> 11 != 0xD800 >> 11:
        return 6 if unit >= 0 else 0
    if unit >= 0xDC00 or at + 7 >= stop or data[at + 6] != ord("\\") or data[at + 7] != ord("u"):
        return 0
    return 12 if _hex4(data, at + 8, stop) >> 10 == 0xDC00 >> 10 else 0


@fused()
def _hex4(data: Bytes, start: int, stop: int) -> int:
    if start + 4 > stop:
        return -1
    unit = 0
    for at in range(start, start + 4):
        digit = data[at] - ord("0") if data[at] <= ord("9") else (data[at] | 0x20) - ord("a") + 10
        if digit < 0 or digit > 15 or (data[at] > ord("9") and digit < 10):
            return -1
        unit = unit << 4 | digit
    return unit


@fused()
def number(data: Bytes, start: int, stop: int) -> tuple[int, np.int64, int]:
    """The end of a number, its digits, and ``exponent + 512 << 2`` with `WHOLE` and `NEGATIVE`.

    The digits are a uint64 in an int64; the last is -1 where it has more than 19 of them.
    """
    at, digits, exponent = start, np.uint64(0), 0
    negative = at < stop and data[at] == ord("-")
    if negative:
        at += 1
    first = at
    while at < stop and ord("0") <= data[at] <= ord("9"):
        digits = digits * np.uint64(10) + np.uint64(data[at] - ord("0"))
        at += 1
    count = at - first
    if count == 0 or (count > 1 and data[first] == ord("0")):
        return -1, np.int64(0), -1
    whole = True
    if at < stop and data[at] == ord("."):
        at += 1
        point, whole = at, False
        while at < stop and ord("0") <= data[at] <= ord("9"):
            digits = digits * np.uint64(10) + np.uint64(data[at] - ord("0"))
            at += 1
        exponent = point - at
        if exponent == 0:
            return -1, np.int64(0), -1
        count -= exponent
    if count > 19:  # zeros before the first other digit are none of them
        zero = first
        while zero < at and (data[zero] == ord("0") or data[zero] == ord(".")):
            count -= data[zero] == ord("0")
            zero += 1
    if at < stop and (data[at] | 0x20) == ord("e"):
        at += 1
        whole, down = False, at < stop and data[at] == ord("-")
        if at < stop and (data[at] == ord("-") or data[at] == ord("+")):
            at += 1
        power, begin = 0, at
        while at < stop and ord("0") <= data[at] <= ord("9"):
            power = min(power * 10 + (data[at] - ord("0")), 9999)
            at += 1
        if at == begin:
            return -1, np.int64(0), -1
        exponent += -power if down else power
    if count > 19 or abs(exponent) > 400:
        return at, np.int64(0), -1
    form = (exponent + 512) << 2
    if whole:
        form |= WHOLE
    if negative and not (whole and digits == 0):  # a whole -0 is 0, while -0.0 keeps its sign
        form |= NEGATIVE
    return at, np.int64(digits), form


@fused()
def word(data: Bytes, at: int, stop: int) -> int:
    """The end of true, false or null."""
    for word in (b"true", b"false", b"null"):
        if data[at] == word[0] and at + len(word) <= stop:
            for n in range(len(word)):
                if data[at + n] != word[n]:
                    return -1
            return at + len(word)
    return -1


@fused()
def utf8(data: Bytes, start: int, stop: int) -> bool:
    """Whether the bytes are UTF-8: no surrogates, nothing longer than need be (RFC 3629)."""
    at = start
    while at < stop:
        lead = data[at]
        at += 1
        if lead < 0x80:
            continue
        if lead < 0xC2 or lead > 0xF4:
            return False
        more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        if at + more > stop:
            return False
        # The first byte behind some leads must not make a code that is shorter, or none.
        least = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
        most = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
        for place in range(at, at + more):
            if data[place] < least or data[place] > most:
                return False
            least, most = 0x80, 0xBF
        at += more
    return True
