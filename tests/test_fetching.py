"""Slices hold what aiokafka reads record by record, and its insides are as we lean on them."""

from __future__ import annotations

import asyncio
import inspect
import struct
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import aiokafka
import faust
import pytest
from aiokafka.consumer import consumer, fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, Fetcher, PartitionRecords
from aiokafka.errors import CorruptRecordException, KafkaError
from aiokafka.producer import sender
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition
from faust.transport.consumer import Consumer
from faust.transport.drivers import aiokafka as driver
from hypothesis import given
from hypothesis import strategies as st

from streams import fetching
from streams.fetching import Flow, GatheringFetcher, RawRecords, SlicedRecords, read_in_slices

TP = TopicPartition("payments", 3)
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
ABORT = struct.pack(">hh", 0, 0)
COMMIT = struct.pack(">hh", 0, 1)

Row = tuple[bytes | None, bytes | None, int, list[tuple[str, bytes]]]


def batch(
    base: int, rows: list[Row], codec: int = 0, pid: int = -1, control: bool = False
) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, int(pid >= 0), pid, 0, 0, 1 << 24)
    for number, (key, value, timestamp, headers) in enumerate(rows):
        assert builder.append(number, timestamp, key, value, headers) is not None
    data = bytearray(builder.build())
    struct.pack_into(">q", data, 0, base)
    if control:
        (attributes,) = struct.unpack_from(">h", data, 21)
        struct.pack_into(">h", data, 21, attributes | 0x20)
    return bytes(data)


def row(text: str) -> Row:
    return text.encode(), text.upper().encode(), 1_700_000_000_000, []


def reader(kind: type, data: bytes, start: int = 0, aborted: Any = None, **options: Any) -> Any:
    isolation = options.pop("isolation", READ_COMMITTED)
    crcs = options.pop("crcs", False)
    return kind(TP, RawRecords(data), aborted, start, None, None, crcs, isolation)


def as_rows(slices: list[Any]) -> list[tuple[Any, ...]]:
    return [
        (offset, key, value, timestamp, tuple(map(tuple, head)))
        for part in slices
        for offset, key, value, timestamp, head in zip(
            part.offsets,
            part.keys,
            part.values,
            part.timestamps,
            part.headers or [()] * len(part),
            strict=True,
        )
    ]


def as_aiokafka_reads(data: bytes, start: int = 0, aborted: Any = None, **options: Any) -> Any:
    records = reader(PartitionRecords, data, start, aborted, **options)
    rows = [(r.offset, r.key, r.value, r.timestamp, tuple(map(tuple, r.headers))) for r in records]
    return rows, records.next_fetch_offset


def same_as_aiokafka(data: bytes, start: int = 0, aborted: Any = None, **options: Any) -> None:
    records = reader(SlicedRecords, data, start, aborted, **options)
    slices = list(records)
    rows, following = as_aiokafka_reads(data, start, aborted, **options)
    assert as_rows(slices) == rows
    assert records.next_fetch_offset == following
    assert [(part.start, part.next) for part in slices] in ([], [(start, following)])


texts = st.binary(max_size=40)
rows = st.lists(
    st.tuples(
        st.none() | texts,
        st.none() | texts,
        st.integers(0, 1 << 41),
        st.lists(st.tuples(st.text(max_size=5), texts), max_size=2),
    ),
    min_size=1,
    max_size=6,
)


@given(
    st.lists(st.tuples(rows, st.integers(0, 3), st.sampled_from(sorted(CODECS)))),
    st.integers(0, 20),
)
def test_a_slice_holds_what_aiokafka_reads(parts: Any, start: int) -> None:
    data, offset = b"", 0
    ends = [0]
    for content, gap, codec in parts:
        offset += gap
        data += batch(offset, content, CODECS[codec])
        offset += len(content)
        ends.append(offset - 1)
    # A broker answers with the batch that holds the position, never with one before it.
    same_as_aiokafka(data, min(start, ends[:2][-1]))


