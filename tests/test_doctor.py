"""``thalweg doctor``: each trouble is provoked on a real broker, and told with what mends it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from shop_files import shop_file

from streams import Pipeline, doctor, load
from streams.broker import Broker
from streams.cluster import admin
from streams.offsets import lag
from streams.opscommands import doctor as command
from streams.probing import probe
from streams.topics import TopicSpec, delete, ensure, required_topics


class Patient:
    """A pipeline in a file, and its topics on a broker."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.name = f"shop-{uuid4().hex[:8]}"
        self.file = shop_file(folder, self.name, matures_after="7d", otherwise=0)
        self.brokers = broker.bootstrap
        self.pipeline: Pipeline = load(self.file)
        self.visits = self.pipeline.events.name
        ensure(self.brokers, required_topics(self.pipeline, 2))

    def findings(self, *flags: str, code: int = 1) -> list[dict[str, Any]]:
        """What is doubtful or wrong."""
        given = [str(self.file), "--brokers", self.brokers, "--json", *flags]
        result = CliRunner().invoke(command, given)
        assert result.exit_code == code, result.output
        found = msgspec.json.decode(result.stdout)
        return [it for it in found if it["severity"] != "good" and it["about"] != "versions"]

    def configure(self, topic: str, **configs: str) -> None:
        named = {name.replace("_", "."): value for name, value in configs.items()}
        with admin(self.brokers) as client:
            client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, named)])


@pytest.fixture
def patient(broker: Broker, tmp_path: Path) -> Patient:
    return Patient(broker, tmp_path)


def wrong(findings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [finding for finding in findings if finding["severity"] == "wrong"]


def test_no_broker_is_a_finding_like_others(tmp_path):
    file = shop_file(tmp_path)
    result = CliRunner().invoke(command, [str(file), "--brokers", "127.0.0.1:1"])
    assert result.exit_code == 1
    assert "✗ broker: no Kafka at 127.0.0.1:1" in result.stdout
    assert "thalweg broker, which starts one" in result.stdout


@pytest.mark.parametrize(
    ("line", "told"), [("slot = '1'", False), ("checkpoint_key = 'sixteen-or-more-0'", True)]
)
def test_a_settings_file_may_be_read_by_all_unless_it_holds_a_secret(tmp_path, line, told):
    file, config = shop_file(tmp_path), tmp_path / "thalweg.toml"
    config.write_text(f"[worker]\n{line}\n")
    config.chmod(0o644)
    given = [str(file), "--brokers", "127.0.0.1:1", "--config", str(config)]
    result = CliRunner().invoke(command, given)
    assert (f"chmod 600 {config}" in result.stdout) == told


@pytest.mark.kafka
def test_nothing_wrong_ends_with_0(patient):
    (single,) = patient.findings(code=0)
    assert single["severity"] == "doubtful"
    assert single["found"].startswith("one copy of each")


@pytest.mark.kafka
def test_looking_changes_no_offset_and_writes_no_record(patient):
    before = lag(patient.brokers, patient.name, [patient.visits])
    patient.findings(code=0)
    assert lag(patient.brokers, patient.name, [patient.visits]) == before


@pytest.mark.kafka
def test_missing_topics_are_named_with_the_command_that_creates_them(patient):
    delete(patient.brokers, [patient.pipeline.journal_topic])
    (missing,) = wrong(patient.findings())
    assert missing["found"] == f"missing: {patient.pipeline.journal_topic}"
    assert missing["mend"] == f"thalweg topics PIPELINE --create --brokers {patient.brokers}"


@pytest.mark.kafka
def test_an_output_with_fewer_partitions_than_the_events_is_told(patient):
    name = patient.pipeline.predictions_topic
    delete(patient.brokers, [name])
    ensure(patient.brokers, [TopicSpec(name, 1)])
    (fewer,) = wrong(patient.findings())
    assert fewer["mend"].endswith(
        f"kafka-topics --bootstrap-server {patient.brokers} --alter --topic {name} --partitions 2"
    )


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("topic", "configs", "mend"),
    [
        ("checkpoints_topic", {"cleanup_policy": "delete"}, "cleanup.policy=compact"),
        ("journal_topic", {"cleanup_policy": "compact"}, "cleanup.policy=delete"),
        ("predictions_topic", {"min_insync_replicas": "2"}, "min.insync.replicas=1"),
        ("predictions_topic", {"max_message_bytes": "1000"}, "max.message.bytes=1048576"),
        ("journal_topic", {"retention_ms": "86400000"}, "retention.ms=-1"),
    ],
)
def test_a_setting_that_breaks_a_promise_is_told_with_the_one_to_write(
    patient, topic, configs, mend
):
    name = getattr(patient.pipeline, topic)
    patient.configure(name, **configs)
    (found,) = wrong(patient.findings())
    assert found["about"] == f"topic {name}"
    assert found["mend"].endswith(f"--entity-name {name} --add-config {mend}")


@pytest.mark.kafka
def test_events_have_to_outlast_a_checkpoint_and_should_outlast_their_labels(patient):
    patient.configure(patient.visits, retention_ms="50000")
    patient.configure(patient.pipeline.journal_topic, retention_ms="50000")
    found = patient.findings()
    assert [it["about"] for it in wrong(found)] == [
        f"topic {patient.visits}", f"topic {patient.pipeline.journal_topic}",
    ]  # fmt: skip
    assert any("labels come for 7 days" in it["found"] for it in found)


@pytest.mark.kafka
def test_records_that_wait_while_nobody_works_are_told(patient):
    producer = Producer({"bootstrap.servers": patient.brokers})
    for number in range(10):
        producer.produce(patient.visits, b"{}", partition=number % 2)
    producer.flush(30)
    member = {"bootstrap.servers": patient.brokers, "group.id": patient.name}
    reader = Consumer(member | {"auto.offset.reset": "earliest", "enable.auto.commit": False})
    reader.subscribe([patient.visits])
    reader.consume(1, 30)
    reader.commit(asynchronous=False)
    reader.close()
    (group,) = wrong(patient.findings())
    assert group["about"] == f"group {patient.name}"
    assert group["mend"] == "thalweg worker PIPELINE"


@pytest.mark.kafka
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_wrong_is_told_by_how_much(patient, hours):
    def shifted() -> float:
        return time.time() + 3_600 * hours

    place = TopicPartition(patient.visits, 0)
    with admin(patient.brokers) as client:
        right = probe(client, patient.brokers, {}, patient.name, place)
        found = probe(client, patient.brokers, {}, patient.name, place, clock=shifted)
    assert right.clock_ms == pytest.approx(0, abs=50)
    assert found.clock_ms == pytest.approx(-3_600_000 * hours, abs=10_000)
    told = doctor._of_clock(found.clock_ms or 0)
    assert told.severity == "wrong"
    assert ("ahead of" if hours > 0 else "behind") in told.found


@pytest.mark.kafka
def test_a_key_that_others_can_read_is_told(patient, tmp_path):
    key = tmp_path / "thalweg.key"
    key.write_bytes(bytes(32))
    key.chmod(0o644)
    (open_to_all,) = wrong(patient.findings("--checkpoint-key-file", str(key)))
    assert open_to_all["mend"] == f"chmod 600 {key}"
