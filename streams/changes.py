"""What differs between two declarations of a pipeline, and whether what was learned outlives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["Change", "changes"]

_DECIDING = frozenset({"decide", "rules", "explore", "reasons", "max_event_bytes", "pan_free"})
"""What decides about scores and records, and leaves no trace in the state."""

_ABSENT = "–"

Path: TypeAlias = tuple[str, ...]


class Change(NamedTuple):
    """One thing that is declared otherwise.

    Attributes:
        where: in the declaration, from the outside in, with dots between.
        old: what it was, as JSON.
        new: what it is.
        keeps: whether a state made under the old one is what the new one would start from.
    """

    where: str
    old: str
    new: str
    keeps: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.old} → {self.new}"


def changes(described: Mapping[str, Any], pipeline: Pipeline) -> list[Change]:
    """What `pipeline` declares otherwise than the one that was `described`.

    A decision can change, and so can a field of the events that nothing reads. Whatever else there
    is has shaped the state.
    """
    apart = (pipeline.events.id, pipeline.events.time, pipeline.label_field, pipeline.propensity)
    read = {*pipeline.fields, *apart}
    return [
        Change(".".join(path), _shown(old), _shown(new), _keeps(path, read))
        for path, old, new in _different(described, pipeline.described, ())
    ]


def _keeps(path: Path, read: set[str | None]) -> bool:
    what, *inside = path
    return what in _DECIDING or (what == "schema" and bool(inside) and inside[0] not in read)


def _different(old: Any, new: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    """Where they differ, and what is there."""
    match old, new:
        case dict(), dict():
            for name in old | new:
                yield from _different(old.get(name, _ABSENT), new.get(name, _ABSENT), (*path, name))
        case list(), list() if len(old) == len(new) and path[0] != "schema":
            for number, (was, now) in enumerate(zip(old, new, strict=True)):
                yield from _different(was, now, (*path, str(number)))
        case _ if old != new or type(old) is not type(new):
            yield path, old, new


def _shown(value: Any) -> str:
    return _ABSENT if value == _ABSENT else msgspec.json.encode(value).decode()
