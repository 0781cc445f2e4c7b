"""A million payments through a real Kafka: each scored once, learned once, in the log's order."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from outside import ROOT, Worker, read

from streams.broker import Broker

pytestmark = pytest.mark.kafka

MILLION = 1_000_000
PARTITIONS = 4
PIPELINES = "tests/handbook_pipelines.py"
COLUMNS = {
    "TRANSACTION_ID": "tx_id",
    "TX_DATETIME": "at",
    "CUSTOMER_ID": "customer_id",
    "TERMINAL_ID": "terminal_id",
    "TX_AMOUNT": "amount",
    "TX_FRAUD": "fraud",
}
PATIENCE = 120


class Line(msgspec.Struct):
    id: str
    score: float
    learned: int
    partition: int
    offset: int


@dataclass
class Predictions:
    """What a stranger finds in one partition of a predictions topic, in the order of its log."""

    id: NDArray[np.int64]
    score: NDArray[np.float64]
    learned: NDArray[np.int64]
    offset: NDArray[np.int64]


@pytest.fixture(scope="module")
def handbook(broker: Broker, shared_data: Path) -> str:
    """Brokers where ``thalweg produce`` has written a million payments to topic ``handbook``."""
    file = shared_data / "handbook_raw.parquet"
    options = {
        "brokers": broker.bootstrap,
        "pipeline": f"{PIPELINES}:once",
        "partitions": PARTITIONS,
        "limit": MILLION,
        "select": ",".join(COLUMNS.values()),
    }
    command = [sys.executable, "-m", "streams", "produce", str(file), "--json"]
    command += [f"--{name}={value}" for name, value in options.items()]
    command += [f"--rename={old}={new}" for old, new in COLUMNS.items()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert msgspec.json.decode(done.stdout)["records"] == MILLION
    return broker.bootstrap


@pytest.fixture(scope="module")
def undisturbed(handbook: str) -> list[Predictions]:
    """What one worker predicts that runs from the first event to the last."""
    with Worker(f"{PIPELINES}:once", handbook) as worker:
        worker.until(lambda: has_learned(worker, MILLION), PATIENCE)
        assert worker.stop() == 0
    return predictions(handbook, "once.predictions")


def has_learned(worker: Worker, events: int) -> bool:
    return worker.total("thalweg_quality", metric="labels") >= events


def predictions(brokers: str, topic: str) -> list[Predictions]:
    """The predictions in each partition."""
    decode = msgspec.json.Decoder(Line).decode
    lines: list[list[tuple[int, float, int, int]]] = [[] for _ in range(PARTITIONS)]
    for message in read(brokers, topic):
        line = decode(message.value())
        assert line.partition == message.partition()
        lines[line.partition].append((int(line.id), line.score, line.learned, line.offset))
    columns = [list(zip(*part, strict=True)) for part in lines]
    return [
        Predictions(np.array(i), np.array(score), np.array(learned), np.array(offset))
        for i, score, learned, offset in columns
    ]


def assert_equal(found: list[Predictions], expected: list[Predictions]) -> None:
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine.offset, other.offset)
        np.testing.assert_array_equal(mine.id, other.id)
        np.testing.assert_array_equal(mine.learned, other.learned)
        np.testing.assert_array_equal(mine.score.view(np.int64), other.score.view(np.int64))


def test_each_of_a_million_events_is_predicted_once(undisturbed: list[Predictions]) -> None:
    ids = np.concatenate([part.id for part in undisturbed])
    assert len(ids) == MILLION
    assert len(np.unique(ids)) == MILLION


def test_each_event_is_learned_once_and_after_it_was_scored(undisturbed: list[Predictions]) -> None:
    for part in undisturbed:
        np.testing.assert_array_equal(part.offset, np.arange(len(part.offset)))
        np.testing.assert_array_equal(part.learned, part.offset)


def test_a_clean_stop_and_a_restart_in_the_middle_change_no_prediction(
    handbook: str, undisturbed: list[Predictions]
) -> None:
    name = f"{PIPELINES}:restarted"
    with Worker(name, handbook) as worker:
        worker.until(lambda: worker.total("thalweg_events_total") >= MILLION // 3, PATIENCE)
        assert worker.stop() == 0
    before = sum(1 for _ in read(handbook, "restarted.predictions"))
    assert MILLION // 3 <= before < MILLION
    with Worker(name, handbook) as worker:
        worker.until(lambda: has_learned(worker, MILLION), PATIENCE)
        assert worker.stop() == 0
    assert_equal(predictions(handbook, "restarted.predictions"), undisturbed)


def test_two_workers_predict_what_one_does(handbook: str, undisturbed: list[Predictions]) -> None:
    with Worker(f"{PIPELINES}:in_pairs", handbook, workers=2) as worker:
        worker.until(lambda: has_learned(worker, MILLION), PATIENCE)
        assert worker.totals("thalweg_assigned_partitions") == [2, 2]
        assert worker.stop() == 0
    assert_equal(predictions(handbook, "in-pairs.predictions"), undisturbed)