def test_aborted_transactions_and_markers_are_left_out_when_only_committed_records_count() -> None:
    data = (
        batch(0, [row("a"), row("b")], pid=7)
        + batch(2, [row("c")], pid=8)
        + batch(3, [(ABORT, b"", 0, [])], pid=7, control=True)
        + batch(4, [row("d")], pid=7)
        + batch(5, [(COMMIT, b"", 0, [])], pid=7, control=True)
        + batch(6, [(COMMIT, b"", 0, [])], pid=8, control=True)
    )
    records = list(reader(SlicedRecords, data, aborted=[(7, 0)]))
    assert [key for part in records for key in part.keys] == [b"c", b"d"]
    assert records[0].next == 7
    same_as_aiokafka(data, 0, [(7, 0)])
    same_as_aiokafka(data, 1, [(7, 0)])
    same_as_aiokafka(data, 0, [(7, 0)], isolation=READ_UNCOMMITTED)


def test_a_fetch_of_nothing_but_markers_still_moves_the_position() -> None:
    data = batch(4, [(COMMIT, b"", 0, [])], pid=7, control=True)
    (part,) = reader(SlicedRecords, data, 4)
    assert (len(part), part.start, part.next) == (0, 4, 5)


def test_all_batches_of_a_fetch_become_one_slice() -> None:
    data = b"".join(batch(n, [row(str(n))]) for n in range(50))
    (part,) = reader(SlicedRecords, data)
    assert list(part.offsets) == list(range(50))


def test_a_damaged_batch_is_an_error_when_checksums_are_checked() -> None:
    data = bytearray(batch(0, [row("a"), row("b")]))
    data[-1] ^= 1
    with pytest.raises(CorruptRecordException):
        list(reader(SlicedRecords, bytes(data), crcs=True))


def test_other_topics_keep_their_single_records() -> None:
    read_in_slices({TP.topic})
    make = fetcher.PartitionRecords
    arguments = (RawRecords(b""), None, 0, None, None, False, READ_COMMITTED)
    assert isinstance(make(TP, *arguments), SlicedRecords)
    assert type(make(TopicPartition("users-own", 0), *arguments)) is PartitionRecords


class Assignment:
    """What aiokafka knows of its partitions: where they end."""

    def __init__(self) -> None:
        self.highwater: int | None = 0

    def state_value(self, _: TopicPartition) -> Assignment:
        return self


def asked(monkeypatch: Any, brought: list[int], every_s: float) -> list[tuple[int, int]]:
    """The bytes and the milliseconds of each fetch, one behind the other that bring so much."""
    assignment, now, requests = Assignment(), 0.0, []

    async def answer(self: Any, assignment: Assignment, node: int, request: Any) -> bool:
        requests.append((request._min_bytes, request._max_wait_ms))
        assignment.highwater += brought[len(requests) - 1]
        return brought[len(requests) - 1] > 0

    monkeypatch.setattr(Fetcher, "_proc_fetch_request", answer)
    monkeypatch.setattr(fetching.time, "monotonic", lambda: now)
    gathering = GatheringFetcher.__new__(GatheringFetcher)
    gathering._flows = defaultdict(Flow)

    async def fetches() -> None:
        nonlocal now
        for _ in brought:
            topics = [("payments", [(0, assignment.highwater, 1 << 20)])]
            request = FetchRequest(100, 65_536, 1 << 20, READ_COMMITTED, topics)
            await gathering._proc_fetch_request(assignment, 1, request)
            now += every_s

    asyncio.run(fetches())
    return requests


def test_the_first_record_after_a_pause_is_fetched_at_once(monkeypatch: Any) -> None:
    assert asked(monkeypatch, [0, 1, 0], 0.1) == [(1, 100)] * 3


def test_ten_records_a_second_are_never_gathered(monkeypatch: Any) -> None:
    assert asked(monkeypatch, [1] * 100, 0.1) == [(1, 100)] * 100


