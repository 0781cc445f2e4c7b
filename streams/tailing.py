"""What stands in a topic, as a table to look at or as JSON lines for the next program."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import chain
from typing import Any, BinaryIO

import aiokafka
from aiokafka import TopicPartition
from rich.console import Console

from streams.cluster import Security, connection
from streams.fetching import read_in_slices
from streams.slices import Slice
from streams.topics import topic_named
from streams.views import JsonLinesView, LiveView, TextView, View

__all__ = ["tail"]

_FETCH_BYTES, _WAIT_MS, _MOST = 4 << 20, 100, 16_384


def tail(
    bootstrap: str,
    topic: str,
    *,
    last: int = 10,
    from_beginning: bool = False,
    follow: bool = False,
    committed: bool = True,
    as_json: bool = False,
    limit: int | None = None,
    out: BinaryIO | None = None,
    security: Security | None = None,
) -> int:
    """Show the end of a topic, or all of it; returns how many records were shown.

    Plain lines, or a live table where it follows on a terminal. It is no member of any group and
    commits nothing. Ctrl-C ends it quietly, and so does a reader of its output that has gone.

    Args:
        bootstrap: brokers to ask first, host:port with commas between.
        topic: has to exist.
        last: how many of the newest records, over all partitions, in the order of their timestamps.
        from_beginning: all records instead.
        follow: go on with what is written from now on.
        committed: leave out what belongs to an open or an aborted transaction.
        as_json: the values alone, byte for byte, one a line.
        limit: end after so many records.
        out: where to; by default the standard output.
        security: options of the connection.

    Raises:
        ClusterError: there is no Kafka.
        TopicError: there is no such topic.
    """
    count = topic_named(bootstrap, topic, security).partitions
    options = {
        **connection(bootstrap, security),
        "isolation_level": "read_committed" if committed else "read_uncommitted",
        "enable_auto_commit": False,
        "max_partition_fetch_bytes": _FETCH_BYTES,
    }
    partitions = [TopicPartition(topic, number) for number in range(count)]
    slices = _read(partitions, options, None if from_beginning else last, follow)
    view = _view(out, as_json, follow)
    try:
        asyncio.run(_show(slices, view, limit))
    except BrokenPipeError:
        if out is None:
            # As the interpreter ends it flushes the standard output once more: let it have one.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        pass
    finally:
        view.close()
    return view.shown


def _view(out: BinaryIO | None, as_json: bool, follow: bool) -> View:
    console = Console()
    if out is None and follow and not as_json and console.is_terminal:
        return LiveView(console)
    return (JsonLinesView if as_json else TextView)(sys.stdout.buffer if out is None else out)


async def _show(
    slices: AsyncGenerator[Sequence[Slice], None], view: View, limit: int | None
) -> None:
    async with aclosing(slices):
        async for some in slices:
            view.show(some if limit is None else list(_first(some, limit - view.shown)))
            if limit is not None and view.shown >= limit:
                return


def _first(slices: Sequence[Slice], count: int) -> Iterator[Slice]:
    """The first `count` records, or all where there are fewer."""
    for some in slices:
        yield some if len(some) <= count else some.before(some.offsets[count])
        count = max(0, count - len(some))


async def _read(
    partitions: Sequence[TopicPartition],
    options: Mapping[str, Any],
    last: int | None,
    follow: bool,
) -> AsyncGenerator[Sequence[Slice], None]:
    """All records, or the `last` ones, and those that come from then on."""
    read_in_slices({partition.topic for partition in partitions})
    consumer = aiokafka.AIOKafkaConsumer(**options)
    await consumer.start()
    try:
        consumer.assign(partitions)
        begin = await consumer.beginning_offsets(partitions)
        # Read committed, the end is where the first open transaction begins.
        end = await consumer.end_offsets(partitions)
        if last is None:
            async for slices in _between(consumer, begin, end):
                yield slices
        else:
            yield await _newest(consumer, begin, end, last)
        while follow:
            yield await _next(consumer)
    finally:
        await consumer.stop()


async def _between(
    consumer: Any, start: Mapping[TopicPartition, int], end: Mapping[TopicPartition, int]
) -> AsyncGenerator[Sequence[Slice], None]:
    """The records from `start` to `end`, and perhaps a few that have come meanwhile."""
    for partition, offset in start.items():
        consumer.seek(partition, offset)
    while any([await consumer.position(partition) < end[partition] for partition in end]):
        yield await _next(consumer)


async def _newest(
    consumer: Any,
    begin: Mapping[TopicPartition, int],
    end: Mapping[TopicPartition, int],
    count: int,
) -> Sequence[Slice]:
    """The newest records of all partitions by timestamp, each as a slice of its own."""
    span = count
    while True:
        start = {partition: max(begin[partition], end[partition] - span) for partition in end}
        slices = [one async for some in _between(consumer, start, end) for one in some]
        found: Counter[int] = Counter()
        for one in slices:
            found[one.partition] += len(one)
        # Offsets of transaction markers, aborted and compacted records hold none: farther back.
        if all(start[p] == begin[p] or found[p.partition] >= count for p in end):
            records = [record for one in slices for record in one.pieces(1) if len(record)]
            records.sort(key=lambda record: record.timestamps[0])
            return records[max(0, len(records) - count) :]
        span *= 4


async def _next(consumer: Any) -> Sequence[Slice]:
    fetched = await consumer.getmany(timeout_ms=_WAIT_MS)
    return [piece for some in chain.from_iterable(fetched.values()) for piece in some.pieces(_MOST)]
