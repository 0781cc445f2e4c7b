"""What is answered for each event, as lines of JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.column import Column, listed
from models.protocol import Target
from models.textcolumn import TextColumn
from streams.eventtimes import EventTimes
from streams.jsontext import booleans, instants, quoted, spelled, woven
from streams.reasons import Reason

__all__ = ["Coded", "Notes", "Prediction", "lines"]

_NOTHING: Mapping[str, ByteColumn] = MappingProxyType({})

_FEW = 40
"""Up to so many, msgspec has written their structs before the passes have begun."""


class Prediction(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One line of the predictions topic.

    Attributes:
        id: the event's id; None when the pipeline declares none.
        key: the event's key, as text; it is the Kafka key as well.
        score: probability, value or anomaly score; None while the model has no answer.
        decision: by the pipeline's rule, or else the model's own answer.
        model: the pipeline's name and fingerprint.
        learned: how many labels this partition had learned when it scored the event.
        at: event time.
        partition: of the events topic.
        offset: of the event in that partition.
        reasons: what added most to the score of an event that was decided upon, where the pipeline
            asks for it; written before `partition`.
        decided_by: "score", "budget" (it is spent), "earlier alert", "exploration", or the name of
            the rule that decided; None: nothing was decided. This and what follows is there only
            where the pipeline declares what it tells of.
        threshold: of the alert budget, for this event; None: none would have done, or any.
        threshold_version: how often it was learned anew.
        rules: the names of the rules that fired.
        shadow_rules: of those in shadow.
        propensity: with which probability it was decided so.
    """

    id: str | None
    key: str | None
    score: float | None
    decision: Target | None
    model: str
    learned: int
    at: datetime
    partition: int
    offset: int
    decided_by: str | UnsetType | None = UNSET
    threshold: float | UnsetType | None = UNSET
    threshold_version: int | UnsetType = UNSET
    rules: list[str] | UnsetType = UNSET
    shadow_rules: list[str] | UnsetType = UNSET
    propensity: float | UnsetType = UNSET
    reasons: tuple[Reason, ...] = ()


class Coded(NamedTuple):
    """A column of few different values: these, and which of them each is, int64[n]."""

    values: Sequence[Any]
    codes: NDArray[np.int64]


Notes: TypeAlias = Mapping[str, Coded | NDArray[Any]]
"""Columns of what predictions say besides, in the order of their fields: float64, int64, or few."""


def lines(
    ids: TextColumn | None,
    keys: ByteColumn,
    score: NDArray[np.float64],
    decision: Column,
    model: str,
    learned: NDArray[np.int64],
    at: EventTimes,
    partition: int,
    offsets: NDArray[np.int64],
    notes: Notes | None = None,
    extra: Mapping[str, ByteColumn] = _NOTHING,
) -> ByteColumn:
    """A column of predictions, each as msgspec would encode the `Prediction`, byte for byte.

    Args:
        ids: n; None where the pipeline declares none.
        keys: n; bytes that are no UTF-8 become replacement characters.
        score: float64[n], NaN where there is no answer.
        decision: n.
        model: of all of them.
        learned: int64[n].
        at: n.
        partition: of all of them.
        offsets: int64[n].
        notes: what they say besides.
        extra: further fields by name, n JSON values each, to stand behind `at`.
    """
    if len(offsets) <= _FEW and not extra:
        times = at.given or listed(at.micros.view("datetime64[us]"))
        structs = map(
            _noting(notes or {}),
            repeat(None) if ids is None else ids.tolist(),
            keys.texts(),
            score.tolist(),
            listed(decision),
            repeat(model),
            learned.tolist(),
            times,
            repeat(partition),
            offsets.tolist(),
            *map(_values, (notes or {}).values()),
        )
        return spelled(list(structs))
    columns = {
        b'"key":': quoted(_utf8(keys)),
        b'"score":': spelled(score.tolist()),
        b'"decision":': _decisions(decision),
        b'"model":%b,"learned":' % msgspec.json.encode(model): TextColumn.of_integers(learned).utf8,
        b'"at":': instants(at.micros) if at.given is None else spelled(at.given),
        **{b'"%b":' % name.encode(): values for name, values in extra.items()},
        b'"partition":%d,"offset":' % partition: TextColumn.of_integers(offsets).utf8,
    }
    for name, note in (notes or {}).items():
        columns[b'"%b":' % name.encode()] = _spelled(note)
    if ids is not None:
        columns = {b'"id":': quoted(ids.utf8), **columns}
    opening = b"{" if ids is not None else b'{"id":null,'
    first, *others = columns
    pieces = [opening + first, *(b"," + name for name in others), b"}"]
    return woven(pieces, columns.values())


def _utf8(keys: ByteColumn) -> ByteColumn:
    if keys.is_ascii:
        return keys
    return TextColumn.of(keys.texts()).utf8


def _noting(notes: Notes) -> Callable[..., Prediction]:
    """`Prediction`, with the values of these notes behind its fields."""
    if not notes:
        return Prediction
    names = tuple(notes)

    def make(*given: Any) -> Prediction:
        fields, own = given[: -len(names)], given[-len(names) :]
        return Prediction(*fields, **dict(zip(names, own, strict=True)))

    return make


def _values(note: Coded | NDArray[Any]) -> list[Any]:
    if isinstance(note, Coded):
        return [note.values[code] for code in note.codes.tolist()]
    return listed(note)


def _spelled(note: Coded | NDArray[Any]) -> ByteColumn:
    if isinstance(note, Coded):
        return spelled(note.values).take(note.codes)
    if note.dtype.kind == "i":
        return TextColumn.of_integers(note).utf8
    return spelled(note.tolist())


def _decisions(column: Column) -> ByteColumn:
    if isinstance(column, TextColumn):
        return quoted(column.utf8)
    if isinstance(column, np.ndarray) and column.dtype == np.bool_:
        return booleans(column)
    return spelled(listed(column))
