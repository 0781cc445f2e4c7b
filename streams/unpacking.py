"""Kafka record batches (message format v2) as columns, without an object for each record.

What aiokafka's `PartitionRecords` does batch by batch and record by record, done for a whole fetch:
it is the plain version, and the tests hold this one against it.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.errors import CorruptRecordException, UnsupportedVersionError
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from google_crc32c import value as crc32c
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.compiled import compiled
from streams.slices import Headers, Slice

__all__ = ["Isolation", "unpacked"]

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_LENGTH_FROM: Final = 12
_CRC_FROM: Final = 21
_MAGIC: Final = 2
_CODEC, _APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
_DECODE: Final = {1: gzip_decode, 2: snappy_decode, 3: lz4_decode, 4: zstd_decode}


class Isolation:
    """Which transactions of a fetch were aborted, and so whose records are not to be read.

    Args:
        aborted: producer id and first offset of each aborted transaction, as the broker tells; None
            where uncommitted records are read too.
    """

    def __init__(self, aborted: Sequence[tuple[int, int]] | None) -> None:
        self._coming = sorted(aborted or (), key=lambda transaction: transaction[1], reverse=True)
        self._committed_only = aborted is not None
        self._open: set[int] = set()

    def hides(self, batch: _Batch) -> bool:
        """Whether to pass over a batch; to be asked of each, in log order."""
        if not self._committed_only or batch.producer < 0:
            return False
        while self._coming and self._coming[-1][1] <= batch.base:
            self._open.add(self._coming.pop()[0])
        if batch.attributes & _CONTROL and batch.marker() == ABORT_MARKER:
            self._open.discard(batch.producer)
        return bool(batch.attributes & _TRANSACTIONAL) and batch.producer in self._open


@dataclass(slots=True)
class _Batch:
    """One batch of a fetch: its header's fields, and where its records lie."""

    base: int
    last: int
    attributes: int
    first_time: int
    latest_time: int
    producer: int
    count: int
    buffer: bytes
    start: int
    stop: int

    def marker(self) -> Any:
        """What a control batch says; None where compaction has emptied it."""
        if not self.count:
            return None
        columns = np.empty((_COLUMNS, self.count), np.int64)
        self.scan(columns, 0, 0)
        start, length = columns[_KEY, 0], columns[_KEY_LENGTH, 0]
        return ControlRecord.parse(self.buffer[start : start + length])

    def scan(self, columns: Longs, row: int, shift: int) -> int:
        """Fill in its records' columns from `row` on; see `_scan`."""
        one_time = bool(self.attributes & _APPEND_TIME)
        return _scan(
            np.frombuffer(self.buffer, np.uint8),
            self.start,
            self.stop,
            self.base,
            self.latest_time if one_time else self.first_time,
            one_time,
            shift,
            columns,
            row,
            self.count,
        )


def unpacked(
    data: bytes, topic: str, partition: int, position: int, isolation: Isolation, check: bool
) -> Slice:
    """The records of a fetch as one slice that begins at `position`.

    Args:
        data: whole record batches, and perhaps the beginning of another.
        topic: that was read.
        partition: of it.
        position: that was asked for; records before it are left out.
        isolation: what to leave out besides control batches.
        check: whether to compare checksums.

    Raises:
        CorruptRecordException: a checksum does not match, or a batch is not what it should be.
        UnsupportedVersionError: a batch has a format from before Kafka 0.11.
    """
    batches: list[_Batch] = []
    following, at = position, 0
    while (batch := _batch(data, at, check)) is not None:
        at = batch.stop
        following = max(following, batch.base + batch.last + 1)
        if not isolation.hides(batch) and not batch.attributes & _CONTROL:
            batches.append(_decompressed(batch))
    columns = np.empty((_COLUMNS, sum([batch.count for batch in batches])), np.int64)
    buffers, end, row, with_headers = [data], len(data), 0, 0
    for batch in batches:
        apart = batch.buffer is not data
        found = batch.scan(columns, row, end if apart else 0)
        if found < 0:
            raise CorruptRecordException(f"{topic}-{partition}: bad batch at offset {batch.base}")
        if apart:
            buffers.append(batch.buffer)
            end += len(batch.buffer)
        row += batch.count
        with_headers += found
    whole = b"".join(buffers) if len(buffers) > 1 else data
    columns = columns[:, bisect_left(columns[_OFFSET], position) :]
    return Slice(
        topic,
        partition,
        position,
        following,
        columns[_OFFSET],
        ByteColumn(whole, columns[_KEY], columns[_KEY_LENGTH]),
        ByteColumn(whole, columns[_VALUE], columns[_VALUE_LENGTH]),
        columns[_TIME],
        [_headers(whole, at) for at in columns[_HEADERS].tolist()] if with_headers else None,
    )


