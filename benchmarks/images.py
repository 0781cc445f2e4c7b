"""Images of a large state: bytes, time, and how long the event loop stands still for one."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from statistics import median_low
from typing import Any
from uuid import uuid4

import msgspec

from benchmarks.payments import Payment, payments
from benchmarks.pipelines import delayed
from benchmarks.stages import carry_out, record_batch
from benchmarks.systems import PAYMENTS
from streams import Pipeline
from streams.allocation import keep_freed_memory
from streams.broker import Broker
from streams.checkpoint import Checkpoints
from streams.producer import PartitionProducer
from streams.task import PartitionTask
from streams.topics import TopicSpec, ensure

__all__ = ["images"]

REMEMBERED = (100_000, 1_000_000)
MORE = 60_000
"""Events between two images: a minute of a thousand a second."""

_TOPIC = "images.checkpoints"
_SLICE = 4_000
_PROBE_S = 0.001
_SWITCH_S = 0.0005  # as in a worker
_TIMEOUT_S = 60.0


async def images(runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Write images of tasks that remember so many ids: a first, and one some events later."""
    keep_freed_memory()
    sys.setswitchinterval(_SWITCH_S)
    with Broker() as broker:
        ensure(broker.bootstrap, [TopicSpec(_TOPIC, 1, configs={"cleanup.policy": "compact"})])
        rows = []
        for remembered in REMEMBERED:
            rows += await _rows(broker.bootstrap, remembered, runs)
            for row in rows[-2:]:
                say(", ".join(f"{name} {value}" for name, value in row.items()))
    return {"events_between": MORE, "rows": rows}


async def _rows(brokers: str, remembered: int, runs: int) -> list[dict[str, Any]]:
    """The medians of a first image and of one after it."""
    task = PartitionTask(_pipeline(remembered), 0)
    task.positions = dict.fromkeys(task.pipeline.input_topics, 0)
    coming = payments(remembered + runs * MORE)
    _feed(task, islice(coming, remembered))
    taken: dict[str, list[dict[str, float]]] = {"first": [], "incremental": []}
    for _ in range(runs):
        group = f"images-{uuid4().hex[:8]}"
        client = {"bootstrap_servers": brokers}
        checkpoints = Checkpoints(client, _TOPIC, 0, group)
        await checkpoints.newest()
        producer = PartitionProducer(client, group, _TIMEOUT_S, "none")
        await producer.start()
        taken["first"].append(await _image(task, checkpoints, producer, group))
        _feed(task, islice(coming, MORE))
        taken["incremental"].append(await _image(task, checkpoints, producer, group))
        await producer.stop()
    return [
        {
            "remembered": task.pending,
            "image": which,
            **{name: round(median_low(one[name] for one in each), 2) for name in each[0]},
            "longest_stall_ms": round(max(one["stall_ms"] for one in each), 2),
        }
        for which, each in taken.items()
    ]


def _pipeline(remembered: int) -> Pipeline:
    """All events wait for a label that never comes."""
    usual = delayed("images")
    labels = replace(usual.labels, matures_after=None, otherwise=None, remember=remembered)
    return replace(usual, labels=labels)


def _feed(task: PartitionTask, some: Iterator[Payment]) -> None:
    encode = msgspec.json.encode
    while chunk := list(islice(some, _SLICE)):
        keys, values = [one.card.encode() for one in chunk], list(map(encode, chunk))
        start = task.positions[PAYMENTS]
        times = [one.at * 1_000 for one in chunk]
        carry_out(task, PAYMENTS, start, record_batch(keys, values, times, start))


async def _image(
    task: PartitionTask, checkpoints: Checkpoints, producer: PartitionProducer, group: str
) -> dict[str, float]:
    """Take, pack and write an image as `streams.transactions` does."""
    async with _probed() as idle:
        await asyncio.sleep(0.5)
    async with _probed() as lags:
        began, used = time.perf_counter(), time.thread_time()
        image = task.image()
        copied, used = time.perf_counter(), time.thread_time() - used
        prepared = await asyncio.to_thread(checkpoints.prepare, image, 0)
        packed = time.perf_counter()
        await producer.begin()
        size = await checkpoints.write(producer, prepared, int(time.time() * 1_000))
        await producer.add_offsets({}, group)
        written = time.perf_counter()
        await producer.commit()
        checkpoints.settled(prepared)
    return {
        "bytes": size,
        "copy_ms": 1e3 * (copied - began),
        "copy_cpu_ms": 1e3 * used,
        "prepare_ms": 1e3 * (packed - copied),
        "write_ms": 1e3 * (written - packed),
        "stall_ms": 1e3 * max(lags),
        "idle_stall_ms": 1e3 * max(idle),
    }


@asynccontextmanager
async def _probed() -> AsyncIterator[list[float]]:
    """How much later than asked each turn of the loop comes, in seconds."""
    lags: list[float] = []

    async def probe() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_PROBE_S)
            lags.append(time.perf_counter() - before - _PROBE_S)

    probing = asyncio.create_task(probe())
    await asyncio.sleep(2 * _PROBE_S)
    yield lags
    await asyncio.sleep(2 * _PROBE_S)
    probing.cancel()
