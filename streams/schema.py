"""Schemas: what an event of a topic looks like, as a typed struct checked when a record is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

import msgspec

from streams.errors import DeclarationError, one_of

__all__ = [
    "TIME_TYPES",
    "Event",
    "Field",
    "FieldType",
    "Label",
    "Secret",
    "example",
    "fields_of",
    "type_name",
]

FieldType: TypeAlias = Any
"""One of `SUPPORTED`: a class, or the alias ``list[str]`` or ``dict[str, float]``."""

SUPPORTED: tuple[FieldType, ...] = (
    str, int, float, bool, datetime, list[str], dict[str, float],
)  # fmt: skip

TIME_TYPES: tuple[FieldType, ...] = (datetime, int, float)
"""What an event's time can be: a datetime (UTC where no zone is given) or seconds since 1970."""


_SECRET = msgspec.Meta(extra={"thalweg": "secret"})

Secret: TypeAlias = Annotated[str, _SECRET]
"""The type of a field with a card's number, or whatever else nobody is to read: a str in the
records, and the digits of a keyed hash everywhere behind; see `streams.secrecy`."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """What every schema inherits from.

    A field is a `str`, `int`, `float`, `bool`, `datetime`, ``list[str]`` or ``dict[str, float]``,
    a `Literal` of strings or of whole numbers, or any of those ``| None``; `msgspec.Meta` may
    constrain it, `msgspec.field` may give it a default or another name in the records.

    >>> class Payment(Event, frozen=True):
    ...     tx_id: str
    ...     amount: float
    >>> msgspec.json.decode(b'{"tx_id": "p1", "amount": 9.5}', type=Payment)
    Payment(tx_id='p1', amount=9.5)
    """


class Label(Event, frozen=True):
    """The label message of a `Labels` topic that declares no schema of its own.

    Attributes:
        id: the event the label belongs to.
        label: true or 1, false or 0; a number for a regression.
        at: when the label became known; the record's timestamp where it is missing.
    """

    id: str
    label: bool | float
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a schema.

    Attributes:
        name: as an attribute of the event.
        wire: as a key of the record.
        type: what a value is, when it is not missing.
        optional: whether a value may be missing (None).
        choices: the values of a `Literal`, else none.
        default: the default as source text; None where a record must have the field.
        secret: whether it is `Secret`.
    """

    name: str
    wire: str
    type: FieldType
    optional: bool = False
    choices: tuple[str | int, ...] = ()
    default: str | None = None
    secret: bool = False

    @property
    def spelled(self) -> str:
        """The type as one writes it."""
        text = f"Literal{list(self.choices)}" if self.choices else type_name(self.type)
        text = "Secret" if self.secret else text
        return f"{text} | None" if self.optional else text


def fields_of(schema: type[Event]) -> Mapping[str, Field]:
    """The fields of a schema by name, in order.

    Raises:
        DeclarationError: `schema` is no `Event`, is mutable, or has a field of another type.
    """
    if not (isinstance(schema, type) and issubclass(schema, Event)):
        shown = schema.__name__ if isinstance(schema, type) else repr(schema)
        raise DeclarationError(
            f"schema={shown} is not an Event",
            "records are decoded straight into typed, frozen structs, which only an Event is",
            f"class {shown if shown.isidentifier() else 'Payment'}(Event, frozen=True): …",
        )
    if not schema.__struct_config__.frozen:
        raise DeclarationError(
            f"{schema.__name__} is declared with frozen=False",
            "events are shared between scoring, labels and replays: one that changes would "
            "give another result the second time",
            f"class {schema.__name__}(Event, frozen=True): …",
        )
    try:
        declared = msgspec.structs.fields(schema)
    except NameError as error:
        raise DeclarationError(
            f"{schema.__name__} has a field of an unknown type: {error}",
            "the type must be imported where the class is written, not only for type checking",
            f"from … import {error.name}",
        ) from error
    if not declared:
        raise DeclarationError(
            f"{schema.__name__} has no fields",
            "only declared fields are read from a record",
            f"class {schema.__name__}(Event, frozen=True):\n             amount: float",
        )
    return {info.name: _field(schema, info) for info in declared}


def example(schema: type[Event]) -> Event:
    """An event of the schema in which every field has a value; the same one each time."""
    return schema(**{name: _example(field) for name, field in fields_of(schema).items()})


def type_name(kind: FieldType) -> str:
    """A field's type as one writes it: ``str``, ``list[str]``."""
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    return str(kind).removeprefix("typing.")


def _field(schema: type[Event], info: msgspec.structs.FieldInfo) -> Field:
    kind, optional = _without_none(info.type)
    choices: tuple[str | int, ...] = ()
    if _origin(kind) is Literal:
        choices = tuple(choice for choice in get_args(kind) if choice is not None)
        optional = optional or None in get_args(kind)
        types = set(map(type, choices))
        kind = types.pop() if len(types) == 1 else kind
    elif _origin(kind) in _UNIONS and set(get_args(kind)) <= {int, float, bool}:
        kind = float
    if kind not in SUPPORTED:
        supported = one_of(type_name(other) for other in SUPPORTED)
        raise DeclarationError(
            f"{schema.__name__}.{info.name} is declared as {type_name(info.type)}",
            f"a field is {supported}, a Literal of one type, or one of these | None",
            f"{info.name}: {_INSTEAD.get(_origin(kind) or kind, 'str')}",
        )
    secret = kind is str and _is_secret(info.type)
    return Field(info.name, info.encode_name, kind, optional, choices, _default(info), secret)


def _without_none(kind: FieldType) -> tuple[FieldType, bool]:
    """The type inside of `Annotated` and ``| None``, and whether None was there."""
    if _origin(kind) is Annotated:
        return _without_none(get_args(kind)[0])
    if _origin(kind) in _UNIONS and NoneType in get_args(kind):
        rest = [part for part in get_args(kind) if part is not NoneType]
        return _without_none(reduce(or_, rest))[0], True
    return kind, False


def _is_secret(kind: FieldType) -> bool:
    """Whether `Secret` is the type, or one of those in ``| None``."""
    if _origin(kind) is Annotated:
        inside, *notes = get_args(kind)
        return _SECRET in notes or _is_secret(inside)
    return _origin(kind) in _UNIONS and any(map(_is_secret, get_args(kind)))


def _origin(kind: FieldType) -> Any:
    return get_origin(kind)


_UNIONS = (Union, UnionType)

_INSTEAD: Mapping[Any, str] = {
    **dict.fromkeys((list, tuple, set, frozenset), "list[str]"),
    dict: "dict[str, float]",
}


def _default(info: msgspec.structs.FieldInfo) -> str | None:
    if info.default_factory is not msgspec.NODEFAULT:
        return f"{getattr(info.default_factory, '__name__', '…')}()"
    return None if info.default is msgspec.NODEFAULT else repr(info.default)


def _example(field: Field) -> object:
    if field.choices:
        return field.choices[0]
    if field.type is datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC)
    examples: dict[FieldType, object] = {str: field.name, int: 1, float: 1.0, bool: True}
    return examples.get(field.type, [field.name] if field.type == list[str] else {field.name: 1.0})
