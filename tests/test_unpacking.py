"""Bytes that are no record batches are refused; they never become records, nor a crash."""

from __future__ import annotations

import struct

import pytest
from aiokafka.errors import CorruptRecordException, UnsupportedVersionError
from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from streams.framing import framed
from streams.slices import Compression, Records
from streams.unpacking import Isolation, unpacked


def batch(count: int = 5) -> bytearray:
    values: list[bytes | None] = [b'{"n": %d}' % n for n in range(count)]
    (one,) = framed(
        Records([b"key"] * count, values, [7] * count), 1 << 20, "none", transactional=True
    )
    return bytearray(one._build())


def read(data: bytes, check: bool = True) -> list[bytes | None]:
    return list(unpacked(data, "payments", 0, 0, Isolation(None), check).values)


def test_the_beginning_of_a_batch_at_the_end_of_a_fetch_is_left_for_the_next() -> None:
    whole = bytes(batch(5))
    assert len(read(whole + whole[:-1])) == 5
    assert read(whole[:11]) == []


def test_a_control_batch_that_compaction_has_emptied_ends_no_transaction() -> None:
    emptied, following = batch(1)[:61], batch(5)
    struct.pack_into(">i", emptied, 8, len(emptied) - 12)
    struct.pack_into(">h", emptied, 21, 0x30)  # transactional, control
    struct.pack_into(">i", emptied, 57, 0)
    struct.pack_into(">q", following, 0, 1)
    for one in (emptied, following):
        struct.pack_into(">q", one, 43, 7)
    found = unpacked(bytes(emptied + following), "t", 0, 0, Isolation([(7, 0)]), check=False)
    assert (list(found.values), found.next) == ([], 6)


def test_an_old_message_format_is_refused_by_name() -> None:
    data = batch()
    data[16] = 1
    with pytest.raises(UnsupportedVersionError, match="message format 1"):
        read(bytes(data))


@given(st.integers(21, len(batch()) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed_by_the_checksum(place: int, change: int) -> None:
    data = batch()
    data[place] ^= change
    with pytest.raises(CorruptRecordException):
        read(bytes(data))


@given(st.integers(61, len(batch()) - 1), st.integers(1, 255))
def test_without_checksums_a_damaged_batch_is_an_error_or_other_bytes_but_nothing_worse(
    place: int, change: int
) -> None:
    data = batch()
    data[place] ^= change
    try:
        values = read(bytes(data), check=False)
    except CorruptRecordException:
        return
    assert len(values) <= 5


@given(st.integers(61, 200), st.integers(1, 255))
def test_damaged_headers_are_an_error_or_other_bytes_but_nothing_worse(
    place: int, change: int
) -> None:
    builder = BatchBuilder(1 << 20, 0, is_transactional=0)
    for n in range(5):
        headers = [("trace", b"%d" % n), ("empty", None)]
        builder.append(timestamp=7, key=b"k", value=b"{}", headers=headers)
    data = bytearray(builder._build())
    data[min(place, len(data) - 1)] ^= change
    try:
        read(bytes(data), check=False)
    except CorruptRecordException:
        return


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
@given(changes=st.dictionaries(st.integers(17, 120), st.integers(0, 255), min_size=1, max_size=4))
def test_a_compressed_batch_that_is_damaged_anywhere_is_an_error_or_other_bytes(
    compression: Compression, changes: dict[int, int]
) -> None:
    records = Records([b"key"] * 5, [b"value " * 20] * 5, [7] * 5)
    [one] = framed(records, 1 << 20, compression, transactional=False)
    data = bytearray(one._build())
    for place, byte in changes.items():
        data[min(place, len(data) - 1)] = byte
    try:
        assert len(read(bytes(data), check=False)) <= 5
    except CorruptRecordException:
        return


@pytest.mark.parametrize("count", [-1, 1_000, 2**31 - 1])
def test_more_records_than_there_is_room_for_are_not_made_room_for(count: int) -> None:
    data = batch()
    struct.pack_into(">i", data, 57, count)
    with pytest.raises(CorruptRecordException, match="no room"):
        read(bytes(data), check=False)


@given(st.binary(max_size=200))
def test_records_of_noise_are_refused(noise: bytes) -> None:
    data = batch()[:61] + noise
    struct.pack_into(">i", data, 8, len(data) - 12)
    try:
        assert len(read(bytes(data), check=False)) == 5
    except CorruptRecordException:
        return
