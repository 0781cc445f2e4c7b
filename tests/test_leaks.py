"""No id of anybody stands in a metric, a log line or the headers of a dead letter."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from outside import Worker, read

from streams import load, topics
from streams.broker import Broker
from streams.offsets import lag

pytestmark = pytest.mark.kafka

NOBODY = "nobody-7f3a91"
"""Stands in every id, key and text that is sent, good or bad."""

PIPELINE = """
from datetime import datetime
from typing import Literal
from models import Clock, Cross, Hashed, Logistic, Number, Text, Window
from streams import Event, Labels, Pipeline, Secret, Threshold, Topic

class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    customer_id: str
    kind: Literal["chip", "swipe"]
    note: str
    {secret}
    amount: float

class Chargeback(Event, frozen=True):
    tx_id: str
    fraud: Literal[0, 1]
    by: Literal["bank", "holder"]
    at: datetime

pipeline = Pipeline(
    name="{name}",
    events=Topic("{name}.payments", schema=Payment, id="tx_id", key="customer_id", time="at"),
    labels=Labels("{name}.chargebacks", schema=Chargeback, id="tx_id", value="fraud", time="at",
                  matures_after="1h", otherwise=0),
    features=[Number("amount", scale="standard"), Hashed("customer_id"), Text("note"),
              Cross("customer_id", "kind"), {feature}
              Window("amount", by="customer_id", over=["1h"], stats=["count", "ratio"])],
    model=Logistic(bits=12),
    decide=Threshold(0.4),
    reasons=3,
)
"""


def payment(n: int, **changed: object) -> bytes:
    own = {
        "tx_id": f"{NOBODY}-{n}", "at": f"2026-01-{1 + n // 60 % 28:02}T10:{n % 60:02}:00Z",
        "customer_id": f"{NOBODY}-{n % 7}", "kind": "chip", "note": f"for {NOBODY}",
        "card": f"{NOBODY}-{n % 5}", "amount": 1.5 * n,
    }  # fmt: skip
    return json.dumps({**own, **changed}).encode()


def chargeback(n: int, **changed: object) -> bytes:
    own = {
        "tx_id": f"{NOBODY}-{n}", "fraud": n % 2, "by": "bank", "at": "2026-01-09T00:00:00Z",
    }  # fmt: skip
    return json.dumps({**own, **changed}).encode()


BAD = [
    b'{"tx_id":"%b"' % NOBODY.encode(), NOBODY.encode(), payment(1, kind=NOBODY),
    payment(2, amount=NOBODY), payment(3, at=NOBODY), payment(4, amount=1e300),
    payment(5, note=4111111111111111), payment(6, note=f"{NOBODY} 4111111111111111"),
    payment(7, customer_id={NOBODY: NOBODY}), payment(8, **{NOBODY: "\ud800"}),
    payment(9, note=NOBODY * 40_000),
]  # fmt: skip
BAD_LABELS = [
    chargeback(1, by=NOBODY), chargeback(2, fraud=NOBODY), chargeback(3, fraud=7),
    chargeback(4, at=NOBODY), NOBODY.encode(),
]  # fmt: skip


@pytest.mark.parametrize(
    ("secret", "feature"), [("", ""), ("card: Secret", 'Hashed("card"),')], ids=["plain", "secret"]
)
def test_nobody_is_told_of_by_a_worker(broker: Broker, tmp_path: Path, secret: str, feature: str):
    name, key = f"leak-{uuid4().hex[:8]}", tmp_path / "hash.key"
    key.write_bytes(b"a key for the tests alone")
    file = tmp_path / "leak.py"
    file.write_text(PIPELINE.format(name=name, secret=secret, feature=feature))
    pipeline = load(file)
    topics.ensure(broker.bootstrap, topics.required_topics(pipeline, 1, retention_ms=-1))
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for n in range(300):
        producer.produce(f"{name}.payments", payment(n), NOBODY)
    for value in BAD:
        producer.produce(f"{name}.payments", value, NOBODY, headers=[(NOBODY, NOBODY)])
    for value in [*map(chargeback, range(0, 300, 3)), *BAD_LABELS]:
        producer.produce(f"{name}.chargebacks", value, NOBODY)
    assert producer.flush(30) == 0
    worker = Worker(
        file, broker.bootstrap, dead_letter_limit=1, report_every_s=1, hash_key_file=key
    )
    with worker:
        worker.until(lambda: worker.total("thalweg_dead_letters_total") >= 15, 60)
        worker.until(
            lambda: all(
                it.behind == 0 for it in lag(broker.bootstrap, name, pipeline.input_topics)
            ),
            60,
        )
        [page] = worker.pages()
        assert worker.stop() == 0, worker.output
        told = worker.output
    letters = list(read(broker.bootstrap, f"{name}.dead-letters"))
    ours = [
        {field: value for field, value in one.headers() or () if field.startswith("thalweg.")}
        for one in letters
    ]
    assert len(letters) == len(BAD) + len(BAD_LABELS)
    assert {b"pan", b"schema", b"malformed", b"number"} <= {it["thalweg.reason"] for it in ours}
    assert "thalweg_dead_letters_total" in page
    assert "labels" in told
    for what in (page, told, repr(ours)):
        assert NOBODY not in what
        assert "4111111111111111" not in what
    kept = [
        message.value() or b""
        for topic in (pipeline.checkpoints_topic, pipeline.journal_topic)
        for message in read(broker.bootstrap, topic)
    ]
    assert kept
    assert not any(key.read_bytes() in value for value in [*kept, told.encode(), page.encode()])
    if secret:
        events = f"{name}.payments".encode()
        of_events = zip(letters, ours, strict=True)
        assert not any(one.value() for one, it in of_events if it["thalweg.topic"] == events)
