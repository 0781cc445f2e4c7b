"""How a declaration refers to the fields of an event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from streams.declare import Topic
from streams.errors import DeclarationError, nearest, one_of
from streams.schema import TIME_TYPES, Field, FieldType, type_name

__all__ = ["ID_TYPES", "check_events", "field_called", "field_for", "suggestion"]

ID_TYPES: tuple[FieldType, ...] = (str, int)


def check_events(events: Topic, fields: Mapping[str, Field]) -> None:
    """The fields an events topic names exist, and can be what it names them for."""
    roles: Mapping[str, tuple[str | None, str, Sequence[FieldType]]] = {
        "id": (events.id, "an id", ID_TYPES),
        "key": (events.key, "a key", ID_TYPES),
        "time": (events.time, "a time", TIME_TYPES),
    }
    for role, (name, noun, types) in roles.items():
        if name is not None:
            given = f"Topic({events.name!r}, {role}={name!r})"
            field_for(fields, name, given, noun, types, required=role == "id")
    for name in events.pan_free:
        field_called(fields, name, f"Topic({events.name!r}, pan_free=[{name!r}])")


def field_called(fields: Mapping[str, Field], name: str, given: str) -> Field:
    """The field of that name; `given` is the declaration that names it."""
    if name in fields:
        return fields[name]
    other = nearest(name, fields)
    raise DeclarationError(
        f"{given}: no field is called {name!r}",
        f"the fields are {', '.join(fields)}",
        given.replace(repr(name), repr(other)) if other else f"one of {one_of(fields)}",
    )


def field_for(
    fields: Mapping[str, Field],
    name: str,
    given: str,
    noun: str,
    types: Sequence[FieldType],
    *,
    required: bool,
) -> Field:
    """The field of that name, which is to be of one of the types; `noun` says what it is for."""
    field = field_called(fields, name, given)
    if field.type not in types or (field.optional and required):
        raise DeclarationError(
            f"{given}, and {name} is {field.spelled}",
            f"{noun} is {one_of(map(type_name, types))}" + ", never missing" * required,
            f"{name}: {type_name(types[0])}",
        )
    return field


def suggestion(field: Field) -> str:
    """The feature one would first try on a field."""
    by_type = {int: "Number", float: "Number", bool: "Number", str: "Hashed"}
    name = by_type.get(field.type, "Tokens" if field.type == list[str] else "Counts")
    if field.type is datetime:
        return f'Clock("{field.name}", ["hour", "weekday"])'
    return f'{name}("{field.name}")'
