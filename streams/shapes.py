"""Schemas as the scanner takes them: arrays of names, kinds, bounds and choices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any

import msgspec
import numpy as np
from msgspec import inspect

from streams.scanning import BOOL, CHOICE, FIELD, FLOAT, INT, TEXT, TIME, Shape

__all__ = ["OTHER", "Member", "members_of", "shape_of"]

OTHER = 0
"""What a field holds that no array does: a list, a dict."""

_LEAST, _MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a schema.

    Attributes:
        name: as an attribute of the struct.
        wire: as a key of the record.
        kind: `TEXT`, `TIME`, `FLOAT`, `INT`, `BOOL`, several of these three, or `OTHER`.
        nullable: whether it may be null.
        required: whether a record must have it.
        default: what a record that has it not holds.
        least: bound of a number.
        most: likewise.
        choices: of a `Literal`.
        fits: whether that is all there is to it.
    """

    name: str
    wire: str
    kind: int = OTHER
    nullable: bool = False
    required: bool = True
    default: Any = None
    least: float = -math.inf
    most: float = math.inf
    choices: tuple[Any, ...] = ()
    fits: bool = True


def members_of(schema: type[msgspec.Struct]) -> tuple[Member, ...]:
    """The fields of a schema, in order."""
    info = inspect.type_info(schema)
    assert isinstance(info, inspect.StructType)
    return tuple(map(_member, info.fields))


def shape_of(schema: type[msgspec.Struct], members: Sequence[Member]) -> Shape | None:
    """A schema for the scanner; None where msgspec checks more than the scanner can."""
    info = inspect.type_info(schema)
    assert isinstance(info, inspect.StructType)
    odd = info.tag is not None or info.array_like or info.forbid_unknown_fields
    if odd or hasattr(schema, "__post_init__") or not all(member.fits for member in members):
        return None
    text = b""
    fields = np.zeros(len(members) + 1, FIELD)
    choices = np.zeros(sum(len(member.choices) for member in members), CHOICE)
    chosen = 0
    for number, member in enumerate(members):
        key = f'"{member.wire}"'.encode()
        fields[number] = (
            member.kind, len(text), len(text) + len(key), member.required, member.nullable,
            *(map(_within, (member.least, member.most)) if member.kind & INT else (0, 0)),
            chosen, chosen + len(member.choices), -1, (number + 1) % len(members), 0,
        )  # fmt: skip
        text += key
        for value in member.choices:
            spelled = value.encode() if isinstance(value, str) else b""
            whole = value if isinstance(value, int) else 0
            choices[chosen] = whole, len(text), len(text) + len(spelled)
            text += spelled
            chosen += 1
    texts = np.array([n for n, member in enumerate(members) if member.kind == TEXT], np.int64)
    return Shape(fields, choices, np.frombuffer(text, np.uint8), texts)


def _within(bound: float) -> float:
    """A bound as an int64."""
    return min(max(bound, _LEAST), _MOST)


def _member(field: inspect.Field) -> Member:
    member = _typed(Member(field.name, field.encode_name), field.type)
    if field.required:
        return member
    filled = replace(member, required=False, default=field.default)
    return replace(filled, fits=member.fits and _holds(filled, field.default))


def _typed(member: Member, kind: inspect.Type) -> Member:
    """A member with what its type says."""
    match kind:
        case inspect.Metadata():
            return _typed(member, kind.type)
        case inspect.UnionType():
            rest = [part for part in kind.types if not isinstance(part, inspect.NoneType)]
            nullable = len(rest) < len(kind.types)
            if len(rest) == 1:
                return replace(_typed(member, rest[0]), nullable=nullable)
            parts = [_typed(Member("", ""), part) for part in rest]
            if all(part in _FREE for part in parts):
                kinds = reduce(or_, (part.kind for part in parts))
                return replace(member, kind=kinds, nullable=nullable)
        case inspect.LiteralType():
            choices = tuple(value for value in kind.values if value is not None)
            found = replace(member, choices=choices, nullable=len(choices) < len(kind.values))
            types = set(map(type, choices))
            if types == {str}:
                return replace(found, kind=TEXT)
            if types == {int}:
                fits = all(_LEAST <= int(choice) <= _MOST for choice in choices)
                return replace(found, kind=INT, least=_LEAST, most=_MOST, fits=fits)
        case inspect.StrType():
            free = (kind.min_length, kind.max_length, kind.pattern) == (None, None, None)
            return replace(member, kind=TEXT, fits=free)
        case inspect.IntType():
            least, most = _limits(kind)
            least, most = max(least, _LEAST), min(most, _MOST)
            fits = kind.multiple_of is None and least <= _MOST and most >= _LEAST
            return replace(member, kind=INT, least=least, most=most, fits=fits)
        case inspect.FloatType():
            least, most = _limits(kind)
            fits = kind.multiple_of is None
            return replace(member, kind=FLOAT, least=least, most=most, fits=fits)
        case inspect.BoolType():
            return replace(member, kind=BOOL)
        case inspect.DateTimeType():
            return replace(member, kind=TIME, fits=kind.tz is None)
    return replace(member, fits=False)


_FREE = (Member("", "", BOOL), Member("", "", INT, least=_LEAST, most=_MOST), Member("", "", FLOAT))
"""What a field may hold one or another of."""


def _limits(kind: inspect.IntType | inspect.FloatType) -> tuple[float, float]:
    """The least and the most that a number may be."""

    def beyond(bound: float, way: int) -> float:
        whole = isinstance(kind, inspect.IntType)
        return bound + way if whole else math.nextafter(bound, way * math.inf)

    least, most = kind.ge, kind.le
    if kind.gt is not None:
        least = beyond(kind.gt, 1)
    if kind.lt is not None:
        most = beyond(kind.lt, -1)
    return -math.inf if least is None else least, math.inf if most is None else most


def _holds(member: Member, default: object) -> bool:
    """Whether the scanner can fill in a default."""
    if default is None:
        return True
    if type(default) is int:
        return member.kind == FLOAT or bool(member.kind & INT and _LEAST <= default <= _MOST)
    types = {str: TEXT, float: FLOAT, bool: BOOL}
    return bool(member.kind & types.get(type(default), OTHER))
