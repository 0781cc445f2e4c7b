"""Dead letters: records that were turned away, as they came, with why and from where in headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from streams.cardnumbers import card_numbers
from streams.codec import Reject
from streams.slices import Headers, Record, Records, Slice

__all__ = ["DeadLetter", "dead_letters"]

_OURS = "thalweg."
_LARGEST = 1_040_000
"""Bytes of key, headers and value: Kafka's limit of 1,048,588 a record batch, less what we add."""
_DETAIL_CHARACTERS = 1_000  # a decoder's words may repeat the whole value


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record of a dead-letter topic, read.

    Attributes:
        reason: why it was turned away; one of `streams.codec.Reason`.
        detail: the same in words.
        topic: where it came from.
        partition: of that topic.
        offset: in that partition.
        cut: what was not kept whole, of "key", "headers" and "value": it was too large; or all of
            them, for a card number in it or secrets in its topic.
        headers: its own.
        raw: the letter itself; its key and value are those of the record.
    """

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    cut: tuple[str, ...]
    headers: Headers
    raw: Record

    @staticmethod
    def of(record: Record) -> DeadLetter:
        """Read a letter that `dead_letters` wrote."""
        told = {
            name.removeprefix(_OURS): (value or b"").decode()
            for name, value in record.headers
            if name.startswith(_OURS)
        }
        return DeadLetter(
            told["reason"],
            told["detail"],
            told["topic"],
            int(told["partition"]),
            int(told["offset"]),
            tuple(told.get("cut", "").split()),
            _own(record.headers),
            record,
        )


def dead_letters(records: Slice, rejects: Sequence[Reject], *, secret: bool = False) -> Records:
    """The rejected records as they came, with where from and why in their headers.

    A record may fill a batch to the brim, or have been compressed: what would not fit beside the
    headers is cut, and the header ``thalweg.cut`` says so. The whole is where it came from. All of
    it is cut where there is a card number in it, and where the topic holds secrets (`secret`).
    """
    withheld = _withheld(records, rejects) | secret
    keys: list[bytes | None] = []
    values: list[bytes | None] = []
    timestamps: list[int] = []
    headers: list[Headers] = []
    for reject, nothing in zip(rejects, withheld.tolist(), strict=True):
        place = reject.place
        own = _own(() if records.headers is None else records.headers[place])
        if nothing:
            key, own, value, cut = None, (), None, ["key", "headers", "value"]
        else:
            key, own, value, cut = _fitted(records.keys[place], own, records.values[place])
        ours = {
            "reason": reject.reason,
            "detail": reject.detail[:_DETAIL_CHARACTERS],
            "topic": records.topic,
            "partition": str(records.partition),
            "offset": str(records.offsets[place]),
            **({"cut": " ".join(cut)} if cut else {}),
        }
        keys.append(key)
        values.append(value)
        timestamps.append(int(records.timestamps[place]))
        headers.append([*own, *((f"{_OURS}{name}", text.encode()) for name, text in ours.items())])
    return Records(keys, values, timestamps, headers)


def _withheld(records: Slice, rejects: Sequence[Reject]) -> NDArray[np.bool_]:
    """The rejected records that have a card number in them, wherever it stands."""
    places = [reject.place for reject in rejects]
    found = np.array([reject.reason == "pan" for reject in rejects], np.bool_)
    for column in (records.keys, records.values):
        found |= card_numbers(ByteColumn.of([column[place] for place in places]))
    for n, place in enumerate(places):
        headers = () if records.headers is None else records.headers[place]
        found[n] |= card_numbers(ByteColumn.of([value for _, value in headers])).any()
    return found


def _own(headers: Headers) -> Headers:
    """The headers but those of a letter, which a record has that was one before."""
    return [pair for pair in headers if not pair[0].startswith(_OURS)]


def _fitted(
    key: bytes | None, headers: Headers, value: bytes | None
) -> tuple[bytes | None, Headers, bytes | None, list[str]]:
    """Key, headers and value with what is too large cut from them, and the names of what was."""
    cut = []
    room = _LARGEST
    if key is not None and len(key) > room // 2:
        key = key[: room // 2]
        cut.append("key")
    room -= len(key or b"")
    size = sum(len(name.encode()) + len(text or b"") for name, text in headers)
    if size > room // 2:
        headers, size = (), 0
        cut.append("headers")
    room -= size
    if value is not None and len(value) > room:
        value = value[:room]
        cut.append("value")
    return key, headers, value, cut
