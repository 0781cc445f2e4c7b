"""What workers, or a task without Kafka, answer to the events of a file: one score for each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import msgspec
import numpy as np
import psutil
from kafka.errors import KafkaError
from numpy.typing import NDArray

from benchmarks.measuring import BenchmarkError, committed
from streams.backtesting import Lanes, backtest
from streams.chunks import Chunk
from streams.offsets import Lag, lag
from streams.pipeline import Pipeline
from streams.task import PartitionTask

__all__ = ["PATIENCE_S", "Answer", "answered", "scores", "through"]

PATIENCE_S = 600.0
_LOOK_S = 0.5


class Answer(msgspec.Struct):
    """What is read of a prediction."""

    id: str
    score: float


def through(
    worker: psutil.Popen,
    brokers: str,
    pipeline: Pipeline,
    coming: Callable[[], bool] = lambda: False,
    seen: Callable[[Sequence[Lag]], object] = bool,
) -> None:
    """Wait until all events and labels are answered and committed.

    Args:
        worker: is watched.
        brokers: of the topics.
        pipeline: whose input is read.
        coming: whether there will be more of it.
        seen: is told at every look how far the group has come.

    Raises:
        BenchmarkError: the worker ended, or is not through in ten minutes.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        more = coming()
        with suppress(KafkaError):  # a broker that gets no processor time leads nothing for a while
            places = lag(brokers, pipeline.name, pipeline.input_topics)
            seen(places)
            if not (more or any(one.behind for one in places)):
                return
        if worker.poll() is not None:
            raise BenchmarkError(f"ended with {worker.returncode}")
        if time.monotonic() > deadline:
            raise BenchmarkError(f"is not through after {PATIENCE_S:g} s")
        time.sleep(_LOOK_S)


def scores(brokers: str, topic: str, partitions: int, ids: Sequence[str]) -> NDArray[np.float64]:
    """Of each of the events, as any reader of committed records finds it: float64[n].

    Raises:
        BenchmarkError: one of them has no prediction, or more than one.
    """
    decode = msgspec.json.Decoder(Answer).decode
    found = [decode(message.value()) for message in committed(brokers, topic, partitions)]
    scored = {one.id: one.score for one in found}
    if not len(found) == len(scored) == len(ids):
        raise BenchmarkError(
            f"{len(found):,} predictions of {len(scored):,} events, and there are {len(ids):,}"
        )
    return np.array([scored[name] for name in ids])


def answered(
    pipeline: Pipeline, events: Iterable[Chunk], labels: Iterable[Chunk] | None = None
) -> NDArray[np.float64]:
    """Scores of events by a task without Kafka, labels taken as their dates come: float64[n].

    Raises:
        BenchmarkError: a record was turned away.
    """
    return asyncio.run(_answered(pipeline, events, labels))


async def _answered(
    pipeline: Pipeline, events: Iterable[Chunk], labels: Iterable[Chunk] | None
) -> NDArray[np.float64]:
    task = PartitionTask(pipeline, 0)
    task.positions = dict.fromkeys(pipeline.consumed_topics, 0)
    topics = zip(pipeline.input_topics, filter(None, (events, labels)), strict=True)
    lanes = [Lanes(topic, chunks, 1).lane(0) for topic, chunks in topics]
    decode = msgspec.json.Decoder(Answer).decode
    found: list[float] = []
    async for _, output in backtest(task, *lanes):
        if output.dead_letters:
            raise BenchmarkError(f"records were turned away: {dict(output.reasons)}")
        found += [decode(value).score for value in output.predictions.values]
    return np.array(found)
