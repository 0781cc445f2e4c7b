"""Conditions on an event and its score: declared, not coded, and looked at a column at a time.

``(Field("amount") > 5_000) & Field("country").isin(["US", "MX"]) & (Score() > 0.3)``
"""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.column import Column, Columns, missing
from models.compiled import compiled
from models.textcolumn import TextColumn
from streams.errors import DeclarationError, one_of
from streams.fields import field_called
from streams.schema import Field as SchemaField
from streams.schema import FieldType, type_name

__all__ = ["SCORE", "Condition", "Field", "Score", "Value"]

Value: TypeAlias = float | int | bool | str
"""What a field is compared with."""

Where: TypeAlias = NDArray[np.bool_]

SCORE = "@score"
"""Stands among the columns for the model's score; no field has such a name."""

_ORDERS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_COMPARED: Mapping[FieldType, str] = {
    float: "a finite number",
    int: "a whole number",
    str: "a text",
    bool: "True or False",
}


class Condition(ABC):
    """Holds for an event or does not. ``&``, ``|`` and ``~`` are and, or, not."""

    @abstractmethod
    def holds(self, columns: Columns) -> Where:
        """Where it holds, bool[n]; the score is among the columns as `SCORE`."""

    @abstractmethod
    def check(self, fields: Mapping[str, SchemaField]) -> None:
        """Refuse a field that the events do not have, or a value that no field of its type has."""

    @abstractmethod
    def describe(self) -> list[Any]:
        """It as JSON, for the fingerprint."""

    def __and__(self, other: Condition) -> Condition:
        return _Joined("and", self, _condition(other))

    def __or__(self, other: Condition) -> Condition:
        return _Joined("or", self, _condition(other))

    def __invert__(self) -> Condition:
        return _Not(self)

    def __bool__(self) -> NoReturn:
        raise DeclarationError(
            f"{self} where Python asks for True or False, as `and`, `or`, `not` and a < b < c do",
            "it is neither before there is an event: it is kept, and looked at for each",
            '(Field("amount") > 100) & (Field("amount") < 500), | for or, ~ for not',
        )


class Field:
    """A field of the event, to be compared: with ``>``, ``>=``, ``<``, ``<=``, ``==``, ``!=``.

    Where the field is missing no comparison holds.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __gt__(self, value: Value) -> Condition:
        return _Comparison(self._name, ">", value)

    def __ge__(self, value: Value) -> Condition:
        return _Comparison(self._name, ">=", value)

    def __lt__(self, value: Value) -> Condition:
        return _Comparison(self._name, "<", value)

    def __le__(self, value: Value) -> Condition:
        return _Comparison(self._name, "<=", value)

    def __eq__(self, value: Value) -> Condition:  # type: ignore[override]  # it makes a condition
        return _Among(self._name, (value,))

    def __ne__(self, value: Value) -> Condition:  # type: ignore[override]  # as above
        return ~_Among(self._name, (value,)) & ~_Missing(self._name)

    __hash__ = None  # type: ignore[assignment]  # equality makes a condition

    def isin(self, values: Iterable[Value]) -> Condition:
        """It is one of these."""
        return _Among(self._name, tuple(values))

    def missing(self) -> Condition:
        """The event has none."""
        return _Missing(self._name)


class Score(Field):
    """The model's score, to be compared; missing where the model has no answer."""

    def __init__(self) -> None:
        super().__init__(SCORE)


@dataclass(frozen=True)
class _Comparison(Condition):
    name: str
    order: str
    value: Value

    def holds(self, columns: Columns) -> Where:
        column, compare, value = columns[self.name], _ORDERS[self.order], self.value
        if isinstance(column, np.ndarray):
            found: Where = compare(column, value)  # NaN compares as nothing
            return found
        pairs = (it is not None and compare(it, value) for it in column)
        return np.fromiter(pairs, np.bool_, len(column))

    def check(self, fields: Mapping[str, SchemaField]) -> None:
        kind = _checked(fields, self.name, (self.value,), str(self))
        if kind not in (float, int):
            raise DeclarationError(
                f"{self}, and {self.name} is {type_name(kind)}",
                "only numbers are more or less",
                f'Field("{self.name}") == {self.value!r}',
            )

    def describe(self) -> list[Any]:
        return [self.name, self.order, self.value]

    def __str__(self) -> str:
        return f"{_shown(self.name)} {self.order} {self.value!r}"


