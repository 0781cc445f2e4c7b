"""Labels that reach Kafka shuffled, doubled and revised: the model is that of an orderly stream."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from kafka_harness import OnKafka
from outside import ROOT, read
from shops import Sale, Visit
from test_lives import visited

from streams.broker import Broker
from streams.image import unpack
from tests.messages import record_of

pytestmark = pytest.mark.kafka

EVENTS = 4 * 3_600
PARTITIONS = 2
LONGEST_DELAY_S = 1_800
FURTHEST_S = 800
"""Out of order by no more than that, a label is there before its event matures."""


def sold(number: int, chance: Random) -> Sale:
    visit = Visit(**visited(number))
    at = visit.at + timedelta(seconds=chance.uniform(1, LONGEST_DELAY_S))
    return Sale(visit.id, visit.customer, bought=number % 3 == 0, at=at)


def disturbed(sales: Iterable[Sale], chance: Random) -> list[Sale]:
    """Each at first with the opposite, then as it is, twice; all of it out of order."""
    placed: list[tuple[float, Sale]] = []
    for sale in sales:
        said = sale.at.timestamp()
        places = sorted(said + chance.uniform(-FURTHEST_S, FURTHEST_S) for _ in range(3))
        before = sale.at - timedelta(seconds=1)
        wrong = Sale(sale.id, sale.customer, bought=not sale.bought, at=before)
        placed += zip(places, [wrong, sale, sale], strict=True)
    return [sale for _, sale in sorted(placed, key=lambda pair: pair[0])]


def produce(brokers: str, folder: Path, topic: str, records: Iterable[object]) -> None:
    file = folder / f"{topic}.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    command = [sys.executable, "-m", "streams", "produce", str(file)]
    command += [f"--topic={topic}", "--key=customer", f"--brokers={brokers}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)


def learned(brokers: str, folder: Path, name: str, sales: Iterable[Sale]) -> list[dict]:
    """What the task of each partition knows in the end, but what it counted of labels."""
    harness = OnKafka(brokers, name, PARTITIONS)
    try:
        produce(brokers, folder, f"{name}.visits", [Visit(**visited(n)) for n in range(EVENTS)])
        produce(brokers, folder, f"{name}.sales", sales)
        for topic in harness.pipeline.input_topics:
            harness.sent += map(record_of, read(brokers, topic))
        harness.scale(1)
        harness.settle()
        harness.scale(0)
        states = [dict(unpack(image).state) for image in harness.images()]
    finally:
        harness.close()
    for state in states:
        state["joiner"] = None
    return states


def test_labels_shuffled_doubled_and_revised_leave_the_model_of_an_orderly_stream(
    broker: Broker, tmp_path: Path
):
    chance = Random(1)
    sales = [sold(number, chance) for number in range(0, EVENTS, 2)]
    by_date = sorted(sales, key=lambda sale: sale.at)
    orderly = learned(broker.bootstrap, tmp_path, "orderly", by_date)
    disorderly = learned(broker.bootstrap, tmp_path, "disorderly", disturbed(sales, chance))
    assert min(state["learned"] for state in orderly) > EVENTS / 2 / PARTITIONS
    assert msgspec.msgpack.encode(disorderly, enc_hook=bytes) == msgspec.msgpack.encode(
        orderly, enc_hook=bytes
    )
