"""Slices through Faust: a transport whose consumer hands an agent whole slices of a partition.

All that is private to aiokafka or Faust and that we lean on is imported or overridden in this
module, in `streams.membership` and in `streams.producer`; `tests/test_fetching.py` fails when a
release changes it.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, ClassVar, Protocol

import aiokafka
from aiokafka.consumer import consumer, fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, PartitionRecords
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.membership import watch_over
from streams.slices import Slice
from streams.unpacking import Isolation, unpacked

__all__ = [
    "Flow",
    "GatheringFetcher",
    "Host",
    "RawRecords",
    "SlicedRecords",
    "Transport",
    "read_in_slices",
]

_GATHERED_BYTES = 192 * 1024
_QUIET_WAIT_MS = 100
_QUIET_RATE = 25.0
_LONGEST_AT_RATE = 1_000.0
_ENOUGH_RECORDS = 200
_MEMORY_S = 0.5
# Right after a broker's restart topics can seem to have no partitions, and the group's leader gives
# out none. With aiokafka's five minutes that is how long all workers would be idle.
_METADATA_MS = 10_000

_sliced_topics: set[str] = set()


def read_in_slices(topics: set[str]) -> None:
    """From now on, consumers of this process hand out `topics` as slices.

    Other topics, such as those of agents a user adds, keep their single records.
    """
    _sliced_topics.update(topics)
    consumer.Fetcher = GatheringFetcher
    fetcher.MemoryRecords = RawRecords
    fetcher.PartitionRecords = _partition_records


class Flow:
    """How many records a second a broker has brought lately, and how long to gather them.

    A slice costs the worker a millisecond however few records it holds, and each record waits for
    half of the time in which slices are gathered. The cost of a second is inverse to that time,
    the waiting proportional to it and to the rate: their sum is least where the time goes by
    1/√rate, as with orders that cost the same whatever their size (Harris 1913, "How many parts to
    make at once", Factory 10). Once as many records have come as cost about as much as their slices
    do, nothing is gained by more of them; at high rates they gather while others are computed.
    """

    def __init__(self) -> None:
        self._rate = 0.0
        self._at = -math.inf

    def brought(self, records: int, now: float) -> None:
        """A fetch was answered with so many records, at a time in seconds."""
        faded = math.exp((self._at - now) / _MEMORY_S)
        self._rate = self._rate * faded + records / _MEMORY_S
        self._at = now

    def wait_ms(self, longest: int) -> int:
        """For how long the broker may hold back the next ones; 0: no longer than for the first."""
        if self._rate < _QUIET_RATE:
            return 0
        share = min(1.0, math.sqrt(_LONGEST_AT_RATE / self._rate))
        return int(min(longest * share, 1_000 * _ENOUGH_RECORDS / self._rate))


class GatheringFetcher(Fetcher):  # type: ignore[misc]  # aiokafka ships no types
    """Asks a broker for the first record at once, and while records flow for many of them.

    The consumer's `fetch_max_wait_ms` is the longest that a fetch waits on the broker for more, and
    its `fetch_min_bytes` are enough at any rate; see `Flow`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._flows: defaultdict[int, Flow] = defaultdict(Flow)

    async def _fetch_requests_routine(self) -> None:
        """Fetch until cancelled; whatever else ends it stops the worker, which would read no more.

        aiokafka would tell only who asks it for single records.
        """
        try:
            await super()._fetch_requests_routine()
        except KafkaError as error:
            failed = getattr(self._subscriptions, "failed", None)
            if failed is not None:
                failed(error.__cause__ or error)
            raise

    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool:
        flow = self._flows[node_id]
        if wait_ms := flow.wait_ms(request._max_wait_ms):
            request._max_wait_ms = wait_ms
        else:
            request._min_bytes, request._max_wait_ms = 1, _QUIET_WAIT_MS
        brought: bool = await super()._proc_fetch_request(assignment, node_id, request)
        flow.brought(_there(assignment, request) if brought else 0, time.monotonic())
        return brought


def _there(assignment: Any, request: Any) -> int:
    """How many records there were, from where a fetch began, as its answer told.

    Of a partition that it brought only an error for it tells nothing.
    """
    ends = (
        (assignment.state_value(TopicPartition(topic, partition)).highwater, offset)
        for topic, partitions in request.topics
        for partition, offset, _ in partitions
    )
    return sum(max(0, end - offset) for end, offset in ends if end is not None)


class RawRecords:
    """A fetched partition's bytes, and aiokafka's reader of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        records = MemoryRecords(data)
        self.has_next = records.has_next
        self.next_batch = records.next_batch
        self.size_in_bytes = records.size_in_bytes


class SlicedRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka ships no types
    """One partition's share of a fetch, as one slice instead of an object a record.

    Takes the place of aiokafka's own class between the wire and the consumer.
    """

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Slice]:
        start = self.next_fetch_offset
        committed_only = self._isolation_level == READ_COMMITTED
        isolation = Isolation(self._aborted_transactions if committed_only else None)
        tp, data = self._tp, self._records.data
        records = unpacked(data, tp.topic, tp.partition, start, isolation, self._check_crcs)
        self.next_fetch_offset = records.next
        if records.next > start:
            yield records


def _partition_records(tp: Any, *args: Any) -> Any:
    kind = SlicedRecords if tp.topic in _sliced_topics else PartitionRecords
    return kind(tp, *args)


class Host(Protocol):
    """What the consumer asks of the side that owns the partitions' tasks."""

    topics: frozenset[str]
    client: Mapping[str, Any]
    fetch_wait_ms: int

    async def assigned(
        self,
        starts: Mapping[TP, int],
        earliest: Mapping[TP, int],
        committed: Callable[[], Awaitable[Mapping[TP, int | None]]],
    ) -> Mapping[TP, int]:
        """Get the tasks of these partitions ready; answer the positions to read on from."""

    async def revoked(self) -> None:
        """Commit what is computed and let go of every partition."""


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust's types are skipped
    """Owns the aiokafka consumer, configured for slices."""

    def _create_worker_consumer(self, _transport: Any) -> Any:
        conf, host = self.app.conf, self.app.host
        # Range assignment puts equal numbers of topics with equal counts on one member.
        self._assignor = RangePartitionAssignor
        member = aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset=conf.consumer_auto_offset_reset,
            isolation_level="read_committed",
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            metadata_max_age_ms=_METADATA_MS,
            fetch_min_bytes=_GATHERED_BYTES,
            fetch_max_wait_ms=host.fetch_wait_ms,
            **host.client,
        )
        watch_over(member, self.app.fail)
        return member


