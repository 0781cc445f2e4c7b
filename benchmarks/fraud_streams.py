"""The handbook's payments through Kafka: written with their labels, answered by a worker, read."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks import fraud_pipelines
from benchmarks.fraud_records import Answer, labels, payments
from benchmarks.handbook import Payments
from benchmarks.measuring import BenchmarkError, Run, committed, when
from streams.broker import Broker
from streams.offsets import lag
from streams.pipeline import Pipeline
from streams.producing import produce
from streams.topics import ensure, required_topics

__all__ = ["Answers", "answers"]

_WARM_UP, _END = 0.1, 0.95  # of the payments, between which a worker is at full work
_LOOK_S, _PATIENCE_S = 0.5, 600.0


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
    with Broker(heap="1g") as broker, tempfile.TemporaryFile() as log:
        ensure(broker.bootstrap, required_topics(pipeline, partitions, retention_ms=-1))
        produce(payments(file), broker.bootstrap, pipeline.events.name)
        produce([labels(known)], broker.bootstrap, pipeline.label_topic.topic)
        command = [sys.executable, "-m", "streams", "worker", f"{fraud_pipelines.__file__}:{name}"]
        command += ["--brokers", broker.bootstrap, "--metrics-port", "0"]
        worker = psutil.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            run = _watched(worker, broker.bootstrap, pipeline, len(known), partitions)
        except BenchmarkError as error:
            log.seek(0)
            raise BenchmarkError(
                f"{error}\n{log.read().decode(errors='replace')[-2000:]}"
            ) from error
        finally:
            if worker.is_running():
                worker.terminate()
                worker.wait(60)
        return Answers(_scores(broker.bootstrap, pipeline, known, partitions), run)


def _watched(
    worker: psutil.Popen, brokers: str, pipeline: Pipeline, count: int, partitions: int
) -> Run:
    """What a worker costs, and wait until it has read both topics to their ends."""
    topic = pipeline.predictions_topic
    first = when(_WARM_UP * count, worker, brokers, topic, partitions, _PATIENCE_S)
    last = when(_END * count, worker, brokers, topic, partitions, _PATIENCE_S)
    deadline = time.monotonic() + _PATIENCE_S
    while any(one.behind for one in lag(brokers, pipeline.name, pipeline.input_topics)):
        if worker.poll() is not None:
            raise BenchmarkError(f"ended with {worker.returncode}")
        if time.monotonic() > deadline:
            raise BenchmarkError(f"is not through after {_PATIENCE_S:g} s")
        time.sleep(_LOOK_S)
    events = sum(last.ends) - sum(first.ends)
    return Run(events, last.wall - first.wall, last.cpu - first.cpu, events)


def _scores(
    brokers: str, pipeline: Pipeline, known: Payments, partitions: int
) -> NDArray[np.float64]:
    """Of each payment in the file, as any reader of committed records finds it."""
    decode = msgspec.json.Decoder(Answer).decode
    messages = committed(brokers, pipeline.predictions_topic, partitions)
    found = [decode(message.value()) for message in messages]
    scored = {int(one.id): one.score for one in found}
    if not len(found) == len(scored) == len(known):
        raise BenchmarkError(
            f"{len(found):,} predictions of {len(scored):,} payments, and there are {len(known):,}"
        )
    return np.array([scored[name] for name in known.id.tolist()])
