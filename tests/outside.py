"""Thalweg as a stranger sees it: a process, topics read by librdkafka, and its metrics page."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from streams.offsets import lag

__all__ = ["ROOT", "Worker", "behind", "eventually", "metric", "read"]

ROOT = Path(__file__).parents[1]


class Worker:
    """``thalweg worker …`` in a process of its own, killed at the latest when the block is left."""

    def __init__(self, pipeline: str | Path, brokers: str, *flags: str) -> None:
        flags = ("--brokers", brokers, "--report-every-s", "1", *flags)
        self._command = [sys.executable, "-m", "streams", "worker", str(pipeline), *flags]

    def __enter__(self) -> Worker:
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdout=self._log, stderr=subprocess.STDOUT
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self._process.kill()
            self._process.wait()
        self._log.close()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()

    def until(self, condition: Callable[[], object], seconds: float) -> None:
        """Wait for `condition`, as long as the worker runs."""
        eventually(lambda: condition() or not self.running, seconds)
        assert self.running, self.output

    def stop(self) -> int:
        """Ask it to end, as an init system would; answers its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)


def eventually(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not true after {seconds:g} s"
        time.sleep(0.1)


def behind(brokers: str, group: str, topic: str) -> int:
    """How many records of `topic` the group has yet to commit."""
    return sum(partition.behind for partition in lag(brokers, group, [topic]))


def read(brokers: str, topic: str) -> list[Message]:
    """All committed messages of a topic as it is now, each partition in order of offsets."""
    options = {
        "bootstrap.servers": brokers,
        "group.id": "stranger",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
    }
    consumer = Consumer(options)
    try:
        count = len(consumer.list_topics(topic, 10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in range(count)])
        found: list[Message] = []
        while count:
            for message in consumer.consume(10_000, 10):
                if message.error() is None:
                    found.append(message)
                else:
                    assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                    count -= 1
        return found
    finally:
        consumer.close()


def metric(port: int, name: str, **labels: str) -> float | None:
    """A sample of a worker's metrics page; None while it has none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            text = page.read().decode()
    except ConnectionError:
        return None
    except OSError as error:
        if isinstance(getattr(error, "reason", None), ConnectionError):
            return None
        raise
    for line in text.splitlines():
        if line.startswith(f"{name}{{"):
            told = dict(re.findall(r'(\w+)="([^"]*)"', line))
            if labels.items() <= told.items():
                return float(line.rpartition(" ")[2])
    return None
