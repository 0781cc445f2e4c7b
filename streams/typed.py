"""Columns of a schema's fields, from what the scanner found and what msgspec made of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from operator import attrgetter
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.column import Column, listed
from models.textcolumn import TextColumn
from streams.decimals import nearest
from streams.instants import EXACT, NAIVE, instants
from streams.scanning import ABSENT, BOOL, FLOAT, INT, NULL, TEXT, TIME, TRUTH, WHOLE, Shape, scan
from streams.shapes import Member
from streams.texts import gather

__all__ = ["Scanned", "column_of"]

Longs = NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NAT = np.iinfo(np.int64).min


def column_of(kind: int, values: list[Any]) -> Column:
    """Values of a field as the column that its kind has, a list where that can't hold them."""
    types = set(map(type, values))
    try:
        if kind == TEXT and types <= {str, NoneType}:
            return TextColumn.of(values)
        if kind & FLOAT and types <= ({float, int, NoneType} if kind == FLOAT else {float}):
            return np.array(values, np.float64)
        if kind & BOOL and types <= {bool}:
            return np.array(values, np.bool_)
        if kind & INT and types <= {int}:
            return np.array(values, np.int64)
        if kind == TIME and types <= {datetime, NoneType}:
            return np.array(list(map(_micros, values)), np.int64).view("datetime64[us]")
    except OverflowError:
        pass  # a list holds what is too large
    return values


class Scanned:
    """A slice's records as the scanner read them.

    Args:
        values: the records; None is irregular.
        members: of the schema.
        shape: of the schema.

    Attributes:
        irregular: bool[n], records that msgspec is to decode.
    """

    def __init__(self, values: ByteColumn, members: Sequence[Member], shape: Shape) -> None:
        self._members = members
        first, second, self.irregular, gaps = scan(values, shape)
        data = np.frombuffer(values.data, np.uint8)
        for number, member in enumerate(members):
            if member.kind & FLOAT:
                kept = None if member.kind == FLOAT else first[number].copy()
                bits = first[number].view(np.uint64)
                nearest(bits, second[number], member.least, member.most, self.irregular)
                if kept is not None:  # what is no float
                    np.copyto(first[number], kept, where=second[number] < ABSENT)
            elif member.kind == TIME:
                instants(data, first[number], second[number], self.irregular)
        self._text = gather(data, shape.texts, first, second, self.irregular).tobytes()
        self._first, self._second, self._gaps = first, second, gaps

    def columns(
        self,
        places: Sequence[int] = (),
        events: Sequence[Any] = (),
        without: Sequence[int] = (),
    ) -> dict[str, Column]:
        """A column a field; to be called once, for it changes what was scanned.

        Args:
            places: of irregular records that are events after all.
            events: what those hold.
            without: the places of all other irregular records, which are left out.
        """
        first, second, odd = self._first, self._second, np.asarray(places, np.int64)
        late: list[list[Any]] = [[]] * len(self._members)
        if places or without:
            late = [list(map(attrgetter(member.name), events)) for member in self._members]
            first[:, self.irregular], second[:, self.irregular] = 0, 0
        if without:
            good = np.ones(len(self.irregular), np.bool_)
            good[without] = False
            first, second = first[:, good], second[:, good]
            odd = np.cumsum(good)[odd] - 1
        text = self._text_of_all(first, second, odd, late)
        columns: dict[str, Column] = {}
        parts = zip(self._members, first, second, self._gaps, late, strict=True)
        for member, found, state, gaps, values in parts:
            if member.kind == TEXT:
                columns[member.name] = TextColumn(ByteColumn(text, found, state))
                continue
            column = _column(member, found, state, gaps)
            columns[member.name] = _patched(column, member.kind, state, odd, values)
        return columns

    def _text_of_all(self, first: Longs, second: Longs, odd: Longs, late: list[list[Any]]) -> bytes:
        """One buffer of text: what was scanned, defaults, and the texts of odd records."""
        parts, end = [self._text], len(self._text)
        for number, member in enumerate(self._members):
            if member.kind != TEXT or not (len(odd) or self._gaps[number]):
                continue
            starts, lengths = first[number], second[number]
            more = TextColumn.of([member.default or "", *late[number]]).utf8
            absent = lengths == ABSENT
            starts[absent] = end + more.starts[0]
            lengths[absent] = NULL if member.default is None else more.lengths[0]
            starts[odd], lengths[odd] = end + more.starts[1:], more.lengths[1:]
            parts.append(more.data)
            end += len(more.data)
        return b"".join(parts)


def _column(member: Member, found: Longs, state: Longs, gaps: bool) -> Column:
    """The cells of a field that is no text; what odd records hold means nothing yet."""
    column: NDArray[Any] = found
    if member.kind == FLOAT:
        column = found.view(np.float64)
    elif member.kind == TIME:
        column = found.view("datetime64[us]")
    elif member.kind == BOOL:
        column = found != 0
    elif member.kind != INT:
        return _united(member, found, state)
    if not gaps:
        return column
    absent, missing = state == ABSENT, state < 0
    if member.default is not None:
        column[absent] = member.default
        missing &= ~absent
    if member.kind == TIME:
        column[missing] = np.datetime64("NaT")
    elif member.kind != FLOAT and missing.any():
        return _with(column.tolist(), np.flatnonzero(missing), [None] * len(column))
    return column


def _united(member: Member, found: Longs, state: Longs) -> Column:
    """The cells of a field of several kinds: an array where all of them are of one."""
    floats, truths = found.view(np.float64), found != 0
    for column, held in ((floats, state >= 0), (truths, state == TRUTH), (found, state == WHOLE)):
        if held.all():
            return column
    values: list[Any] = floats.tolist()
    for kind, column in ((TRUTH, truths), (WHOLE, found)):
        places = np.flatnonzero(state == kind)
        _with(values, places, column[places].tolist())
    for kind, value in ((NULL, None), (ABSENT, member.default)):
        _with(values, np.flatnonzero(state == kind), repeat(value))
    return values


def _patched(column: Column, kind: int, state: Longs, odd: Longs, values: list[Any]) -> Column:
    """A column with the values of odd records in their places."""
    if not values:
        return column
    late = column_of(kind, values)
    match column, late:
        case np.ndarray(), np.ndarray() if column.dtype == late.dtype:
            column[odd] = late
            return column
    whole = listed(column)
    if kind == TIME:
        naive = np.flatnonzero(state == NAIVE).tolist()
        whole = _with(whole, naive, [whole[n].replace(tzinfo=None) for n in naive])
    return _with(whole, odd, values)


def _with(values: list[Any], places: Iterable[int], others: Iterable[Any]) -> list[Any]:
    for place, other in zip(places, others, strict=False):
        values[place] = other
    return values


def _micros(at: datetime | None) -> int:
    """Microseconds since 1970; OverflowError for a time that is not in UTC, or far away."""
    if at is None:
        return _NAT
    if at.utcoffset():
        raise OverflowError
    micros = (at.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
    if abs(micros) >= EXACT:
        raise OverflowError
    return micros