@dataclass(frozen=True)
class _Among(Condition):
    name: str
    values: tuple[Value, ...]

    def holds(self, columns: Columns) -> Where:
        column = columns[self.name]
        return reduce(operator.or_, (_equal(column, value) for value in self.values))

    def check(self, fields: Mapping[str, SchemaField]) -> None:
        _checked(fields, self.name, self.values, str(self))

    def describe(self) -> list[Any]:
        return [self.name, "in", list(self.values)]

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"{_shown(self.name)} == {self.values[0]!r}"
        return f"{_shown(self.name)} in {list(self.values)}"


@dataclass(frozen=True)
class _Missing(Condition):
    name: str

    def holds(self, columns: Columns) -> Where:
        return missing(columns[self.name])

    def check(self, fields: Mapping[str, SchemaField]) -> None:
        if self.name != SCORE:
            field_called(fields, self.name, f"Field({self.name!r})")

    def describe(self) -> list[Any]:
        return [self.name, "missing"]

    def __str__(self) -> str:
        return f"{_shown(self.name)} missing"


@dataclass(frozen=True)
class _Joined(Condition):
    word: str
    one: Condition
    other: Condition

    def holds(self, columns: Columns) -> Where:
        one, other = self.one.holds(columns), self.other.holds(columns)
        return one & other if self.word == "and" else one | other

    def check(self, fields: Mapping[str, SchemaField]) -> None:
        self.one.check(fields)
        self.other.check(fields)

    def describe(self) -> list[Any]:
        return [self.word, self.one.describe(), self.other.describe()]

    def __str__(self) -> str:
        return f"({self.one} {self.word} {self.other})"


@dataclass(frozen=True)
class _Not(Condition):
    one: Condition

    def holds(self, columns: Columns) -> Where:
        return ~self.one.holds(columns)

    def check(self, fields: Mapping[str, SchemaField]) -> None:
        self.one.check(fields)

    def describe(self) -> list[Any]:
        return ["not", self.one.describe()]

    def __str__(self) -> str:
        return f"not {self.one}"


def _condition(given: object) -> Condition:
    if isinstance(given, Condition):
        return given
    raise DeclarationError(
        f"a condition joined with {given!r}",
        "& and | bind closer than > and ==, so each comparison stands in brackets",
        '(Field("amount") > 100) & (Field("country") == "US")',
    )


def _shown(name: str) -> str:
    return "score" if name == SCORE else name


def _checked(
    fields: Mapping[str, SchemaField], name: str, values: tuple[Value, ...], given: str
) -> FieldType:
    """The field's type, which is that of the values."""
    kind: FieldType = float
    if name != SCORE:
        kind = field_called(fields, name, f"Field({name!r})").type
    if kind not in _COMPARED:
        raise DeclarationError(
            f"{given}, and {name} is {type_name(kind)}",
            f"a condition compares {one_of(map(type_name, _COMPARED))}",
            f'Field("{name}").missing(), or a condition on another field',
        )
    if not values:
        raise DeclarationError(
            f"{_shown(name)} in []", "no event is one of nothing", f'Field("{name}").isin([…])'
        )
    for value in values:
        if not _fits(value, kind):
            raise DeclarationError(
                f"{given}, and {_shown(name)} is {type_name(kind)}",
                f"it is compared with {_COMPARED[kind]}, and {value!r} is none",
                f'Field("{name}") == {"text" if kind is str else 1!r}',
            )
    return kind


def _fits(value: Value, kind: FieldType) -> bool:
    if kind is float:
        return isinstance(value, int | float) and _finite(value)
    return type(value) is kind


def _finite(value: float) -> bool:
    return type(value) is not bool and math.isfinite(value)


def _equal(column: Column, value: Value) -> Where:
    if isinstance(column, TextColumn):
        utf8, wanted = column.utf8, np.frombuffer(str(value).encode(), np.uint8)
        found = np.empty(len(utf8), np.bool_)
        _same_text(np.frombuffer(utf8.data, np.uint8), utf8.starts, utf8.lengths, wanted, found)
        return found
    if isinstance(column, np.ndarray):
        same: Where = column == value
        return same
    return np.fromiter((it == value for it in column), np.bool_, len(column))


@compiled
def _same_text(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    wanted: NDArray[np.uint8],
    found: Where,
) -> None:
    for n in range(len(starts)):
        same = lengths[n] == len(wanted)
        if same:
            for place in range(len(wanted)):
                if data[starts[n] + place] != wanted[place]:
                    same = False
                    break
        found[n] = same
