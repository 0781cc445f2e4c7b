"""JSON records to cells in one compiled pass, for records that hold nothing unusual.

A record is *regular* where msgspec surely reads the very values that are found here, and irregular
where that is in doubt for whatever reason: bad JSON, a bound that is broken, a number of 30 digits.
So no error has to be told from another here, and what is odd costs no more than msgspec does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.compiled import fused
from streams import grammar

__all__ = [
    "ABSENT", "BOOL", "CHOICE", "FIELD", "FLOAT", "INT", "NULL", "TEXT", "TIME", "TRUTH", "WHOLE",
    "Cells", "Shape", "scan",
]  # fmt: skip

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Longs = NDArray[np.int64]

TEXT, TIME, FLOAT, INT, BOOL = 1, 2, 4, 8, 16
"""What a field of a schema holds; of the last three it may hold several, as ``FLOAT | BOOL``."""

NULL, ABSENT = -1, -2
"""In place of a cell's `second`: the value is null, the record has no such field."""

WHOLE, TRUTH = -3, -4
"""In its place where a field holds several kinds: the value is an `INT`, or a `BOOL`."""

FIELD = np.dtype(
    [
        ("kind", np.int64),
        ("first", np.int64),  # the key in quotes is text[first:last]
        ("last", np.int64),
        ("required", np.int64),  # whether a record must have it
        ("nullable", np.int64),
        ("least", np.int64),  # bounds of an INT
        ("most", np.int64),
        ("choice", np.int64),  # choices[choice:choices_end], none of them: any value
        ("choices_end", np.int64),
        ("seen", np.int64),  # the last record that had it, while a slice is scanned
        ("next", np.int64),  # the field that came after it last time
        ("gaps", np.int64),  # how many NULL and ABSENT there were
    ]
)

CHOICE = np.dtype([("number", np.int64), ("first", np.int64), ("last", np.int64)])
"""A value of a `Literal`: a number, or text[first:last]."""


class Shape(NamedTuple):
    """A schema of f fields as arrays.

    Attributes:
        fields: FIELD[f + 1], of which the last stands for the opening brace.
        choices: CHOICE[c].
        text: UTF-8 to which they point.
        texts: int64, the fields that are `TEXT`.
    """

    fields: NDArray[Any]
    choices: NDArray[Any]
    text: Bytes
    texts: Longs


class Cells(NamedTuple):
    """What n records hold in f fields, before it is converted.

    A `TEXT` or `TIME` is where its characters begin in the data, the complement (``~``) of that
    where there are escapes among them, and how many bytes they are. A `FLOAT` is what
    `streams.grammar.number` answers. An `INT` or `BOOL` is its value.

    Attributes:
        first: int64[f, n].
        second: int64[f, n], or `NULL`, `ABSENT`, `WHOLE` or `TRUTH`.
        irregular: bool[n], records of which the cells mean nothing.
        gaps: for each field whether some are `NULL` or `ABSENT`; irregular ones may count.
    """

    first: Longs
    second: Longs
    irregular: Flags
    gaps: list[bool]


def scan(values: ByteColumn, shape: Shape) -> Cells:
    """Read each value as a JSON object of that shape; None is irregular."""
    n, fields = len(values), shape.fields.view(np.int64).copy().view(FIELD)  # records copy slowly
    cells = np.empty((2, len(fields) - 1, n), np.int64)
    irregular = np.empty(n, np.bool_)
    data = np.frombuffer(values.data, np.uint8)
    _scan(data, values.starts, values.lengths, fields, shape.choices, shape.text, cells, irregular)
    return Cells(cells[0], cells[1], irregular, fields["gaps"][:-1].tolist())


@fused(grammar)
def _scan(
    data: Bytes,
    starts: Longs,
    lengths: Longs,
    fields: NDArray[Any],
    choices: NDArray[Any],
    text: Bytes,
    cells: Longs,
    irregular: Flags,
) -> None:
    for n in range(len(starts)):
        at, stop = starts[n], starts[n] + lengths[n]
        end = _object(data, at, stop, n, fields, choices, text, cells)
        irregular[n] = end < 0 or grammar.space(data, end, stop) != stop


