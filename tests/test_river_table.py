"""River's own published table through a real Kafka: the same six digits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import pytest
from confluent_kafka import Message, Producer
from outside import Worker, read

from benchmarks.river_table import DATASETS, RIVER_TABLE
from streams.broker import Broker
from streams.topics import TopicSpec, ensure

CASES = [(data, model) for data, models in RIVER_TABLE.items() for model in models]
AT_ONCE = 2


class Outcome(NamedTuple):
    """What a worker left behind: its exit code, its own accuracy, and its predictions."""

    code: int
    accuracy: float
    predictions: list[Message]


@pytest.fixture(scope="module")
def labels(broker: Broker) -> dict[str, list[bool]]:
    """The labels of each data set, whose events an ordinary client has produced."""
    ensure(broker.bootstrap, [TopicSpec(data.lower(), partitions=1) for data in DATASETS])
    producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True})
    found: dict[str, list[bool]] = {}
    for data, make in DATASETS.items():
        found[data] = []
        for x, y in make():
            producer.produce(data.lower(), json.dumps({**x, "label": y}))
            found[data].append(y)
    assert producer.flush(30) == 0
    return found


@pytest.fixture(scope="module")
def runs(
    broker: Broker, labels: dict[str, list[bool]]
) -> Iterator[dict[tuple[str, str], Future[Outcome]]]:
    """All pipelines of the table, a few at a time; who needs one waits for it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            case: pool.submit(run, broker.bootstrap, *case, len(labels[case[0]])) for case in CASES
        }
        pool.shutdown(cancel_futures=True)


def run(brokers: str, data: str, model: str, events: int) -> Outcome:
    name = f"{data}_{model}".lower()
    with Worker(f"tests/river_pipelines.py:{name}", brokers) as worker:
        worker.until(lambda: worker.total("thalweg_quality", metric="labels") == events, 100)
        accuracy = worker.total("thalweg_quality", metric="accuracy")
        code = worker.stop()
    predictions = f"{name.replace('_', '-')}.predictions"
    return Outcome(code, accuracy, list(read(brokers, predictions)))


@pytest.mark.kafka
@pytest.mark.parametrize(("data", "model"), CASES)
def test_the_published_accuracy_is_reached_through_kafka_to_six_digits(
    data: str,
    model: str,
    labels: dict[str, list[bool]],
    runs: dict[tuple[str, str], Future[Outcome]],
) -> None:
    outcome = runs[data, model].result()
    predictions = [json.loads(message.value()) for message in outcome.predictions]
    assert [prediction["offset"] for prediction in predictions] == list(range(len(labels[data])))
    # River, too, counts only what a model had an answer to.
    verdicts = [
        prediction["decision"] == label
        for prediction, label in zip(predictions, labels[data], strict=True)
        if prediction["decision"] is not None
    ]
    _, published = RIVER_TABLE[data][model]
    assert f"{sum(verdicts) / len(verdicts):.6f}" == f"{published:.6f}"
    assert f"{outcome.accuracy:.6f}" == f"{published:.6f}"
    assert outcome.code == 0
