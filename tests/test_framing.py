"""A framed batch is byte for byte the one aiokafka builds, one record at a time."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.producer import AIOKafkaProducer
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.framing import RecordBatch, framed
from streams.slices import Compression, Records

CODECS: dict[Compression, int] = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
WHOLE = 1 << 30


def records_of(rows: list[tuple[bytes | None, bytes | None, int]]) -> Records:
    keys, values, times = zip(*rows, strict=True)
    return Records(list(keys), list(values), list(times))


def built(rows: list[tuple[bytes | None, bytes | None, int]], codec: int) -> bytes:
    builder = BatchBuilder(WHOLE, codec, is_transactional=1)
    for key, value, timestamp in rows:
        assert builder.append(timestamp=timestamp, key=key, value=value) is not None
    builder._set_producer_state(42, 7, 99)
    return bytes(builder._build())


def bytes_of(batch: RecordBatch) -> bytes:
    batch._set_producer_state(42, 7, 99)
    return bytes(batch._build())


data = st.none() | st.binary(max_size=300)
times = st.integers(0, 1 << 42)
rows_of_a_batch = st.lists(st.tuples(data, data, times), min_size=1, max_size=150)


@settings(deadline=None)
@given(rows_of_a_batch)
def test_one_batch_equals_aiokafkas(rows: Any) -> None:
    (batch,) = framed(records_of(rows), WHOLE, "none", transactional=True)
    assert bytes_of(batch) == built(rows, 0)
    assert batch.record_count() == len(rows)
    assert batch.size() == len(bytes_of(batch))


@pytest.mark.parametrize("codec", CODECS)
def test_compressed_batches_equal_aiokafkas(codec: Compression) -> None:
    rows: Any = [
        (b"k%d" % (n % 7), b'{"amount": %d}' % n, 1_700_000_000_000 + n) for n in range(500)
    ]
    (batch,) = framed(records_of(rows), WHOLE, codec, transactional=True)
    expected = built(rows, CODECS[codec])
    if codec == "gzip":  # its header holds the time of day
        assert len(bytes_of(batch)) == len(expected)
    else:
        assert bytes_of(batch) == expected


@pytest.mark.parametrize("codec", CODECS)
def test_what_does_not_compress_is_left_as_it_is(codec: Compression) -> None:
    (batch,) = framed(records_of([(None, b"x", 5)]), WHOLE, codec, transactional=True)
    assert bytes_of(batch) == built([(None, b"x", 5)], 0)


@settings(deadline=None)
@given(rows_of_a_batch, st.integers(1, 2_000))
def test_batches_hold_every_record_once_and_in_order(rows: Any, most: int) -> None:
    read: list[Any] = []
    for batch in framed(records_of(rows), most, "none", transactional=True):
        assert batch.record_count() == 1 or batch.size() <= most + 100
        (one,) = [*_batches(bytes_of(batch))]
        assert one.validate_crc()
        read += [(record.key, record.value, record.timestamp) for record in one]
    assert read == rows


def _batches(raw: bytes) -> Any:
    memory = MemoryRecords(raw)
    while memory.has_next():
        yield memory.next_batch()


def test_aiokafka_asks_nothing_of_a_batch_that_ours_does_not_answer() -> None:
    from inspect import getsource, signature

    from aiokafka.producer import message_accumulator, sender

    for source in (
        message_accumulator.MessageBatch,
        message_accumulator.MessageAccumulator,
        sender,
    ):
        text = getsource(source)
        for asked in {part.split("(")[0] for part in text.split("_builder.")[1:]}:
            # A batch that is closed is never appended to.
            assert asked == "append" or callable(getattr(RecordBatch, asked)), asked
    assert list(signature(AIOKafkaProducer.send_batch).parameters) == [
        "self", "batch", "topic", "partition",
    ]  # fmt: skip
