"""Partitions that share windows, through Kafka; what each event was given is computed again."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks import fraud_pipelines
from benchmarks.answering import scores, through
from benchmarks.mixing_streams import wait_for_assignment
from benchmarks.processes import working
from benchmarks.shared_tasks import Found, Late
from streams.broker import Broker
from streams.chunks import Chunk
from streams.pipeline import Pipeline
from streams.producing import produce
from streams.recorded import recorded
from streams.site import Site
from streams.topics import ensure, required_topics

__all__ = ["streamed"]

_BLOCK = 4_096
_WORKERS = 2


class _Named(msgspec.Struct):
    tx_id: str


def streamed(
    name: str,
    pipeline: Pipeline,
    at: NDArray[np.int64],
    events: Chunk,
    labels: Chunk,
    partitions: int,
    ids: list[str],
    rate: float,
) -> Found:
    """Scores of events that two workers answer while they come; and figures, from the journal.

    Args:
        name: of the pipeline in `benchmarks.fraud_pipelines`.
        pipeline: that one.
        at: int64[n], microseconds, when each event was, ascending.
        events, labels: the records; the labels are there before the first event.
        partitions: how many.
        ids: of the events.
        rate: events a second.

    Raises:
        BenchmarkError: a worker died or stood still, or left an event without one answer.
    """
    topic = pipeline.events.name
    with Broker(heap="1g") as broker:
        brokers = broker.bootstrap
        ensure(brokers, required_topics(pipeline, partitions, retention_ms=-1))
        produce([labels], brokers, pipeline.input_topics[1])
        command = [sys.executable, "-m", "streams", "worker", f"{fraud_pipelines.__file__}:{name}"]
        command += ["--workers", str(_WORKERS), "--brokers", brokers, "--metrics-port", "0"]
        with working(command) as worker, ThreadPoolExecutor(1) as feeder:
            wait_for_assignment(worker, brokers, pipeline, _WORKERS)
            blocks = iter([events.cut(n, n + _BLOCK) for n in range(0, len(events), _BLOCK)])
            feeding = feeder.submit(produce, blocks, brokers, topic, rate=rate)
            through(worker, brokers, pipeline, lambda: not feeding.done())
            feeding.result()
        score = scores(brokers, pipeline.predictions_topic, partitions, ids)
        site = Site(pipeline, pipeline.name, {"bootstrap_servers": brokers})
        figures, late = asyncio.run(_again(site, at, partitions, ids))
    return Found(score, figures, late)


async def _again(
    site: Site, at: NDArray[np.int64], partitions: int, ids: list[str]
) -> tuple[NDArray[np.float32], Late]:
    """What each event was given, computed again in the order in which it was; see `Found`."""
    place = {one: n for n, one in enumerate(ids)}
    late, figures = Late(at), np.empty((0, 0), np.float32)
    parse = msgspec.json.Decoder(_Named).decode
    for number in range(partitions):
        past, now = await recorded(site, number, image="none"), 0
        async for records, output in past.outputs():
            if records.topic == site.pipeline.events.name and output.events:
                places = [place[parse(value or b"").tx_id] for value in records.values]
                now = places[-1]
                rows = past.task.rows
                _, _, numbers = rows.window(rows.next - len(places), rows.next)
                if not len(figures):
                    figures = np.empty((len(at), len(numbers) // len(places)), np.float32)
                figures[places] = numbers.reshape(len(places), -1)
            elif records.topic == site.pipeline.deltas_topic:
                for key, delta in zip(records.keys, records.values, strict=True):
                    if key == b"%d" % number:
                        late.told += len(delta or b"")
                    else:
                        late.heard(delta or b"", now)
    return figures, late