def _batch(data: bytes, at: int, check: bool) -> _Batch | None:
    """The batch that begins at `at`; None where less than a whole one is left."""
    if at + _LENGTH_FROM > len(data):
        return None
    stop = at + _LENGTH_FROM + int.from_bytes(data[at + 8 : at + _LENGTH_FROM], "big", signed=True)
    if stop > len(data):
        return None
    if stop - at < _HEADER.size:
        raise CorruptRecordException(f"a batch of {stop - at} bytes is shorter than its header")
    base, _, _, magic, crc, attributes, last, first_time, latest_time, producer, _, _, count = (
        _HEADER.unpack_from(data, at)
    )
    if magic != _MAGIC:
        raise UnsupportedVersionError(
            f"the batch at offset {base} has message format {magic}, from before Kafka 0.11; "
            "copy the topic with a recent client"
        )
    if check and crc32c(data[at + _CRC_FROM : stop]) != crc:
        raise CorruptRecordException(f"the checksum of the batch at offset {base} does not match")
    records = at + _HEADER.size
    return _Batch(
        base, last, attributes, first_time, latest_time, producer, count, data, records, stop
    )


def _decompressed(batch: _Batch) -> _Batch:
    codec = batch.attributes & _CODEC
    if codec:
        try:
            batch.buffer = bytes(_DECODE[codec](batch.buffer[batch.start : batch.stop]))
        except Exception as error:  # each codec has errors of its own
            raise CorruptRecordException(
                f"the batch at offset {batch.base} does not decompress: {error!r}"
            ) from error
        batch.start, batch.stop = 0, len(batch.buffer)
    if not 0 <= batch.count <= batch.stop - batch.start:
        raise CorruptRecordException(
            f"the batch at offset {batch.base} is to hold {batch.count:,} records, and has no room"
        )
    return batch


def _headers(data: bytes, at: int) -> Headers:
    """The headers whose count stands at `at`; none where it is negative."""
    if at < 0:
        return ()
    raw, stop = np.frombuffer(data, np.uint8), len(data)
    count, at = _varint(raw, at, stop)
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        length, at = _varint(raw, at, stop)
        name, at = data[at : at + length].decode(errors="replace"), at + max(length, 0)
        length, at = _varint(raw, at, stop)
        if at > stop or length > stop - at:
            raise CorruptRecordException("a header is longer than its record")
        headers.append((name, None if length < 0 else data[at : at + length]))
        at += max(length, 0)
    return headers


_POSITIVE: Final = (1 << 63) - 1
_COLUMNS: Final = 7
_OFFSET, _TIME, _KEY, _KEY_LENGTH, _VALUE, _VALUE_LENGTH, _HEADERS = range(_COLUMNS)


@compiled
def _scan(
    data: Bytes,
    start: int,
    stop: int,
    base: int,
    first_time: int,
    one_time: bool,
    shift: int,
    columns: Longs,
    row: int,
    count: int,
) -> int:
    """Fill in `columns` from `row` on for the `count` records of a batch.

    Args:
        data: where the records lie, from `start` to `stop`.
        base: offset that those of the records are told from.
        first_time: that their times are told from, or of all of them if `one_time`.
        shift: is added to the places of keys, values and headers.
        columns: int64[7, n]; the last one is where the headers stand, -1 where there are none.

    Returns:
        How many have headers; -1 where there are not as many records as there are bytes for.
    """
    at, with_headers = start, 0
    for n in range(row, row + count):
        size, at = _varint(data, at, stop)
        if not 0 < size <= stop - at:
            return -1
        end = at + size
        time, at = _varint(data, at + 1, end)
        number, at = _varint(data, at, end)
        key_length, at = _varint(data, at, end)
        if not -1 <= key_length <= end - at:
            return -1
        key = at
        at += max(key_length, 0)
        value_length, at = _varint(data, at, end)
        if not -1 <= value_length <= end - at:
            return -1
        value = at
        at += max(value_length, 0)
        headers = at
        pairs, at = _varint(data, at, end)
        if pairs < 0 or at > end or (pairs == 0 and at != end):
            return -1
        with_headers += pairs > 0
        columns[_OFFSET, n] = base + number
        columns[_TIME, n] = first_time if one_time else first_time + time
        columns[_KEY, n] = shift + key
        columns[_KEY_LENGTH, n] = key_length
        columns[_VALUE, n] = shift + value
        columns[_VALUE_LENGTH, n] = value_length
        columns[_HEADERS, n] = shift + headers if pairs else -1
        at = end
    return with_headers if at == stop else -1


@compiled
def _varint(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """A zigzag varint and where it ends; past `stop` where it does not."""
    bits = shift = 0
    while at < stop and shift < 64:
        byte = int(np.int64(data[at]))
        at += 1
        bits |= (byte & 127) << shift
        if byte < 128:
            return ((bits >> 1) & _POSITIVE) ^ -(bits & 1), at
        shift += 7
    return 0, stop + 1
