"""What workers published can be computed again, to the byte, and one prediction of it explained."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Message, Producer
from kafka import TopicPartition as KafkaTopicPartition
from outside import Worker, read

from models.codes import code
from models.wording import number as spelled
from streams import load, producing, topics
from streams.broker import Broker
from streams.cluster import admin
from streams.columns import Fields
from streams.errors import TeachingError
from streams.explaincommand import explain
from streams.finding import AuditError
from streams.offsets import lag
from streams.recordings import write_files
from streams.replaycommands import audit, replay
from streams.simulator import Simulator
from streams.site import ReplayError
from streams.sources import open_source
from tests.card_schemas import SCHEMAS

pytestmark = pytest.mark.kafka

PARTITIONS = 2
SIMULATOR = Simulator(seed=11, days=20, customers=200, terminals=300)

LATE = (
    SCHEMAS
    + """
from models import {optimizer}, Cross, Hashed, Logistic, Number
from streams import Labels, Pipeline, Threshold, Topic

pipeline = Pipeline(
    name="{name}",
    events=Topic("{name}.payments", schema=Payment, id="tx_id", key="customer_id", time="at"),
    labels=Labels("{name}.chargebacks", schema=Chargeback, id="tx_id", value="fraud", time="at",
                  matures_after="3d", otherwise=0),
    features=[Number("amount", scale="standard"), Hashed("terminal_id"),
              Cross("customer_id", "terminal_id")],
    model=Logistic(bits=12, optimizer={optimizer}()),
    decide=Threshold({threshold}),
    reasons=2,
)
"""
)


@dataclass
class Lived:
    """A pipeline that workers ran, killed now and then, on a simulated stream."""

    brokers: str
    name: str
    file: Path
    folder: Path

    def file_with(self, optimizer: str = "AdaGrad", threshold: float = 0.5) -> Path:
        """The same pipeline, declared otherwise."""
        file = self.folder / f"{optimizer}_{str(threshold).replace('.', '_')}.py"
        file.write_text(LATE.format(name=self.name, optimizer=optimizer, threshold=threshold))
        return file

    def run(
        self, command, *words: object, file: Path | None = None, code: int | None = 0
    ) -> Result:
        arguments = [str(file or self.file), *map(str, words), "--brokers", self.brokers]
        found = CliRunner().invoke(command, arguments)
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        assert code is None or found.exit_code == code, found.output
        return found

    def replay(self, *words: object, **options) -> dict:
        return json.loads(self.run(replay, *words, "--json", **options).stdout)

    def audit(self, *words: object, **options) -> dict:
        return json.loads(self.run(audit, *words, "--json", **options).stdout)

    def published(self) -> list[Message]:
        return list(read(self.brokers, f"{self.name}.predictions"))

    def settled(self, group: str) -> bool:
        names = [f"{self.name}.payments", f"{self.name}.chargebacks"]
        return all(one.behind == 0 for one in lag(self.brokers, group, names))


@pytest.fixture(scope="module")
def lived(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    folder, name = tmp_path_factory.mktemp("replay"), f"card-{uuid4().hex[:8]}"
    world = Lived(broker.bootstrap, name, folder / "card.py", folder)
    world.file.write_text(LATE.format(name=name, optimizer="AdaGrad", threshold=0.05))
    topics.ensure(
        world.brokers, topics.required_topics(load(str(world.file)), PARTITIONS, retention_ms=-1)
    )
    to = {"events": f"{name}.payments", "labels": f"{name}.chargebacks"}

    def send() -> None:
        producing.produce(SIMULATOR.messages(64), world.brokers, to, rate=1_500)

    sending = threading.Thread(target=send)
    sending.start()
    for turn in range(3):
        with Worker(world.file, world.brokers, slot="a", checkpoint_interval_s=1) as worker:
            if turn < 2:
                worker.until(lambda w=worker: w.total("thalweg_predictions_total") > 500, 60)
                worker.kill()
                continue
            sending.join()
            worker.until(lambda: world.settled(name), 60)
            assert worker.stop() == 0, worker.output
    return world


def test_what_killed_workers_published_is_computed_again_to_the_byte(lived):
    found = lived.replay("--check")
    assert found["equal"]
    assert found["learned"] > 1_000
    assert sum(one["compared"] for one in found["comparisons"]) == len(lived.published()) > 5_000


def test_from_an_image_on_it_is_the_same(lived):
    ends = {}
    for message in lived.published():
        ends[message.partition()] = json.loads(message.value())["offset"] + 1
    for number, end in ends.items():
        words = ("--check", "--partition", number, "--from", end - 40, "--to", end - 10)
        found = lived.replay(*words)
        assert (found["equal"], found["events"]) == (True, 30)
        assert found["images"]
        assert lived.replay(*words, "--from-image", "none")["warmed"] == end - 40


def test_a_day_by_its_date(lived):
    found = lived.replay("--check", "--from", "2026-01-08", "--to", "2026-01-09")
    days = [m for m in lived.published() if b'"at":"2026-01-08T' in m.value()]
    assert (found["equal"], found["events"]) == (True, len(days))


def test_files_and_topics_take_what_was_published(lived, tmp_path):
    file, topic = tmp_path / "predictions.jsonl", f"{lived.name}.again"
    lived.run(replay, "--to-file", file)
    lived.run(replay, "--to-topic", topic)
    published = sorted((m.partition(), m.offset(), m.key(), m.value()) for m in lived.published())
    again = sorted(
        (m.partition(), m.offset(), m.key(), m.value()) for m in read(lived.brokers, topic)
    )
    values = [value for *_, value in published]
    assert file.read_bytes().splitlines() == values
    assert [(one[0], *one[2:]) for one in again] == [(one[0], *one[2:]) for one in published]


def test_a_backtest_on_the_topics_and_one_on_files_predict_the_same(lived, tmp_path):
    write_files(SIMULATOR, str(tmp_path), "jsonl")
    by_topic, by_file = tmp_path / "by_topic.jsonl", tmp_path / "by_file.jsonl"
    lived.run(replay, "--backtest", "--to-file", by_topic)
    lived.run(
        replay, "--events", tmp_path / "payments.jsonl", "--labels", tmp_path / "chargebacks.jsonl",
        "--partitions", PARTITIONS, "--to-file", by_file,
    )  # fmt: skip
    assert sorted(by_topic.read_bytes().splitlines()) == sorted(by_file.read_bytes().splitlines())


def test_another_declaration_is_told_from_the_one_that_published(lived):
    milder = lived.file_with(threshold=0.01)
    found = lived.replay("--check", "--from-image", "none", file=milder, code=1)
    [first, *_] = found["comparisons"][0]["first"]
    assert "model" in first["apart"]
    assert found["comparisons"][0]["differing"] == found["comparisons"][0]["compared"]


def test_one_prediction_is_explained_by_its_events_id_or_place_or_its_own(lived):
    message = lived.published()[-5]
    told = json.loads(message.value())
    ways = [
        told["id"],
        f"{lived.name}.payments/{told['partition']}/{told['offset']}",
        f"{lived.name}.predictions/{message.partition()}/{message.offset()}",
    ]
    audits = [lived.audit(way) for way in ways]
    assert audits[0] == audits[1] == audits[2]
    found = audits[0]
    assert found["equal"]
    assert found["equal_score"]
    assert found["published"] == found["recomputed"] == told
    assert {one["feature"] for one in found["contributions"]} == {
        "amount", "terminal_id", "customer_id*terminal_id",
    }  # fmt: skip
    amounts = [one["amount"] for one in found["contributions"]]
    assert sum(amounts) + found["intercept"] == pytest.approx(found["sum"], abs=1e-9)
    assert lived.run(audit, told["id"]).stdout.startswith("equal")


def test_it_is_explained_field_by_field_and_in_words(lived):
    message = lived.published()[-5]
    told = json.loads(message.value())
    found = json.loads(lived.run(explain, told["id"], "--json").stdout)
    assert found["same"]
    assert {"reasons": [], **found["prediction"]} == told
    odds = math.log(told["score"]) - math.log1p(-told["score"])
    for amounts in (found["by_field"].values(), [one["amount"] for one in found["reasons"]]):
        assert math.fsum([found["base"], *amounts]) == pytest.approx(odds, abs=1e-9)
    assert found["by_field"].keys() == {"amount", "terminal_id", "customer_id"}
    [amount] = [it for it in found["reasons"] if it["feature"] == "amount"]
    assert amount["value"] == found["fields"]["amount"]
    assert amount["words"].startswith(f"amount is {spelled(amount['value'])}, usually ")
    assert "log-odds" in lived.run(explain, told["id"]).stdout


def test_reasons_were_published_with_what_was_decided(lived):
    found = [json.loads(message.value()) for message in lived.published()]
    decided = [it for it in found if it["decision"]]
    assert any(it["reasons"] for it in decided)
    assert all(len(it["reasons"]) <= 2 for it in decided)
    assert not any(it["reasons"] for it in found if not it["decision"])
    codes = {code(name) for name in ("amount", "terminal_id", "customer_id*terminal_id")}
    assert {one["code"] for it in decided for one in it["reasons"]} <= codes


def test_an_event_that_nobody_sent_is_scored_as_a_worker_would(lived):
    event = {
        "tx_id": "new", "at": "2026-02-01T00:00:00Z", "customer_id": "c1", "terminal_id": "t1",
        "amount": 12.5,
    }  # fmt: skip
    found = json.loads(lived.run(explain, "--event", json.dumps(event), "--json").stdout)
    assert (found["event"], found["same"]) == ("supposed to come next", None)
    assert found["fields"]["amount"] == 12.5
    assert 0 < found["prediction"]["score"] < 1
    with pytest.raises(AuditError, match="a worker would turn it away"):
        lived.run(explain, "--event", '{"tx_id": 1}')


def test_an_audit_says_when_another_declaration_made_the_prediction(lived):
    told = json.loads(lived.published()[-5].value())
    milder = lived.file_with(threshold=told["score"] / 2)
    found = lived.audit(told["id"], file=milder, code=1)
    assert (found["equal_score"], found["equal"], found["same_version"]) == (True, False, False)
    assert found["apart"] == "decision, model, reasons"
    text = lived.run(audit, told["id"], file=milder, code=1).stdout
    assert f"published by {told['model']}" in text
    with pytest.raises(ReplayError, match=r"differs: model\.optimizer"):
        lived.audit(told["id"], file=lived.file_with(optimizer="FTRL"))


def test_what_cannot_be_audited_is_told(lived):
    with pytest.raises(AuditError, match=r"none of [\d,]+ predictions"):
        lived.audit("nobody", "--partition", 0)
    with pytest.raises(AuditError, match="there is no record any more"):
        lived.audit(f"{lived.name}.payments/0/999999")
    with pytest.raises(AuditError, match="no committed prediction stands there"):
        lived.audit(f"{lived.name}.predictions/0/999999")
    with pytest.raises(AuditError, match=f"the events in {lived.name}.payments"):
        lived.audit(f"{lived.name}.chargebacks/0/1")
    with pytest.raises(ReplayError, match="group 'nobody' consumed it"):
        lived.replay("--group", "nobody")
    with pytest.raises(ReplayError, match=r"partition 0 has image \d+ at"):
        lived.replay("--from-image", 99_999)
    with pytest.raises(TeachingError, match="neither an offset nor a time"):
        lived.replay("--from", "yesterday")


# The last two leave the topics other than they were.


def test_a_tampered_prediction_is_called_unequal(lived):
    message = lived.published()[100]
    told = json.loads(message.value())
    forged = (
        message.value()
        .replace(b'"decision":false', b'"decision":true ')
        .replace(json.dumps(told["score"]).encode(), b"0.99")
    )
    landed: list[Message] = []
    producer = Producer({"bootstrap.servers": lived.brokers})
    producer.produce(
        message.topic(), forged, message.key(), message.partition(),
        timestamp=message.timestamp()[1], on_delivery=lambda _, it: landed.append(it),
    )  # fmt: skip
    assert producer.flush(30) == 0
    found = lived.audit(f"{message.topic()}/{message.partition()}/{landed[0].offset()}", code=1)
    assert not found["equal"]
    assert not found["equal_score"]
    assert found["recomputed"] == told
    checked = lived.replay("--check", code=1)
    [one] = [it for it in checked["comparisons"] if it["partition"] == message.partition()]
    assert (one["unexpected"], one["differing"], one["missing"]) == (1, 0, 0)


def test_where_the_log_was_cut_off_it_says_what_is_left(lived):
    events = f"{lived.name}.payments"
    with admin(lived.brokers) as client:
        client.delete_records({KafkaTopicPartition(events, 0): 10})
    with pytest.raises(ReplayError, match=f"{events} had records deleted.*image") as told:
        lived.replay("--check", "--partition", 0)
    assert "retention.ms" in told.value.write
    with pytest.raises(ReplayError, match="had records deleted"):
        lived.audit(f"{events}/0/20")


TOLD = """
from datetime import datetime
from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler
from streams import Event, Pipeline, Topic

