"""Kafka record batches (message format v2) as columns, without an object for each record.

What aiokafka's `PartitionRecords` does batch by batch and record by record, done for a whole fetch:
it is the plain version, and the tests hold this one against it.
"""

from __future__ import annotations

import struct
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
        """What a control batch says."""
        row = np.empty((1, 7), np.int64)
        _scan(np.frombuffer(self.buffer, np.uint8), self.start, self.stop, 0, row)
        key = self.buffer[row[0, _KEY] : row[0, _KEY] + row[0, _KEY_LENGTH]]
        return ControlRecord.parse(key)


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
    table = np.empty((sum(batch.count for batch in batches), 7), np.int64)
    buffers, shift, row = [], 0, 0
    for batch in batches:
        if batch.buffer is not data:
            buffers.append(batch.buffer)
        part = table[row : row + batch.count]
        own = np.frombuffer(batch.buffer, np.uint8)
        if not _scan(own, batch.start, batch.stop, batch.base, part):
            raise CorruptRecordException(f"{topic}-{partition}: bad batch at offset {batch.base}")
        if batch.attributes & _APPEND_TIME:
            part[:, _TIME] = batch.latest_time
        else:
            part[:, _TIME] += batch.first_time
        if batch.buffer is not data:
            part[:, [_KEY, _VALUE]] += len(data) + shift
            part[part[:, _HEADERS] >= 0, _HEADERS] += len(data) + shift
            shift += len(batch.buffer)
        row += batch.count
    whole = b"".join([data, *buffers]) if buffers else data
    return _slice(whole, topic, partition, position, following, table)


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
        batch.buffer = bytes(_DECODE[codec](batch.buffer[batch.start : batch.stop]))
        batch.start, batch.stop = 0, len(batch.buffer)
    return batch


def _slice(
    data: bytes, topic: str, partition: int, position: int, following: int, table: Longs
) -> Slice:
    new = table[np.searchsorted(table[:, _OFFSET], position) :]
    # A kernel is compiled for each layout it meets, and a single row has another: one for all.
    columns = np.ascontiguousarray(new.T)
    headers = columns[_HEADERS]
    return Slice(
        topic,
        partition,
        position,
        following,
        columns[_OFFSET],
        ByteColumn(data, columns[_KEY], columns[_KEY_LENGTH]),
        ByteColumn(data, columns[_VALUE], columns[_VALUE_LENGTH]),
        columns[_TIME],
        [_headers(data, at) for at in headers.tolist()] if (headers >= 0).any() else None,
    )


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
_OFFSET, _TIME, _KEY, _KEY_LENGTH, _VALUE, _VALUE_LENGTH, _HEADERS = range(7)


@compiled
def _scan(data: Bytes, start: int, stop: int, base: int, table: Longs) -> bool:
    """Fill a row of `table` for each record; whether they were as many as there are bytes for.

    The time is left relative to the batch's; the last column is where the headers stand, -1 where
    there are none.
    """
    at = start
    for n in range(len(table)):
        size, at = _varint(data, at, stop)
        if not 0 < size <= stop - at:
            return False
        end = at + size
        time, at = _varint(data, at + 1, end)
        number, at = _varint(data, at, end)
        key_length, at = _varint(data, at, end)
        if not -1 <= key_length <= end - at:
            return False
        key = at
        at += max(key_length, 0)
        value_length, at = _varint(data, at, end)
        if not -1 <= value_length <= end - at:
            return False
        value = at
        at += max(value_length, 0)
        headers = at
        count, at = _varint(data, at, end)
        if count < 0 or at > end or (count == 0 and at != end):
            return False
        table[n, 0] = base + number
        table[n, 1] = time
        table[n, 2] = key
        table[n, 3] = key_length
        table[n, 4] = value
        table[n, 5] = value_length
        table[n, 6] = headers if count else -1
        at = end
    return at == stop


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
