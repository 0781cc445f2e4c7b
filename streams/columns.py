"""What to make of a file's columns: which to send, under which names, as which JSON values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from shlex import quote
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from streams.errors import TeachingError, nearest, one_of
from streams.schema import Event, FieldType, fields_of, type_name
from streams.times import rfc3339

__all__ = ["Fields", "SourceError", "Table", "key_bytes", "of_schema", "types_of"]

_NUMBER = r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?"
_is_number = re.compile(_NUMBER).fullmatch
_are_numbers = re.compile(rf"{_NUMBER}(?:,{_NUMBER})*").fullmatch
_holds_number = re.compile(rf"\n{_NUMBER}(?=\n)").search
_as_integer = re.compile(r"(-?(?:0|[1-9]\d*))(?:\.0*)?").fullmatch
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

_encoder = msgspec.json.Encoder(decimal_format="number")


class SourceError(TeachingError):
    """A file cannot be read, or not as asked."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What to read of a file; all names but the old ones of `rename` are those after renaming.

    Attributes:
        key: column whose text is the record's key.
        time: column with the record's timestamp; see `streams.times.milliseconds`.
        rename: from the file's name to the one to send.
        select: the columns to send, in this order; None for all.
        types: of columns in a CSV or Parquet file; see `Table`.
        needed: columns that each row of such a file has to have, as they are declared.
        nullable: of its columns, those whose missing value is sent as null.
        time_format: of the times in such a file, as for `datetime.strptime`; None: RFC 3339 and its
            like, or a number.
        decimal: what such a file writes before decimals, in columns whose type is a number.
    """

    key: str | None = None
    time: str | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    select: Sequence[str] | None = None
    types: Mapping[str, FieldType] = field(default_factory=dict)
    needed: Mapping[str, str] = field(default_factory=dict)
    nullable: Collection[str] = ()
    time_format: str | None = None
    decimal: str = "."

    @property
    def reshape(self) -> bool:
        """Whether records are not sent as they are in the file."""
        return bool(self.rename) or self.select is not None

    def original(self, name: str) -> str:
        """What a column is called in the file."""
        return next((old for old, new in self.rename.items() if new == name), name)

    def check(self, names: Iterable[str], where: str) -> None:
        """Refuse names that are not among those of the file.

        Raises:
            SourceError: one of them is unknown; the nearest one is told.
        """
        old = list(dict.fromkeys(names))
        new = [self.rename.get(name, name) for name in old]
        asked = [
            *(("--rename ", name, f"={new}", old) for name, new in self.rename.items()),
            *(("--select ", name, "", new) for name in self.select or ()),
            *(("--key ", name, "", new) for name in (self.key,) if name is not None),
            *(("--time ", name, "", new) for name in (self.time,) if name is not None),
        ]
        for option, name, rest, known in asked:
            if name not in known:
                raise SourceError(
                    f"{option}{name}{rest}",
                    f"{where} has no column {name!r}; it has {', '.join(known)}",
                    f"{option}{nearest(name, known) or one_of(known)}{rest}",
                )

    def check_needed(self, names: Sequence[str], where: str) -> None:
        """Refuse a table that lacks a column without which every row would be turned away.

        Raises:
            SourceError: it does; for the first one, how to say which column is meant.
        """
        sent = self.select if self.select is not None else [self.rename.get(it, it) for it in names]
        lacking = [name for name in self.needed if name not in sent]
        if not lacking:
            return
        wanted = lacking[0]
        old = nearest(wanted, (name for name in names if name not in self.needed)) or "COLUMN"
        name = self.needed[wanted].partition(":")[0]
        raise SourceError(
            f"{where} without {', '.join(map(repr, lacking))}",
            f"the schema asks for them in every record; the columns are {', '.join(names)}",
            f'{self.needed[wanted]} = msgspec.field(name="{old}") in the schema; '
            f"or --rename {quote(f'{old}={name}')} for thalweg produce",
        )

    def check_decimal(self) -> None:
        """Refuse a sign for decimals where no schema says which columns are numbers.

        Raises:
            SourceError: none does, so it would change nothing.
        """
        if self.decimal != "." and not self.types:
            raise SourceError(
                f"--decimal {self.decimal}",
                "which columns are numbers is for a schema to say: 1,2 might be a text as well",
                f"--decimal {self.decimal} --pipeline FILE",
            )

    def number(self, text: str) -> str:
        """A number with a point before its decimals.

        Raises:
            ValueError: it has one already where the file is to have another sign; whether it is
                for decimals or for thousands would be a guess.
        """
        if self.decimal == ".":
            return text
        if "." in text:
            raise ValueError(text)
        return text.replace(self.decimal, ".")

    def moment(self, text: str) -> datetime | str:
        """A time as the file writes it; itself where no format is given.

        Raises:
            ValueError: it is not of that format.
        """
        return text if self.time_format is None else datetime.strptime(text, self.time_format)


class Table:
    """Makes JSON records of a table's columns.

    A column with a type is written as that type. In a CSV column without one, a text that is a
    JSON number to the letter becomes that number (``00123`` and ``+1`` are none) and any other text
    a string, value by value: give ids that look like numbers the type `str`. A missing value (in
    CSV an empty one, unless its type is `str`) is left out, or null in a column of
    `Fields.nullable`. A value that does not fit its column's type is sent as it is, for the worker
    to turn away, and its row counted.

    Args:
        names: of the columns in the file.
        fields: what to make of them.
        where: the file, for messages.
        sniff: whether the file knows only texts (CSV), so that numbers have to be told from them.

    Attributes:
        misfit: in words, the first value that did not fit its column's type; None: all did.
    """

    def __init__(self, names: Sequence[str], fields: Fields, where: str, sniff: bool) -> None:
        fields.check_needed(names, where)
        fields.check(names, where)
        fields.check_decimal()
        self.misfit: str | None = None
        self._fields = fields
        self._sniff = sniff
        self._types = dict(fields.types)
        if fields.time is not None and fields.time_format is not None:
            self._types.setdefault(fields.time, datetime)
        self._place = {fields.rename.get(name, name): place for place, name in enumerate(names)}
        self._sent = list(fields.select if fields.select is not None else self._place)
        self._key = fields.key
        self._record = msgspec.defstruct(
            "Record",
            [
                (f"f{i}", Any, msgspec.field(default=UNSET, name=name))
                for i, name in enumerate(self._sent)
            ],
            gc=False,
        )

    def records(
        self, columns: Sequence[Sequence[Any]]
    ) -> tuple[list[bytes], list[bytes | None] | None, set[int]]:
        """The rows as JSON, their keys, and the places of rows with a value of another type.

        Args:
            columns: one for each name in the file, of equal length, None for a missing value.
        """
        misfits: set[int] = set()
        needed = dict.fromkeys([*self._sent, *([self._key] if self._key is not None else [])])
        cells = {name: self._cells(name, columns[self._place[name]], misfits) for name in needed}
        rows = map(self._record, *(cells[name] for name in self._sent))
        # JSON escapes line breaks: the only ones are the separators, the last followed by b"".
        values = _encoder.encode_lines(rows).split(b"\n")[:-1]
        return values, None if self._key is None else key_bytes(cells[self._key]), misfits

    def _cells(self, name: str, column: Sequence[Any], misfits: set[int]) -> Sequence[Any]:
        """A column's values as they are to be encoded."""
        kind, gap = self._types.get(name), None if name in self._fields.nullable else UNSET
        sample = next((value for value in column if value is not None), None)
        if kind is None and self._sniff:
            return _sniffed(column)
        if kind is None and isinstance(sample, datetime):
            kind = datetime
        if kind is None or type(sample) in _NATIVE.get(kind, ()):
            return [gap if value is None else value for value in column]
        convert = _CONVERTERS.get(kind) or partial(msgspec.json.decode, type=kind)
        if kind is datetime and self._fields.time_format is not None:
            convert = self._time
        elif kind in (float, int):
            convert = partial(self._numeric, convert)
        cells: list[Any] = []
        for place, value in enumerate(column):
            try:
                cells.append(gap if value is None or value == "" else convert(_text(value)))
            except (ValueError, OverflowError, msgspec.DecodeError):
                misfits.add(place)
                cells.append(value)
                self.misfit = self.misfit or self._told(name, value, kind)
        return cells

    def _time(self, text: str) -> str:
        return rfc3339(self._fields.moment(text))

    def _numeric(self, convert: Callable[[str], object], text: str) -> object:
        return convert(self._fields.number(text))

    def _told(self, name: str, value: object, kind: FieldType) -> str:
        """What does not fit, and the option with which it would."""
        told = f"{name} {value!r} is no {type_name(kind)}"
        if kind not in (float, int) or not isinstance(value, str):
            return told
        other = "," if self._fields.decimal == "." else "."
        would = _is_number(value) if other == "." else _is_number(value.replace(",", ".", 1))
        return f"{told}; it would be one with --decimal {other}" if would else told


