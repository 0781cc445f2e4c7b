"""`thalweg top` on a real group: a worker at work, seen from Kafka and from its metrics page."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from click.testing import CliRunner
from confluent_kafka import Producer
from outside import ROOT, Worker
from shop_files import shop_file

from streams import load
from streams.broker import Broker
from streams.cli import cli
from streams.topics import ensure, required_topics


def test_no_broker_says_how_to_start_one(tmp_path):
    file = shop_file(tmp_path)
    result = CliRunner().invoke(cli, ["top", str(file), "--once", "--brokers", "127.0.0.1:1"])
    assert "thalweg broker, which starts one" in str(result.exception)


@pytest.mark.kafka
def test_a_group_at_work_is_seen_and_keys_are_heard(broker: Broker, tmp_path: Path):
    name = f"shop-{uuid4().hex[:8]}"
    file = shop_file(tmp_path, name)
    ensure(broker.bootstrap, required_topics(load(file), 2))
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for number in range(400):
        visit = msgspec.json.encode({"id": f"v{number}", "page": f"p{number % 7}"})
        producer.produce(f"{name}.visits", visit, partition=number % 2)
    producer.flush(30)
    with Worker(file, broker.bootstrap, slot="0") as worker:
        worker.until(lambda: worker.total("thalweg_events_total") == 400, 120)
        (port,) = worker.ports
        flags = [str(file), "--brokers", broker.bootstrap, "--metrics-port", str(port)]
        result = CliRunner().invoke(cli, ["top", *flags, "--once", "--every", "0.2"])
        assert result.exit_code == 0, result.output
        heading, lag, *_ = result.stdout.splitlines()
        assert heading == f"{name}  Stable, 1 worker, 2 of 2 partitions owned"
        assert lag.startswith("lag ")
        assert len(re.findall(r"^[01]  shop-\w+…  +0 ", result.stdout, re.MULTILINE)) == 2
        assert "no metrics" not in result.stdout
        seen = keyed([*flags, "--every", "0.2"])
        assert "sorted by lag" in seen
        assert "partition 1   of" in seen
        assert "200 events" in seen


def keyed(flags: list[str]) -> str:
    """What a terminal showed while keys were pressed, each once something was to be seen."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "streams", "top", *flags]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "30"}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=env
    )
    os.close(theirs)
    shown = ""
    steps = [("sorted by partition", b"s"), ("sorted by lag", b"1"), ("into 1", b"\n")]
    steps += [("200 events", b"q")]
    deadline = time.monotonic() + 60
    try:
        while process.poll() is None and time.monotonic() < deadline:
            if not select.select([ours], [], [], 0.5)[0]:
                continue
            try:
                shown += os.read(ours, 65_536).decode(errors="replace")
            except OSError:  # it has closed its side
                break
            if steps and steps[0][0] in shown:
                os.write(ours, steps.pop(0)[1])
        assert process.wait(30) == 0, shown
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        os.close(ours)
    return re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", shown)
