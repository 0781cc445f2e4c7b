"""Bytes to typed events and predictions to bytes; what does not decode is turned away here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeAlias, TypeVar

import msgspec

from models.protocol import Target
from streams.slices import Records, Slice

__all__ = ["Decoded", "Decoder", "Prediction", "Reason", "Reject", "dead_letters", "encode"]

Reason: TypeAlias = Literal[
    "null-value", "too-large", "malformed", "schema", "label", "time", "number"
]
"""Why a record went to the dead-letter topic."""

S = TypeVar("S", bound=msgspec.Struct)


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
    """Decodes slices of JSON records against one schema."""

    def __init__(self, schema: type[S], max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._one = msgspec.json.Decoder(schema)

    def decode(self, records: Slice) -> Decoded[S]:
        """Decode a whole slice in one call, or record by record where something in it is bad."""
        events = self._decode_lines(records.values)
        if events is None:
            return self._decode_each(records.values)
        return Decoded(events, range(len(events)), [])

    def _decode_lines(self, values: Sequence[bytes | None]) -> list[S] | None:
        """All values at once; None unless every line is exactly one good value."""
        try:
            joined = b"\n".join(values)  # type: ignore[arg-type]  # a tombstone: TypeError below
        except TypeError:
            return None
        # A value of two objects beside an empty one, or an object torn over two records, would
        # decode under the wrong offsets. Where every line break stands between "}" and "{" it is
        # at top level (JSON has no raw line break inside a string), so each record holds one
        # object or more.
        seams = len(values) - 1
        if joined.count(b"\n") != seams or joined.count(b"}\n{") != seams:
            return None
        if len(joined) > self._max_bytes and max(map(len, values), default=0) > self._max_bytes:  # type: ignore[arg-type]  # no None came this far
            return None
        try:
            events = self._one.decode_lines(joined)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if len(events) != len(values):
            return None
        return events

    def _decode_each(self, values: Sequence[bytes | None]) -> Decoded[S]:
        events: list[S] = []
        places: list[int] = []
        rejects: list[Reject] = []
        for place, value in enumerate(values):
            outcome = self._decode_one(value)
            if isinstance(outcome, tuple):
                rejects.append(Reject(place, *outcome))
            else:
                events.append(outcome)
                places.append(place)
        return Decoded(events, places, rejects)

    def _decode_one(self, value: bytes | None) -> S | tuple[Reason, str]:
        if value is None:
            return "null-value", "the record has no value (a tombstone)"
        if len(value) > self._max_bytes:
            return "too-large", f"{len(value)} bytes, the limit is {self._max_bytes}"
        try:
            event = self._one.decode(value)
        except msgspec.ValidationError as error:
            return "schema", str(error)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return "malformed", str(error)
        return event


def encode(predictions: Sequence[Prediction]) -> list[bytes | None]:
    """Each prediction as a line of JSON, encoded in one call."""
    # JSON escapes line breaks, so the only ones are the separators; the last is followed by b"".
    lines: list[bytes | None] = list(_encoder.encode_lines(predictions).split(b"\n"))
    lines.pop()
    return lines


_encoder = msgspec.json.Encoder()


def dead_letters(records: Slice, rejects: Sequence[Reject]) -> Records:
    """The rejected records as they came, with where from and why in their headers."""
    letters = Records([], [], [], [])
    for reject in rejects:
        place = reject.place
        letters.keys.append(records.keys[place])
        letters.values.append(records.values[place])
        letters.timestamps.append(records.timestamps[place])
        own = () if records.headers is None else records.headers[place]
        origin = {
            "thalweg.reason": reject.reason,
            "thalweg.detail": reject.detail,
            "thalweg.topic": records.topic,
            "thalweg.partition": str(records.partition),
            "thalweg.offset": str(records.offsets[place]),
        }
        assert letters.headers is not None
        letters.headers.append([*own, *((name, text.encode()) for name, text in origin.items())])
    return letters