class Consumer(driver.Consumer):  # type: ignore[misc]
    """A Faust consumer that reads from the positions of the tasks, and lets them commit."""

    app: Any

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield fetched slices of the tasks' topics, and single records of all others."""
        fetched, _ = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if fetched is None or self.should_stop:
            return
        for tp, records in fetched.items():
            for record in records:
                if not self.flow_active or self.app.consumer_generation_id != generation:
                    return
                yield tp, self._to_message(tp, record)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, Slice):
            return super()._to_message(tp, record)
        return ConsumerMessage(
            record.topic,
            record.partition,
            record.next - 1,
            0.0,
            0,
            [],
            None,
            record,
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek where the tasks left off; partitions of other topics to what they committed."""
        ours = {tp for tp in self.assignment() if tp.topic in self.app.host.topics}
        found: dict[TP, int] = {}

        async def committed() -> Mapping[TP, int | None]:
            found.update(await super(Consumer, self).seek_to_committed())
            return {tp: _or_none(found.get(tp)) for tp in ours}

        earliest = await self.earliest_offsets(*ours)
        latest = self.app.conf.consumer_auto_offset_reset == "latest"
        starts = await self.highwaters(*ours) if latest else earliest
        positions = await self.app.host.assigned(starts, earliest, committed)
        await self._thread.seek_wait(positions)
        return {**found, **positions}

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit before anyone else can own what we are about to lose."""
        await self.app.host.revoked()
        await super().on_partitions_revoked(revoked)

    async def on_stop(self) -> None:
        """Commit what is computed before the connection goes."""
        await self.app.host.revoked()
        self.app.committed()
        await super().on_stop()

    def end(self, tp: TP) -> int | None:
        """Offset after the last record of a partition that can be read, as the last fetch told."""
        end: int | None = self._thread._ensure_consumer().last_stable_offset(tp)
        return end

    def is_paused(self, tp: TP) -> bool:
        """Whether a partition is taken out of what is drained from the fetcher."""
        return tp in self._paused_partitions

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: a full buffer makes the drain wait, where Faust's pausing costs a second."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Do nothing; see `on_buffer_full`."""


def _or_none(offset: int | None) -> int | None:
    """Kafka says -1 where a group has committed nothing."""
    return None if offset is None or offset < 0 else offset


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport, with the consumer above."""

    Consumer: ClassVar[type] = Consumer