def of_schema(fields: Fields, schema: type[Event]) -> Fields:
    """The same with the types of a schema's fields, and what it asks of every record."""
    declared = {own.wire: own for own in fields_of(schema).values()}
    needed = {name: own for name, own in declared.items() if own.default is None}
    return replace(
        fields,
        types=types_of(schema),
        needed={name: f"{own.name}: {own.spelled}" for name, own in needed.items()},
        nullable=frozenset(name for name, own in needed.items() if own.optional),
    )


def types_of(schema: type[Event]) -> dict[str, FieldType]:
    """The types of a schema's fields by their names in the records: `Fields.types`."""
    return {own.wire: own.type for own in fields_of(schema).values()}


def key_bytes(cells: Iterable[Any]) -> list[bytes | None]:
    """Record keys: a string's own text, any other value's JSON, none where there is no value."""
    return [
        cell.encode()
        if type(cell) is str
        else None
        if cell is None or cell is UNSET
        else _encoder.encode(cell)
        for cell in cells
    ]


def _sniffed(column: Sequence[str]) -> Sequence[Any]:
    """Texts without a type; all of a column at once where all or none are numbers, as in most."""
    if _is_number(column[0] if column else ""):
        numbers = ",".join(column)
        if _are_numbers(numbers) and numbers.count(",") < len(column):
            return list(map(Raw, numbers.encode().split(b",")))
    if _holds_number("\n".join(("", *column, ""))):
        return [
            Raw(text.encode()) if text and _is_number(text) else text or UNSET for text in column
        ]
    return [text or UNSET for text in column] if "" in column else column


def _text(value: object) -> str:
    return rfc3339(value) if isinstance(value, datetime) else str(value)


def _number(text: str) -> Raw | float:
    if _is_number(text):
        return Raw(text.encode())
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _integer(text: str) -> Raw:
    found = _as_integer(text)
    if found is None:
        raise ValueError(text)
    return Raw(found[1].encode())


def _boolean(text: str) -> bool:
    known = _BOOLEANS.get(text.lower())
    if known is None:
        raise ValueError(text)
    return known


_NATIVE: Mapping[FieldType, tuple[type, ...]] = {
    str: (str,),
    float: (float, int, Decimal),
    int: (int,),
    bool: (bool,),
    list[str]: (list,),
    dict[str, float]: (dict,),
}
"""Values that need no conversion, by the type their column is given."""

_CONVERTERS: Mapping[FieldType, Callable[[str], object]] = {
    str: str,
    float: _number,
    int: _integer,
    bool: _boolean,
    datetime: rfc3339,
}
"""Makes a value of that type of a text; any other type is written as JSON."""
