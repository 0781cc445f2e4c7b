"""The presets work as declared; what they are worth is measured by `benchmarks.fraud`."""

from datetime import datetime

import msgspec
import numpy as np
import pytest

from models.presets import fraud
from streams import DeclarationError, Event, Labels, Pipeline, Topic
from streams.simulator import Simulator
from streams.testing import Driver


class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    customer_id: str
    terminal_id: str
    device_id: str
    amount: float


class Chargeback(Event, frozen=True):
    tx_id: str
    fraud: bool
    at: datetime


def declared(**preset) -> Pipeline:
    return Pipeline(
        name="fraud",
        events=Topic("payments", schema=Payment, id="tx_id", key="customer_id", time="at"),
        labels=Labels(
            "chargebacks",
            schema=Chargeback,
            id="tx_id",
            value="fraud",
            time="at",
            matures_after="7d",
            otherwise=0,
        ),
        **fraud(amount="amount", by="customer_id", **preset),
    )


def test_it_finds_the_frauds_of_a_simulation_and_any_cut_gives_the_same_scores() -> None:
    simulator = Simulator(seed=5, days=40, customers=150, terminals=200)
    truth: dict[str, int] = {}
    scores = []
    for batch in (None, 37):
        driver = Driver(declared(at=["terminal_id", "device_id"]), partitions=1)
        for block in simulator.messages(512):
            for role, value in zip(block.roles, block.values, strict=True):
                message = msgspec.json.decode(value)
                if role == "labels":
                    truth[message["tx_id"]] = message["fraud"]
                    message["fraud"] = bool(message["fraud"])
                    kept = {name: message[name] for name in ("tx_id", "fraud", "at")}
                    driver.send("chargebacks", kept, partition=0)
                else:
                    kept = {name: message[name] for name in Payment.__struct_fields__}
                    driver.send("payments", kept)
        driver.run(batch)
        scores.append({one.id: one.score for one in driver.predictions})
    assert scores[0] == scores[1]
    late = {tx_id: score for tx_id, score in scores[0].items() if tx_id >= "p0025"}
    frauds = [score for tx_id, score in late.items() if truth.get(tx_id)]
    genuine = [score for tx_id, score in late.items() if not truth.get(tx_id)]
    assert len(frauds) > 20
    assert np.mean(frauds) > 5 * np.mean(genuine)


def test_a_delay_shorter_than_the_labels_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"write: .*delay='7d'"):
        declared(at="terminal_id", delay="1d")


def test_it_needs_no_place() -> None:
    assert len(declared().features) == 3