@pytest.mark.parametrize(("rate", "wait_ms"), [(500, 100), (2_000, 71), (20_000, 10), (40_000, 5)])
def test_the_more_records_flow_the_shorter_they_are_gathered(
    monkeypatch: Any, rate: int, wait_ms: int
) -> None:
    steady = asked(monkeypatch, [rate // 100] * 400, 0.01)
    assert steady[-1] == (65_536, pytest.approx(wait_ms, rel=0.1, abs=1))


def test_where_enough_come_in_less_than_a_millisecond_nothing_is_gathered(monkeypatch: Any) -> None:
    assert asked(monkeypatch, [3_000] * 400, 0.01)[-1] == (1, 100)


def test_a_burst_is_forgotten_soon(monkeypatch: Any) -> None:
    last = asked(monkeypatch, [1_000, *[0] * 40], 0.1)[-1]
    assert last == (1, 100)


def test_a_partition_that_brought_an_error_alone_brought_no_records() -> None:
    assignment = Assignment()
    assignment.highwater = None
    request = FetchRequest(100, 1, 1 << 20, READ_COMMITTED, [("payments", [(0, 7, 1 << 20)])])
    assert fetching._there(assignment, request) == 0


def test_a_fetcher_that_ends_by_itself_stops_the_worker(monkeypatch: Any) -> None:
    cause, failures = TypeError("unsupported"), []

    async def dying(_: Any) -> None:
        raise KafkaError("Unexpected error during data retrieval") from cause

    monkeypatch.setattr(Fetcher, "_fetch_requests_routine", dying)
    gathering = GatheringFetcher.__new__(GatheringFetcher)
    gathering._subscriptions = SimpleNamespace(failed=failures.append)
    with pytest.raises(KafkaError):
        asyncio.run(gathering._fetch_requests_routine())
    assert failures == [cause]


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_releases_are_those_whose_insides_we_know() -> None:
    assert aiokafka.__version__ == "0.14.0"
    assert faust.__version__ == "0.15.3"


def test_aiokafkas_insides_are_as_we_lean_on_them() -> None:
    assert parameters(PartitionRecords.__init__)[1:] == [
        "tp",
        "records",
        "aborted_transactions",
        "fetch_offset",
        "key_deserializer",
        "value_deserializer",
        "check_crcs",
        "isolation_level",
    ]
    for name in ("_unpack_records", "_consume_aborted_up_to", "_contains_abort_marker"):
        assert callable(getattr(PartitionRecords, name))
    # The fetcher finds the class by this name of its module, each time it makes one.
    fetch = inspect.getsource(Fetcher._proc_fetch_request)
    assert "PartitionRecords(" in fetch
    assert "MemoryRecords(part_data[-1])" in fetch
    # The same holds for the consumer and its fetcher, and for what a request is built from.
    assert "= Fetcher(" in inspect.getsource(consumer.AIOKafkaConsumer.start)
    assert parameters(Fetcher._proc_fetch_request) == ["self", "assignment", "node_id", "request"]
    assert "self._max_wait_ms,\n" in inspect.getsource(FetchRequest.build)
    assert "self._min_bytes,\n" in inspect.getsource(FetchRequest.build)
    assert "for partition, offset, _ in partitions:" in fetch
    assert "tp_state.highwater = highwater" in fetch
    routine = inspect.getsource(Fetcher._fetch_requests_routine)
    assert 'raise Errors.KafkaError("Unexpected error during data retrieval") from exc' in routine
    assert isinstance(sender.BACKOFF_OVERRIDE, float)
    assert "BACKOFF_OVERRIDE" in inspect.getsource(sender.AddPartitionsToTxnHandler)


def test_fausts_insides_are_as_we_lean_on_them() -> None:
    assert parameters(driver.AIOKafkaConsumerThread._create_worker_consumer) == [
        "self",
        "transport",
    ]
    assert parameters(Consumer.getmany) == ["self", "timeout"]
    for name in ("_wait_next_records", "perform_seek", "on_buffer_full", "on_buffer_drop"):
        assert callable(getattr(Consumer, name))
    for name in ("_ensure_consumer", "seek_wait", "earliest_offsets", "highwaters"):
        assert callable(getattr(driver.AIOKafkaConsumerThread, name))
    assert parameters(driver.Consumer._to_message) == ["self", "tp", "record"]
    assert driver.Transport.Consumer is driver.Consumer
