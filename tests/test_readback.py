"""Predictions read back: counted, and looked at for what nobody may see twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from streams.chunks import Chunk
from streams.predictions import Prediction
from streams.producing import produce
from streams.readback import ReadBack

pytestmark = pytest.mark.kafka

AT = datetime(2026, 1, 1, tzinfo=UTC)


def line(offset: int, score: float | None = 0.1, partition: int = 0) -> bytes:
    decision = score is not None and score > 0.6
    at = AT + timedelta(seconds=offset)
    one = Prediction(f"p{offset}", "c1", score, decision, "fraud-1", 0, at, partition, offset)
    return msgspec.json.encode(one)


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.fixture
def read(broker, topic):
    """Writes values to a topic of two partitions and reads them back, one after the other."""
    name, begun = topic("predictions", partitions=2), []

    def write(*values: bytes) -> ReadBack:
        back = begun[0] if begun else ReadBack(broker.bootstrap, name, 2)
        if not begun:
            begun.append(back)
            back.start()
        before = back.count
        produce([Chunk(list(values), [b"one key"] * len(values))], broker.bootstrap, name)
        wait(lambda: back.failure or back.count == before + len(values))
        return back

    yield write
    for back in begun:
        back.stop()


def test_predictions_are_counted_and_those_of_an_event_that_had_one(read):
    back = read(line(1), line(2, 0.9), line(3), line(5, None), line(2, partition=1))
    assert (back.count, back.alerts, back.doubled) == (5, 1, 0)
    assert read(line(5), line(6, 0.7), line(2, partition=1)).doubled == 2
    assert (back.count, back.alerts) == (8, 2)


def test_the_riskiest_and_the_newest_are_those_since_the_last_look(read):
    back = read(line(7, 0.2), line(8, 0.9), line(9, None))
    riskiest, newest = back.take()
    assert (riskiest.id, newest.id) == ("p8", "p9")
    assert back.take() is None
    riskiest, newest = read(line(10, 0.3)).take()
    assert riskiest == newest
    assert riskiest.id == "p10"


def test_what_is_no_prediction_ends_the_reading_and_is_told(broker, topic):
    name = topic("predictions")
    produce([Chunk([b"{}"])], broker.bootstrap, name)
    back = ReadBack(broker.bootstrap, name, 1)
    back.start()
    wait(lambda: back.failure)
    assert "missing required field" in str(back.failure)
    back.stop()


def test_a_reader_may_be_stopped_at_once(broker, topic):
    back = ReadBack(broker.bootstrap, topic("predictions"), 1)
    back.stop()  # before it has begun, too
    back = ReadBack(broker.bootstrap, topic("predictions"), 1)
    back.start()
    back.stop()
    assert back.failure is None
