"""Thalweg as a stranger sees it: a process, its metrics pages, and topics read by librdkafka."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

__all__ = ["ROOT", "Worker", "free_ports", "read", "with_key"]

ROOT = Path(__file__).parents[1]


class Worker:
    """``thalweg worker …`` in a process of its own, killed at the latest when the block is left.

    Args:
        pipeline: its file.
        brokers: host:port.
        workers: how many processes it is to start, each with a metrics page.
        settings: others, by their names.

    Attributes:
        ports: of the metrics pages, one for each process.
    """

    def __init__(
        self, pipeline: str | Path, brokers: str, workers: int = 1, **settings: Any
    ) -> None:
        first = settings.pop("metrics_port", None)
        self.ports = free_ports(workers) if first is None else [*range(first, first + workers)]
        flags = {"brokers": brokers, "workers": workers, "metrics-port": self.ports[0]}
        self._command = [sys.executable, "-m", "streams", "worker", str(pipeline)]
        for name, value in (flags | settings).items():
            self._command.append(f"--{name.replace('_', '-')}={value}")

    def __enter__(self) -> Worker:
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdout=self._log, stderr=subprocess.STDOUT, env=with_key()
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.kill()
        self._log.close()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def output(self) -> str:
        """What it has printed."""
        self._log.seek(0)
        return self._log.read().decode()

    def pages(self) -> list[str]:
        """The metrics page of each process."""
        return list(map(_page, self.ports))

    def totals(self, name: str, **labels: str) -> list[float]:
        """For each process, the sum of all samples of a metric with these labels."""
        return [
            sum(
                float(value)
                for own, labelled, value in _SAMPLE.findall(_page(port))
                if own == name and labels.items() <= dict(_LABEL.findall(labelled)).items()
            )
            for port in self.ports
        ]

    def total(self, name: str, **labels: str) -> float:
        """The same over all processes."""
        return sum(self.totals(name, **labels))

    def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until `condition` holds; fail if the worker ends before, or it takes too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.running, self.output
            assert time.monotonic() < deadline, f"not within {seconds:g} s\n{self.output}"
            time.sleep(0.25)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask it to end, as an init system would; answers its exit code.

        Once it serves its metrics: a process that is only just starting dies of the signal.
        """
        self.until(lambda: all(self.pages()), 60)
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)


_SAMPLE = re.compile(r"^(\w+){(.*)} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def _page(port: int) -> str:
    """A metrics page; empty as long as nobody serves it."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            text: str = page.read().decode()
            return text
    except OSError:
        return ""


def with_key() -> dict[str, str]:
    """The environment, with a key for images: pipelines with a River estimator have to have one."""
    return {"THALWEG_CHECKPOINT_KEY": "for the tests alone", **os.environ}


def free_ports(count: int) -> list[int]:
    """Consecutive ones, below the range that outgoing connections are given."""
    while True:
        first = random.randrange(20_000, 32_000)
        try:
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return list(range(first, first + count))


def read(brokers: str, topic: str) -> Iterator[Message]:
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
        unread = set(consumer.list_topics(topic, 10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in unread])
        while unread:
            # It waits so long for as many: longer would be slower at the end, not safer.
            for message in consumer.consume(10_000, 0.2):
                if message.error() is None:
                    yield message
                else:
                    assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                    unread.discard(message.partition())  # an end may be told twice
    finally:
        consumer.close()
