"""A worker behind TLS, a log-in and an authorizer: what it may do is enough, and no less would be.

The broker is a real one with certificates of an authority made for the test; see `secured`.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from kafka.admin import (
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePatternFilter,
    ResourceType,
)
from outside import ROOT, Worker
from secured import PASSWORDS, Secured
from shop_files import shop_file

from streams import cli, load
from streams.cluster import ClusterError, admin
from streams.errors import TeachingError
from streams.offsets import lag
from streams.rights import feeder_rights, kafka_name, reader_rights, worker_rights
from streams.topics import ensure, required_topics

pytestmark = pytest.mark.kafka


class House:
    """A secured broker with the topics of a pipeline, whose worker logs in as `fraud`."""

    def __init__(self, secured: Secured, folder: Path) -> None:
        self.secured, self.folder = secured, folder
        self.file = shop_file(folder)
        self.pipeline = load(self.file)
        self.brokers = secured.broker.bootstrap
        ensure(self.brokers, required_topics(self.pipeline, 2), secured.options("admin"))
        secured.allow("fraud", worker_rights(self.pipeline))
        inputs = self.pipeline.input_topics
        outputs = [self.pipeline.predictions_topic]
        secured.allow("plain", [*feeder_rights(inputs), *reader_rights(outputs)])

    def config(self, user: str, mechanism: str, password: str | None = None) -> Path:
        """A settings file for a user, for its owner alone."""
        given = {
            **self.secured.settings(user, mechanism),
            "sasl_password": password or PASSWORDS[user],
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in given.items()]
        path = self.folder / f"{user}-{mechanism}.toml"
        path.write_text("\n".join(["[worker]", *lines]))
        path.chmod(0o600)
        return path

    def run(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(cli.cli, [str(part) for part in arguments])

    def doctor(self) -> dict[str, dict[str, str]]:
        """What is wrong, by what it is about."""
        config = self.config("fraud", "SCRAM-SHA-512")
        result = self.run("doctor", self.file, "--json", "--config", config)
        found = msgspec.json.decode(result.stdout)
        return {it["about"]: it for it in found if it["severity"] == "wrong"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("secured")
    with Secured(folder) as secured:
        yield House(secured, folder)


def test_the_least_rights_are_enough_from_event_to_prediction(house):
    rows = house.folder / "visits.jsonl"
    visits = [{"id": f"v{number}", "page": f"p{number % 7}"} for number in range(500)]
    rows.write_text("\n".join(map(json.dumps, visits)))
    sender = house.config("plain", "PLAIN")
    sent = house.run("produce", rows, "--topic", "shop.visits", "--key", "page", "--config", sender)
    assert sent.exit_code == 0, sent.output
    config = house.config("fraud", "SCRAM-SHA-512")
    options = house.secured.options("admin")
    with Worker(house.file, house.brokers, config=config, slot="0") as worker:

        def read_up() -> bool:
            inputs = lag(house.brokers, "shop", ["shop.visits"], options)
            return all(it.committed == it.end for it in inputs)

        worker.until(read_up, 120)
        arguments = Path(f"/proc/{worker.pid}/cmdline").read_text()
        assert worker.stop() == 0
        assert PASSWORDS["fraud"] not in worker.output
        assert "••••" in worker.output
        assert PASSWORDS["fraud"] not in arguments
    shown = house.run("tail", "shop.predictions", "--from-beginning", "--json", "--config", sender)
    scored = {json.loads(line)["id"] for line in shown.stdout.splitlines()}
    assert scored == {visit["id"] for visit in visits}


def test_a_certificate_is_a_log_in_too(house):
    given = {
        "brokers": house.secured.tls,
        "security_protocol": "SSL",
        "ssl_cafile": str(house.secured.cafile),
        "ssl_certfile": str(house.secured.certificates["fraud"]),
    }
    checked = house.run("doctor", house.file, *flags(given))
    assert checked.exit_code == 0, checked.output
    with Worker(house.file, slot="0", **given) as worker:
        worker.until(lambda: worker.total("thalweg_assigned_partitions") == 2, 120)
        assert worker.stop() == 0, worker.output
    stranger = {**given, "ssl_certfile": str(house.secured.certificates["stranger"])}
    denied = house.run("doctor", house.file, *flags(stranger))
    assert denied.exit_code == 1
    assert "may not see it" in denied.output


def flags(given: dict[str, str]) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]


def test_a_reader_cannot_write_and_a_stranger_sees_nothing(house):
    sender = house.config("plain", "PLAIN")
    denied = house.run("tail", "shop.checkpoints", "--config", sender)
    assert isinstance(denied.exception, TeachingError)
    assert "has no such topic" in denied.exception.why


def test_a_worker_that_asks_to_read_what_it_may_only_write_is_told_the_right(house):
    config = house.config("fraud", "SCRAM-SHA-512")
    typed = ["tail", "shop.predictions", "--from-beginning", "--config", str(config)]
    done = subprocess.run(
        [sys.executable, "-m", "streams", *typed], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "topic 'shop.predictions'\n  why:   the user we log in as may not read it" in done.stderr
    assert "--operation Read --topic shop.predictions" in done.stderr


def test_the_doctor_finds_nothing_wrong_with_the_least_rights(house):
    assert house.doctor() == {}


@pytest.mark.parametrize(
    ("resource", "name", "operation"),
    [
        (resource, name, operation)
        for resource, name, operations in (
            ("Topic", "shop.visits", ["Read"]),
            ("Topic", "shop.sales", ["Read"]),
            ("Topic", "shop.predictions", ["Write"]),
            ("Topic", "shop.dead-letters", ["Write"]),
            ("Topic", "shop.checkpoints", ["Read", "Write"]),
            ("Topic", "shop.journal", ["Read", "Write"]),
            ("Group", "shop", ["Read"]),
            ("TransactionalId", "shop-", ["Write"]),
        )
        for operation in operations
    ],
)
def test_each_right_is_needed_and_its_want_is_told_with_the_command(
    house, resource, name, operation
):
    prefix = resource == "TransactionalId"
    pattern = ResourcePatternFilter(
        ResourceType[kafka_name(resource)],
        name,
        ACLResourcePatternType["PREFIXED" if prefix else "LITERAL"],
    )
    lost = ACLFilter(
        "User:fraud", "*", ACLOperation[kafka_name(operation)], ACLPermissionType.ALLOW, pattern
    )
    with house.secured.admin() as client:
        ((_, gone, _),) = client.delete_acls([lost])
    assert len(gone) == 1
    try:
        found = house.doctor()
    finally:
        house.secured.allow("fraud", worker_rights(house.pipeline))
    (told,) = found.values()
    assert told["mend"].startswith(f"kafka-acls --bootstrap-server {house.brokers} --add")
    assert f"--operation {operation}" in told["mend"]
    assert f" {name}" in told["mend"]


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
def test_a_wrong_password_is_told_and_not_repeated(house, mechanism):
    user = "plain" if mechanism == "PLAIN" else "fraud"
    config = house.config(user, mechanism, password="a-wrong-one-3")
    result = house.run("worker", house.file, "--config", config)
    error = result.exception
    assert isinstance(error, ClusterError)
    assert error.given == f"no understanding with {house.brokers} by SASL_SSL"
    assert error.why.startswith(f"it refuses '{user}' by {mechanism}: Authentication failed")
    assert error.write.startswith("THALWEG_SASL_PASSWORD=…")
    assert "a-wrong-one-3" not in f"{error}{result.output}"


def test_a_user_who_is_known_by_another_mechanism_is_told(house):
    options = house.secured.options("plain", "SCRAM-SHA-512")
    with (
        pytest.raises(ClusterError, match="it refuses 'plain' by SCRAM-SHA-512"),
        admin(house.brokers, options),
    ):
        pass


def test_a_certificate_that_is_missing_is_told(house):
    options = {"ssl_context": ssl.create_default_context(cafile=str(house.secured.cafile))}
    with (
        pytest.raises(ClusterError, match="it wants a certificate of ours") as caught,
        admin(house.secured.tls, {**options, "security_protocol": "SSL"}),
    ):
        pass
    assert caught.value.write.startswith('ssl_certfile = "/etc/kafka/cert.pem"')


def test_an_authority_that_is_not_ours_is_not_trusted(house):
    options = house.secured.options("fraud", "SCRAM-SHA-512")
    options["ssl_context"] = ssl.create_default_context()
    with (
        pytest.raises(ClusterError, match="its certificate is not to be trusted"),
        admin(house.brokers, options),
    ):
        pass
