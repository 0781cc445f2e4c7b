"""What a feature is, and how one that cannot work says so."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import fields as settings_of
from datetime import datetime
from difflib import get_close_matches
from typing import Any, ClassVar, TypeAlias

from models.column import Columns
from models.memory import Memory
from models.teaching import Teaching

__all__ = ["Feature", "FeatureError", "FieldFeature", "FieldType", "call", "nearest"]

FieldType: TypeAlias = Any
"""The type of a field where it is not missing: a class, ``list[str]`` or ``dict[str, float]``."""

_INSTEAD: Mapping[FieldType, str] = {
    str: "Hashed({!r}), or Text({!r}) for its words",
    int: "Number({!r}), or Hashed({!r}) if it is an id",
    float: "Number({!r})",
    bool: "Hashed({!r})",
    datetime: 'Clock({!r}, ["hour", "weekday"])',
    list[str]: "Tokens({!r})",
    dict[str, float]: "Counts({!r})",
}


class FeatureError(Teaching, ValueError):
    """A feature that cannot work."""


@dataclass(frozen=True)
class Feature(ABC):
    """What every feature is: a frozen declaration.

    Attributes:
        name: in explanations and for River models; no two features of a pipeline share one.
        reads: the types its fields may have.
        needs: the same in words.
        timed: whether it reads when an event happened, `models.column.EVENT_TIME`.
    """

    name: str = field(default="", kw_only=True)

    reads: ClassVar[tuple[FieldType, ...]]
    needs: ClassVar[str]
    timed: ClassVar[bool] = False

    @property
    @abstractmethod
    def fields(self) -> tuple[str, ...]:
        """The event's fields it reads."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns, in the order of a row; the elements of a bag are all of one."""
        return (self.name,)

    @property
    def slots(self) -> str:
        """How many entries of a row it takes, for people: ``"1"``, ``"≤ 64"``."""
        return "1"

    @abstractmethod
    def read(self, columns: Columns, memory: Memory | None, /) -> dict[str, list[Any]]:
        """Its values in each of n events, by name; `models.named.Values` says in what form.

        Args:
            columns: at least the fields it reads, each with n values.
            memory: of the events before; brought up to date.
        """

    def enter(self, memory: Memory) -> None:  # noqa: B027  # most features need nothing
        """Have a memory keep what it needs to know of the events before."""

    def describe(self) -> Mapping[str, Any]:
        """Its kind and every setting, in a stable order: for the pipeline's fingerprint."""
        settings = {setting.name: getattr(self, setting.name) for setting in settings_of(self)}
        return {"feature": type(self).__name__, **settings}

    def check(self, types: Mapping[str, FieldType]) -> None:
        """See that an event has the fields it reads, and in a type it can read.

        Raises:
            FeatureError: something is wrong; the text says what to write instead.
        """
        kind, given = type(self).__name__, self.written()
        for name in self.fields:
            if name not in types:
                near = nearest(name, types)
                raise FeatureError(
                    f"{given}: the event has no field {name!r}",
                    f"its fields are {', '.join(types)}",
                    self.written([near if other == name else other for other in self.fields]),
                )
            if types[name] not in self.reads:
                instead = _INSTEAD.get(types[name], f"a field for {kind} of a type it reads")
                raise FeatureError(
                    f"{given}, and {name} is a {_spelled(types[name])}",
                    self.needs,
                    instead.format(name, name),
                )

    def written(self, fields: Sequence[str] = (), **settings: Any) -> str:
        """The declaration as one writes it, with other fields or settings."""
        return call(self, fields or self.fields, **settings)

    def _call_it(self, default: str) -> None:
        """Take the default name where the user gave none."""
        if any(mark in self.name for mark in ".="):
            plain = self.name.replace(".", "-").replace("=", "-")
            raise FeatureError(
                self.written(name=self.name),
                "'.' and '=' join a name to a part or an element: at.hour, tags=red",
                self.written(name=plain),
            )
        if not self.name:
            object.__setattr__(self, "name", default)


@dataclass(frozen=True)
class FieldFeature(Feature):
    """A feature of one field, and named like it."""

    field: str

    def __post_init__(self) -> None:
        self._call_it(self.field)

    @property
    def fields(self) -> tuple[str, ...]:
        """Its field."""
        return (self.field,)


def call(feature: Feature, fields: Iterable[str], **settings: object) -> str:
    """A declaration as one writes it: ``Number('amount', scale='log')``."""
    given = [*map(repr, fields), *(f"{name}={value!r}" for name, value in settings.items())]
    return f"{type(feature).__name__}({', '.join(given)})"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name most like `name`, even where none is like it."""
    return get_close_matches(str(name), list(known), n=1, cutoff=0.0)[0]


def _spelled(kind: FieldType) -> str:
    return kind.__name__ if type(kind) is type else str(kind)
