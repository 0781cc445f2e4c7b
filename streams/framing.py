"""Columns of records as Kafka record batches (message format v2), framed in one compiled pass.

`framed` gives batches that aiokafka's producer takes in place of the ones it would build a record
at a time; byte for byte they are the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

import google_crc32c as crc32c
import numpy as np
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.column import whole_numbers
from models.compiled import compiled
from models.intrinsics import copy
from streams.slices import Compression, Records

__all__ = ["RecordBatch", "framed"]

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

_HEAD: Final = struct.Struct(">qiibI")
_CHECKED: Final = struct.Struct(">hiqqqhii")
_LENGTH_FROM: Final = 12
_TRANSACTIONAL: Final = 0x10
_MAGIC: Final = 2
_FRAME_BYTES: Final = 34
"""Most that frames one record: six varints and two bytes."""

_CODECS: Mapping[Compression, tuple[int, Any]] = {
    "none": (0, None),
    "gzip": (1, gzip_encode),
    "snappy": (2, snappy_encode),
    "lz4": (3, lz4_encode),
    "zstd": (4, zstd_encode),
}


class RecordBatch:
    """A finished batch, as aiokafka's accumulator and sender handle a `BatchBuilder`.

    Only the producer's id, epoch and sequence are still open; they are told when it is sent.
    """

    def __init__(
        self,
        count: int,
        first: int,
        latest: int,
        records: bytes,
        compression: Compression,
        transactional: bool,
    ) -> None:
        codec, compress = _CODECS[compression]
        if compress is not None:
            smaller = compress(records)
            codec, records = (codec, smaller) if len(smaller) < len(records) else (0, records)
        self._count = count
        self._times = (first, latest)
        self._attributes = codec | (_TRANSACTIONAL if transactional else 0)
        self._records = records
        self._whole: bytes | None = None
        self._producer = (-1, -1, -1)

    def _set_producer_state(self, producer_id: int, epoch: int, sequence: int) -> None:
        self._producer = (producer_id, epoch, sequence)

    def _build(self) -> bytes:
        if self._whole is None:
            checked = _CHECKED.pack(
                self._attributes, self._count - 1, *self._times, *self._producer, self._count
            )
            crc = crc32c.extend(crc32c.value(checked), self._records)
            size = _HEAD.size - _LENGTH_FROM + len(checked) + len(self._records)
            self._whole = b"".join((_HEAD.pack(0, size, -1, _MAGIC, crc), checked, self._records))
        return self._whole

    def close(self) -> None:
        """Do nothing: it is closed from the start."""

    def closed(self) -> bool:
        """Whether no record can be added."""
        return True

    def size(self) -> int:
        """Bytes on the wire."""
        return _HEAD.size + _CHECKED.size + len(self._records)

    def record_count(self) -> int:
        """How many records it holds."""
        return self._count


def framed(
    records: Records, most: int, compression: Compression, *, transactional: bool
) -> Iterator[RecordBatch]:
    """Records without headers as batches of at most `most` bytes, or of one record.

    Args:
        records: `headers` is None.
        most: bytes before compression; about, and never much more.
        compression: of the batches.
        transactional: whether they are to be sent in a transaction.
    """
    keys, values = ByteColumn.of(records.keys), ByteColumn.of(records.values)
    times = whole_numbers(records.timestamps)
    key_data, value_data = np.frombuffer(keys.data, np.uint8), np.frombuffer(values.data, np.uint8)
    start = 0
    while start < len(times):
        stop, room = _share(keys.lengths, values.lengths, start, most)
        out = np.empty(room, np.uint8)
        written, latest = _frame(
            key_data,
            keys.starts,
            keys.lengths,
            value_data,
            values.starts,
            values.lengths,
            times,
            start,
            stop,
            out,
        )
        yield RecordBatch(
            stop - start,
            int(times[start]),
            latest,
            out[:written].tobytes(),
            compression,
            transactional,
        )
        start = stop


@compiled
def _share(key_lengths: Longs, value_lengths: Longs, start: int, most: int) -> tuple[int, int]:
    """Where the records end that are one batch from `start` on, and the most bytes they take."""
    room, stop = 0, start
    while stop < len(key_lengths):
        size = max(key_lengths[stop], 0) + max(value_lengths[stop], 0) + _FRAME_BYTES
        if stop > start and room + size > most:
            break
        room += size
        stop += 1
    return stop, room


@compiled
def _frame(
    keys: Bytes,
    key_starts: Longs,
    key_lengths: Longs,
    values: Bytes,
    value_starts: Longs,
    value_lengths: Longs,
    times: Longs,
    start: int,
    stop: int,
    out: Bytes,
) -> tuple[int, int]:
    """Write these records into `out`; how many bytes that took, and the latest time."""
    at, latest = 0, times[start]
    for row in range(start, stop):
        n = row - start
        key, value = key_lengths[row], value_lengths[row]
        latest = max(latest, times[row])
        delta = times[row] - times[start]
        framed = 2 + _width(delta) + _width(n) + _width(key) + _width(value)
        at = _put(out, at, framed + max(key, 0) + max(value, 0))
        out[at] = 0
        at = _put(out, at + 1, delta)
        at = _put(out, at, n)
        at = _put(out, at, key)
        copy(keys, key_starts[row], max(key, 0), out, at)
        at = _put(out, at + max(key, 0), value)
        copy(values, value_starts[row], max(value, 0), out, at)
        at += max(value, 0)
        out[at] = 0
        at += 1
    return at, latest


@compiled
def _width(number: int) -> int:
    """Bytes of a zigzag varint."""
    rest = np.uint64((number << 1) ^ (number >> 63))
    width = 1
    while rest > np.uint64(127):
        rest >>= np.uint64(7)
        width += 1
    return width


@compiled
def _put(out: Bytes, at: int, number: int) -> int:
    """Write a zigzag varint; where the next byte goes."""
    rest = np.uint64((number << 1) ^ (number >> 63))
    while rest > np.uint64(127):
        out[at] = (rest & np.uint64(127)) | np.uint64(128)
        rest >>= np.uint64(7)
        at += 1
    out[at] = rest
    return at + 1