@fused(grammar)
def _object(
    data: Bytes,
    start: int,
    stop: int,
    n: int,
    fields: NDArray[Any],
    choices: NDArray[Any],
    text: Bytes,
    cells: Longs,
) -> int:
    """The end of the object that is record n; -1 where it is irregular."""
    count = len(fields) - 1
    found, marks, before = 0, 0, count
    at = grammar.space(data, start, stop)
    if at >= stop or data[at] != ord("{"):
        return -1
    at = grammar.space(data, at + 1, stop)
    more = at >= stop or data[at] != ord("}")
    if not more:
        at += 1
    while more:
        number = fields[before].next
        end = grammar.after(data, at, stop, text, fields[number].first, fields[number].last)
        if end < 0:
            end, mark = grammar.string(data, at, stop)
            if end < 0 or mark & grammar.ESCAPED:
                return -1
            marks |= mark
            number = _find(data, at, end, fields, text)
            if number >= 0:
                fields[before].next = number
        at = grammar.colon(data, end, stop)
        if at < 0:
            return -1
        if number < 0:
            at, mark = grammar.skip(data, at, stop)
        elif fields[number].seen == n:
            return -1
        else:
            at, mark, first, second = _value(data, at, stop, fields[number], choices, text)
            cells[0, number, n] = first
            cells[1, number, n] = second
            fields[number].seen = n
            found += 1
            before = number
        marks |= mark
        if at < 0:
            return -1
        at = grammar.space(data, at, stop)
        if at >= stop:
            return -1
        more = data[at] == ord(",")
        if not more and data[at] != ord("}"):
            return -1
        at += 1
        if more:
            at = grammar.space(data, at, stop)
    if found < count:
        for number in range(count):
            if fields[number].seen != n:
                if fields[number].required:
                    return -1
                cells[1, number, n] = ABSENT
                fields[number].gaps += 1
    if marks & grammar.HIGH and not grammar.utf8(data, start, at):
        return -1
    return at


@fused(grammar)
def _find(data: Bytes, start: int, end: int, fields: NDArray[Any], text: Bytes) -> int:
    """The field whose key in quotes lies between; -1 for none."""
    for number in range(len(fields) - 1):
        if _same(data, start, end, text, fields[number]):
            return number
    return -1


@fused(grammar)
def _same(data: Bytes, start: int, end: int, text: Bytes, other: Any) -> bool:
    if other.last - other.first != end - start:
        return False
    return grammar.after(data, start, end, text, other.first, other.last) >= 0


@fused(grammar)
def _value(
    data: Bytes, at: int, stop: int, field: Any, choices: NDArray[Any], text: Bytes
) -> tuple[int, int, int, int]:
    """The end of a field's value (-1: irregular), what its string holds, and its cell."""
    if at >= stop:
        return -1, 0, 0, 0
    kind, lead = field.kind, data[at]
    chosen = field.choice == field.choices_end
    if lead == ord("n"):
        field.gaps += 1
        return (grammar.word(data, at, stop) if field.nullable else -1), 0, 0, NULL
    if kind in (TEXT, TIME):
        end, mark = grammar.string(data, at, stop)
        first, second = at + 1, end - at - 2
        for choice in range(field.choice, field.choices_end):
            chosen = chosen or _same(data, first, end - 1, text, choices[choice])
        if mark & grammar.ESCAPED:
            first = ~first
            chosen &= kind == TEXT
        return (end if chosen else -1), mark, first, second
    if kind & BOOL and (lead == ord("t") or lead == ord("f")):
        second = 0 if kind == BOOL else TRUTH
        return grammar.word(data, at, stop), 0, (1 if lead == ord("t") else 0), second
    end, digits, form = grammar.number(data, at, stop)
    value = int(digits)
    if form < 0:
        return -1, 0, 0, 0
    if kind & FLOAT and not (kind & INT and form & grammar.WHOLE):
        return end, 0, value, form
    if not kind & INT or value < 0 or not form & grammar.WHOLE:  # beyond int64; 1.0; 1e3
        return -1, 0, 0, 0
    if form & grammar.NEGATIVE:
        value = -value
    for choice in range(field.choice, field.choices_end):
        chosen = chosen or choices[choice].number == value
    fine = chosen and field.least <= value <= field.most
    return (end if fine else -1), 0, value, (0 if kind == INT else WHOLE)
