"""What a worker cannot work with, it tells at once, with what to do instead."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from kafka_harness import SHOPS, OnKafka
from outside import ROOT
from test_lives import send

from streams.broker import Broker
from streams.topics import TopicSpec, delete, ensure


def refused(pipeline: str, brokers: str) -> tuple[int, str]:
    """The exit code of a worker, and what it said last."""
    command = [sys.executable, "-m", "streams", "worker", f"{SHOPS}:{pipeline}"]
    command += [f"--brokers={brokers}", "--metrics-port=0"]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_a_broker_that_is_down_at_the_start():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code, said = refused("absent", f"127.0.0.1:{port}")
    assert code == 2
    assert said.endswith(
        f"no Kafka at 127.0.0.1:{port}\n"
        "  why:   nobody answers there (connection refused)\n"
        "  write: thalweg broker, which starts one, or --brokers host:port\n"
    )


@pytest.mark.kafka
def test_a_topic_that_does_not_exist(broker: Broker):
    ensure(broker.bootstrap, [TopicSpec("absent.visit", 1)])
    code, said = refused("absent", broker.bootstrap)
    assert code == 2
    assert f"topic 'absent.visits'\n  why:   {broker.bootstrap} has no such topic; it has" in said
    assert said.endswith("\n  write: 'absent.visit'\n")


@pytest.mark.kafka
def test_events_and_labels_on_unequal_numbers_of_partitions(broker: Broker):
    topics = {"unequal.visits": 3, "unequal.sales": 2}
    ensure(broker.bootstrap, [TopicSpec(name, count) for name, count in topics.items()])
    code, said = refused("unequal", broker.bootstrap)
    assert code == 2
    assert (
        "events topic 'unequal.visits' has 3 partitions and labels topic 'unequal.sales' has 2 "
        "partitions\n"
        "  why:   a label finds its event in the partition of the same number, by the same key\n"
        "  write: a new topic in place of 'unequal.sales' with 3 partitions"
    ) in said


@pytest.mark.kafka
def test_what_was_learned_is_neither_taken_for_anothers_nor_lost_in_silence(broker: Broker):
    harness = OnKafka(broker.bootstrap, "bereft", 1)
    try:
        harness.scale(1)
        send(harness, 0, 5)
        harness.settle()
        harness.scale(0)
    finally:
        harness.close()

    code, said = refused("altered", broker.bootstrap)
    assert code != 0
    assert (
        f"the image is of {harness.pipeline.model_version}, partition 0; this pipeline is" in said
    )

    delete(broker.bootstrap, [harness.pipeline.checkpoints_topic])
    code, said = refused("bereft", broker.bootstrap)
    assert code != 0
    assert "has read partition 0 up to {'bereft.visits': 5}" in said
    assert "bereft.checkpoints-0 holds no image of what it learned there" in said
