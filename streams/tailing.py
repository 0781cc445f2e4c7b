"""What stands in a topic, as a table to look at or as JSON lines for the next program."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, BinaryIO, TypeAlias

import aiokafka
from aiokafka import ConsumerRecord, TopicPartition
from rich.console import Console

from streams.cluster import Security, connection
from streams.topics import topic_named
from streams.views import JsonLinesView, LiveView, TextView, View

__all__ = ["tail"]

Positions: TypeAlias = Mapping[TopicPartition, int]

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
    console: Console | None = None,
    security: Security | None = None,
) -> int:
    """Show the end of a topic, or all of it; returns how many records were shown.

    On a terminal it is a table, live when it follows; elsewhere plain lines. Nothing is committed:
    it is no member of any group. Ends quietly with Ctrl-C, or when nobody reads its output any more.

    Args:
        bootstrap: brokers to ask first, host:port with commas between.
        topic: has to exist.
        last: how many of the newest records, over all partitions, in the order of their timestamps.
        from_beginning: all records instead.
        follow: go on with what is written from now on.
        committed: leave out what belongs to an open or an aborted transaction.
        as_json: the values alone, byte for byte, one a line.
        limit: end after so many records.
        console: where to; by default the standard output.
        security: options of the connection.

    Raises:
        ClusterError: there is no Kafka.
        TopicError: there is no such topic.
    """
    count = topic_named(bootstrap, topic, security).partitions
    partitions = [TopicPartition(topic, number) for number in range(count)]
    options = {
        **connection(bootstrap, security),
        "isolation_level": "read_committed" if committed else "read_uncommitted",
        "enable_auto_commit": False,
        "max_partition_fetch_bytes": _FETCH_BYTES,
    }
    console = console or Console()
    view = _view(console, as_json=as_json, live=follow)
    reading = _read(partitions, options, None if from_beginning else last, follow)
    try:
        asyncio.run(_show(reading, view, limit))
    except KeyboardInterrupt:
        view.close()
    except BrokenPipeError:
        # The interpreter flushes the standard output once more as it ends: let it have one.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return view.shown


def _view(console: Console, *, as_json: bool, live: bool) -> View:
    if as_json:
        return JsonLinesView(console.file)
    if console.is_terminal:
        return LiveView(console)
    return TextView(console.file)
