"""On a real Kafka: what killed workers decided is decided again to the byte, and is counted."""

from __future__ import annotations

import json
from collections import Counter
from uuid import uuid4

import pytest
from click.testing import CliRunner
from outside import Worker, read

from streams import load, producing, topics
from streams.offsets import lag
from streams.recordings import write_files
from streams.replaycommands import replay
from streams.simulator import Simulator
from streams.whatifcommand import what_if
from tests.card_schemas import SCHEMAS

pytestmark = pytest.mark.kafka

PARTITIONS = 2
SIMULATOR = Simulator(seed=11, days=20, customers=200, terminals=300)

PIPELINE = (
    SCHEMAS
    + """
from models import Cross, Hashed, Logistic, Number
from streams import AlertBudget, Field, Labels, Pipeline, Rule, Score, Topic

pipeline = Pipeline(
    name="{name}",
    events=Topic("{name}.payments", schema=Payment, id="tx_id", key="customer_id", time="at"),
    labels=Labels("{name}.chargebacks", schema=Chargeback, id="tx_id", value="fraud", time="at",
                  matures_after="3d", otherwise=0),
    features=[Number("amount", scale="standard"), Hashed("terminal_id"),
              Cross("customer_id", "terminal_id")],
    model=Logistic(bits=12),
    decide=AlertBudget(per_day=30, one_per="customer_id", partitions={partitions}),
    rules=[Rule("large", Field("amount") > 250, then=True),
           Rule("likely", Score() > 0.2, then=True, shadow=True)],
    explore=0.1,
)
"""
)


def pipeline_file(folder, name, partitions=PARTITIONS):
    file = folder / f"{name.replace('-', '_')}_{partitions}.py"
    file.write_text(PIPELINE.format(name=name, partitions=partitions))
    return file


def run(command, file, brokers, *words):
    arguments = [str(file), *map(str, words), "--brokers", brokers]
    found = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.stdout


def test_decisions_outlive_killed_workers_to_the_byte_and_are_counted(broker, tmp_path):
    name = f"card-{uuid4().hex[:8]}"
    file, brokers = pipeline_file(tmp_path, name), broker.bootstrap
    topics.ensure(brokers, topics.required_topics(load(str(file)), PARTITIONS, retention_ms=-1))
    to = {"events": f"{name}.payments", "labels": f"{name}.chargebacks"}
    producing.produce(SIMULATOR.messages(64), brokers, to)

    def settled(_: Worker) -> bool:
        return all(one.behind == 0 for one in lag(brokers, name, list(to.values())))

    with Worker(file, brokers, slot="a", checkpoint_interval_s=1) as worker:
        worker.until(lambda: worker.total("thalweg_predictions_total") > 500, 60)
        worker.kill()
    with Worker(file, brokers, slot="a", checkpoint_interval_s=1) as worker:
        worker.until(lambda: settled(worker), 60)
        decided = worker.total("thalweg_decisions_total")
        assert decided == worker.total("thalweg_events_total")
        assert worker.stop() == 0, worker.output
    assert json.loads(run(replay, file, brokers, "--check", "--json"))["equal"]

    published = [json.loads(message.value()) for message in read(brokers, f"{name}.predictions")]
    alerts = Counter(
        (it["partition"], it["at"][:10])
        for it in published
        if it["decided_by"] == "score" and it["decision"]
    )
    assert 0 < max(alerts.values()) <= 15 + 3
    by = Counter(it["decided_by"] for it in published)
    assert set(by) >= {"score", "large", "exploration"}
    assert all(it["decision"] for it in published if it["rules"] == ["large"])

    write_files(SIMULATOR, str(tmp_path), "jsonl")
    words = ("--threshold", 0.1, "--threshold", 0.4, "--amount", "amount", "--json")
    files = ("--events", tmp_path / "payments.jsonl", "--labels", tmp_path / "chargebacks.jsonl")
    by_topic = run(what_if, file, brokers, *words).splitlines()
    by_file = run(what_if, file, brokers, *words, *files, "--partitions", PARTITIONS).splitlines()
    assert len(by_topic) == 3
    for one, other in zip(map(json.loads, by_topic), map(json.loads, by_file), strict=True):
        assert one.pop("way") == other.pop("way")
        assert one == pytest.approx(other)


def test_a_worker_refuses_a_budget_that_is_divided_among_others(broker, tmp_path):
    name = f"card-{uuid4().hex[:8]}"
    file = pipeline_file(tmp_path, name, partitions=3)
    topics.ensure(broker.bootstrap, topics.required_topics(load(str(file)), PARTITIONS))
    told = r"write: AlertBudget\(per_day=30, partitions=2\)"
    with Worker(file, broker.bootstrap) as worker, pytest.raises(AssertionError, match=told):
        worker.until(lambda: False, 60)
