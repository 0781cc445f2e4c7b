"""Bytes to typed events and predictions to bytes; what does not decode is turned away here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from models.bytecolumn import ByteColumn
from models.column import Column, Columns, chosen
from streams.errors import UNREADABLE
from streams.shapes import members_of, shape_of
from streams.slices import Headers, Slice
from streams.typed import Scanned, column_of

__all__ = ["Decoded", "Decoder", "Reason", "Reject"]

Reason: TypeAlias = Literal[
    "null-value", "too-large", "malformed", "schema", "label", "time", "number", "pan"
]
"""Why a record went to the dead-letter topic."""

_NOTHING: Mapping[str, Callable[[Column], Column]] = MappingProxyType({})

_KEY_BYTES = 65_536
"""A prediction repeats the key as text, in which JSON may need six bytes for one of the key's."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A record turned away: its place in the slice, why, and the decoder's own words."""

    place: int
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """The events of a slice as columns, and what it held besides.

    Attributes:
        columns: what every event holds, by field; see `streams.typed.column_of`.
        places: for each event its place in the slice.
        rejects: the other records, in log order.
        one_by_one: how many records left the compiled path.
    """

    columns: Columns
    places: Sequence[int]
    rejects: list[Reject]
    one_by_one: int

    def __len__(self) -> int:
        return len(self.places)

    def column(self, field: str) -> Column:
        """What every event holds in a field."""
        return self.columns[field]

    def without(self, bad: Mapping[int, tuple[Reason, str]]) -> Decoded:
        """The same with some events turned away, by their number among the events."""
        if not bad:
            return self
        turned = [Reject(self.places[n], *bad[n]) for n in bad]
        good = [n for n in range(len(self)) if n not in bad]
        return Decoded(
            {field: chosen(column, good) for field, column in self.columns.items()},
            [self.places[n] for n in good],
            sorted(self.rejects + turned, key=lambda reject: reject.place),
            self.one_by_one,
        )


class Decoder:
    """Decodes slices of JSON records against one schema.

    A compiled pass reads what is surely good; msgspec decodes, or refuses, whatever is left.

    Args:
        schema: of the events.
        max_bytes: most that a record may have: key, headers and value.
        hidden: what makes other columns of some, by field.
    """

    def __init__(
        self,
        schema: type[msgspec.Struct],
        max_bytes: int,
        hidden: Mapping[str, Callable[[Column], Column]] = _NOTHING,
    ) -> None:
        self._max_bytes = max_bytes
        self._hidden = hidden
        self._one = msgspec.json.Decoder(schema)
        self._members = members_of(schema)
        self._shape = shape_of(schema, self._members)

    def decode(self, records: Slice) -> Decoded:
        """Decode a whole slice."""
        decoded = self._read(records)
        if not self._hidden:
            return decoded
        found = {name: hide(decoded.columns[name]) for name, hide in self._hidden.items()}
        return replace(decoded, columns={**decoded.columns, **found})

    def _read(self, records: Slice) -> Decoded:
        values = self._without_large(records)
        if self._shape is None:
            events, places, rejects = self._decode(records, values, range(len(values)))
            columns = {
                member.name: column_of(member.kind, list(map(attrgetter(member.name), events)))
                for member in self._members
            }
            return Decoded(columns, places, rejects, len(values))
        scanned = Scanned(values, self._members, self._shape)
        odd = scanned.irregular.nonzero()[0].tolist()
        if not odd:
            return Decoded(scanned.columns(), range(len(values)), [], 0)
        events, places, rejects = self._decode(records, values.take(odd), odd)
        columns = scanned.columns(places, events, [reject.place for reject in rejects])
        turned = {reject.place for reject in rejects}
        good = [n for n in range(len(values)) if n not in turned] if turned else range(len(values))
        return Decoded(columns, good, rejects, len(odd))

    def _without_large(self, records: Slice) -> ByteColumn:
        """The values, None for those of records that are too large."""
        keys, values = ByteColumn.of(records.keys), ByteColumn.of(records.values)
        headers = max(map(_size, records.headers), default=0) if records.headers else 0
        if (
            keys.longest <= _KEY_BYTES
            and keys.longest + headers + values.longest <= self._max_bytes
        ):
            return values
        sizes = np.maximum(keys.lengths, 0) + values.lengths
        if records.headers:
            sizes += np.fromiter(map(_size, records.headers), np.int64, len(values))
        large = (sizes > self._max_bytes) | (keys.lengths > _KEY_BYTES)
        return ByteColumn(values.data, values.starts, np.where(large, -1, values.lengths))

    def _decode(
        self, records: Slice, values: ByteColumn, places: Sequence[int]
    ) -> tuple[list[Any], Sequence[int], list[Reject]]:
        """What msgspec makes of the records at these places: events, their places, the rejects."""
        events = self._decode_lines(values)
        if events is not None:
            return events, places, []
        events, good, rejects = [], [], []
        for place in places:
            headers = records.headers[place] if records.headers else ()
            outcome = self._decode_one(records.keys[place], headers, records.values[place])
            if isinstance(outcome, tuple):
                rejects.append(Reject(place, *outcome))
            else:
                events.append(outcome)
                good.append(place)
        return events, good, rejects

    def _decode_lines(self, values: ByteColumn) -> list[Any] | None:
        """All values at once; None unless every line is exactly one good value."""
        joined = values.joined()
        if joined is None:
            return None
        # A value of two objects beside an empty one, or an object torn over two records, would
        # decode under the wrong offsets. Where every line break stands between "}" and "{" it is
        # at top level (JSON has no raw line break inside a string), so each record holds one
        # object or more.
        seams = len(values) - 1
        if joined.count(b"\n") != seams or joined.count(b"}\n{") != seams:
            return None
        try:
            events: list[Any] = self._one.decode_lines(joined)
        except UNREADABLE:
            return None
        return events if len(events) == len(values) else None

    def _decode_one(
        self, key: bytes | None, headers: Headers, value: bytes | None
    ) -> msgspec.Struct | tuple[Reason, str]:
        if value is None:
            return "null-value", "the record has no value (a tombstone)"
        if len(key or b"") > _KEY_BYTES:
            return "too-large", f"a key of {len(key or b''):,} bytes, the limit is {_KEY_BYTES:,}"
        size = len(key or b"") + _size(headers) + len(value)
        if size > self._max_bytes:
            return "too-large", f"{size:,} bytes, the limit is {self._max_bytes:,}"
        try:
            event: msgspec.Struct = self._one.decode(value)
        except msgspec.ValidationError as error:
            return "schema", _QUOTED.sub(r"\1\2", str(error))
        except UNREADABLE as error:
            return "malformed", str(error)
        return event


_QUOTED = re.compile(
    r"^(Invalid enum value|Object contains unknown field) .*?( - at `[^`]*`)?$", re.S
)
"""Where msgspec repeats what stands in the record, which may be anybody's name."""


def _size(headers: Headers) -> int:
    return sum(len(name.encode()) + len(value or b"") for name, value in headers)
