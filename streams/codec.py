"""Bytes to typed events and predictions to bytes; what does not decode is turned away here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from models.protocol import Target
from models.bytecolumn import ByteColumn
from streams.slices import Headers, Slice

__all__ = ["Decoded", "Decoder", "Prediction", "Reason", "Reject", "encode"]

Reason: TypeAlias = Literal[
    "null-value", "too-large", "malformed", "schema", "label", "time", "number"
]
"""Why a record went to the dead-letter topic."""

S = TypeVar("S", bound=msgspec.Struct)

_KEY_BYTES = 65_536
"""A prediction repeats the key as text, in which JSON may need six bytes for one of the key's."""


class Prediction(msgspec.Struct, frozen=True, gc=False):
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


@dataclass(frozen=True, slots=True)
class Reject:
    """A record turned away: its place in the slice, why, and the decoder's own words."""

    place: int
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded(Generic[S]):
    """The events of a slice, and what it held besides.

    Attributes:
        events: the records that decode, in log order.
        places: for each event its place in the slice.
        rejects: the others, in log order.
    """

    events: list[S]
    places: Sequence[int]
    rejects: list[Reject]

    def column(self, field: str) -> list[Any]:
        """What every event holds in a field."""
        return list(map(attrgetter(field), self.events))

    def without(self, bad: Mapping[int, tuple[Reason, str]]) -> Decoded[S]:
        """The same with some events turned away, by their number among the events."""
        if not bad:
            return self
        turned = [Reject(self.places[n], *bad[n]) for n in bad]
        good = [n for n in range(len(self.events)) if n not in bad]
        return Decoded(
            [self.events[n] for n in good],
            [self.places[n] for n in good],
            sorted(self.rejects + turned, key=lambda reject: reject.place),
        )


class Decoder(Generic[S]):
    """Decodes slices of JSON records against one schema.

    Args:
        schema: of the events.
        max_bytes: most that a record may have: key, headers and value.
    """

    def __init__(self, schema: type[S], max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._one = msgspec.json.Decoder(schema)

    def decode(self, records: Slice) -> Decoded[S]:
        """Decode a whole slice in one call, or record by record where something in it is bad."""
        events = None if self._has_large(records) else self._decode_lines(records.values)
        if events is None:
            return self._decode_each(records)
        return Decoded(events, range(len(events)), [])

    def _has_large(self, records: Slice) -> bool:
        """Whether a record may be too large: the longest key, headers and value together are."""
        key = ByteColumn.of(records.keys).longest
        value = ByteColumn.of(records.values).longest
        headers = max(map(_size, records.headers), default=0) if records.headers else 0
        return key > _KEY_BYTES or key + headers + value > self._max_bytes

    def _decode_lines(self, values: Sequence[bytes | None]) -> list[S] | None:
        """All values at once; None unless every line is exactly one good value."""
        joined = ByteColumn.of(values).joined()
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
            events = self._one.decode_lines(joined)
        except _MALFORMED:
            return None
        if len(events) != len(values):
            return None
        return events

    def _decode_each(self, records: Slice) -> Decoded[S]:
        events: list[S] = []
        places: list[int] = []
        rejects: list[Reject] = []
        for place, (key, value) in enumerate(zip(records.keys, records.values, strict=True)):
            headers = records.headers[place] if records.headers else ()
            outcome = self._decode_one(key, headers, value)
            if isinstance(outcome, tuple):
                rejects.append(Reject(place, *outcome))
            else:
                events.append(outcome)
                places.append(place)
        return Decoded(events, places, rejects)

    def _decode_one(
        self, key: bytes | None, headers: Headers, value: bytes | None
    ) -> S | tuple[Reason, str]:
        if value is None:
            return "null-value", "the record has no value (a tombstone)"
        if len(key or b"") > _KEY_BYTES:
            return "too-large", f"a key of {len(key or b''):,} bytes, the limit is {_KEY_BYTES:,}"
        size = len(key or b"") + _size(headers) + len(value)
        if size > self._max_bytes:
            return "too-large", f"{size:,} bytes, the limit is {self._max_bytes:,}"
        try:
            event = self._one.decode(value)
        except msgspec.ValidationError as error:
            return "schema", str(error)
        except _MALFORMED as error:
            return "malformed", str(error)
        return event


_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _size(headers: Headers) -> int:
    return sum(len(name.encode()) + len(value or b"") for name, value in headers)


def encode(predictions: Sequence[Prediction]) -> ByteColumn:
    """Each prediction as a line of JSON, encoded in one call."""
    # JSON escapes line breaks, so each one ends a prediction.
    return ByteColumn.lines(_encoder.encode_lines(predictions), len(predictions))


_encoder = msgspec.json.Encoder()