class Visit(Event, frozen=True):
    id: str
    at: datetime
    seconds: float
    pages: int
    bought: bool

pipeline = Pipeline(
    name="{name}",
    events=Topic("{name}.visits", schema=Visit, id="id", time="at"),
    labels="bought",
    model=StandardScaler() | LogisticRegression(),
)
"""


def test_a_file_gives_what_a_worker_publishes_that_got_the_same_file(broker, tmp_path):
    name, key = f"told-{uuid4().hex[:8]}", tmp_path / "thalweg.key"
    file, visits = tmp_path / "told.py", tmp_path / "visits.jsonl"
    key.write_bytes(b"a key of some length")
    file.write_text(TOLD.format(name=name))
    lines = [
        {"id": f"v{n}", "at": f"2026-01-01T{n // 60:02}:{n % 60:02}:00Z", "seconds": n % 17 * 1.5,
         "pages": n % 5, "bought": n % 17 > 9}
        for n in range(600)
    ]  # fmt: skip
    visits.write_text("".join(json.dumps(line) + "\n" for line in [*lines[:300], {}, *lines[300:]]))
    topics.ensure(broker.bootstrap, topics.required_topics(load(str(file)), 1, retention_ms=-1))
    source = open_source(str(visits), Fields(time="at"))
    producing.produce(source, broker.bootstrap, f"{name}.visits")
    with Worker(file, broker.bootstrap, checkpoint_key_file=key) as worker:
        worker.until(lambda: worker.total("thalweg_predictions_total") >= 600, 60)
        assert worker.stop() == 0, worker.output
    world = Lived(broker.bootstrap, name, file, tmp_path)
    published = [message.value() for message in world.published()]
    world.run(replay, "--events", visits, "--to-file", tmp_path / "p.jsonl")
    assert (tmp_path / "p.jsonl").read_bytes().splitlines() == published
    signed = ("--checkpoint-key-file", key)
    assert world.replay("--check", *signed)["equal"]
    with pytest.raises(ReplayError, match="a River estimator is kept as a pickle"):
        world.audit("v500")
    found = world.audit("v500", *signed)
    assert (found["equal"], found["contributions"]) == (True, None)
    assert "Logistic and Linear models only" in world.run(audit, "v500", *signed).stdout
