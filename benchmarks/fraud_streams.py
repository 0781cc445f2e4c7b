"""The handbook's payments through Kafka: written with their labels, answered by a worker, read."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks import fraud_pipelines
from benchmarks.answering import PATIENCE_S, scores, through
from benchmarks.fraud_records import labels, payments
from benchmarks.handbook import Payments
from benchmarks.measuring import Run, when
from benchmarks.processes import working
from streams.broker import Broker
from streams.pipeline import Pipeline
from streams.producing import produce
from streams.topics import ensure, required_topics

__all__ = ["Answers", "answers"]

_WARM_UP, _END = 0.1, 0.95  # of the payments, between which a worker is at full work


@dataclass(frozen=True)
class Answers:
    """What a worker made of all payments.

    Attributes:
        score: float64[n], in the order of the file.
        run: what it cost, from a tenth of the payments to nearly all.
    """

    score: NDArray[np.float64]
    run: Run


def answers(file: Path, known: Payments, partitions: int) -> Answers:
    """Write all payments and labels to a broker of its own, and have a worker answer them.

    Raises:
        BenchmarkError: the worker died or stood still, or left a payment without one answer.
    """
    name = fraud_pipelines.PIPELINES[partitions]
    pipeline: Pipeline = getattr(fraud_pipelines, name)
    with Broker(heap="1g") as broker:
        ensure(broker.bootstrap, required_topics(pipeline, partitions, retention_ms=-1))
        produce(payments(file), broker.bootstrap, pipeline.events.name)
        produce([labels(known)], broker.bootstrap, pipeline.label_topic.topic)
        command = [sys.executable, "-m", "streams", "worker", f"{fraud_pipelines.__file__}:{name}"]
        command += ["--brokers", broker.bootstrap, "--metrics-port", "0"]
        with working(command) as worker:
            run = _watched(worker, broker.bootstrap, pipeline, len(known), partitions)
        ids = list(map(str, known.id.tolist()))
        return Answers(scores(broker.bootstrap, pipeline.predictions_topic, partitions, ids), run)


def _watched(
    worker: psutil.Popen, brokers: str, pipeline: Pipeline, count: int, partitions: int
) -> Run:
    """What a worker costs, and wait until it has read both topics to their ends."""
    topic = pipeline.predictions_topic
    first = when(_WARM_UP * count, worker, brokers, topic, partitions, PATIENCE_S)
    last = when(_END * count, worker, brokers, topic, partitions, PATIENCE_S)
    through(worker, brokers, pipeline)
    events = sum(last.ends) - sum(first.ends)
    return Run(events, last.wall - first.wall, last.cpu - first.cpu, events)
