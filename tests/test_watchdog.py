"""A worker that stands still although there is work ends; one that has a reason to does not."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st
from outside import Worker, read

from streams.broker import Broker
from streams.loading import load
from streams.stillness import Standing, Stillness
from streams.topics import ensure, required_topics
from streams.watchdog import EXIT_CODE, Watchdog, asking

PATIENCE = 10


class World:
    """Where the partitions of a worker are, and whether their brokers answer."""

    def __init__(self, ends: int = 100) -> None:
        self.places = {0: {"events": (0, ends)}, 1: {"events": (0, ends)}}
        self.answering = True
        self.asked: list[list[int]] = []
        self.left: list[str] = []
        self.dog = Watchdog(lambda: self.places, self.answers, 120, self.left.append)

    def answers(self, partitions: Iterable[int]) -> bool:
        self.asked.append(list(partitions))
        return self.answering

    def move(self, *partitions: int) -> None:
        for number in partitions:
            at, end = self.places[number]["events"]
            self.places[number] = {"events": (at + 1, end)}

    def look(self, times: int, *moving: int) -> None:
        for _ in range(times):
            self.move(*moving)
            self.dog.look()


def test_partitions_that_are_behind_and_do_not_move_end_the_process():
    world = World()
    world.look(PATIENCE)
    assert not world.left
    world.look(1)
    [why] = world.left
    assert "partition 0: events at 0 of 100, no commit yet" in why
    assert "partition 1" in why
    assert f"ends with {EXIT_CODE}" in why


def test_idle_partitions_may_stand_still_and_nobody_is_asked():
    world = World(ends=0)
    world.look(10 * PATIENCE)
    world.places = {0: {"events": (3, None)}}  # nothing is known to be there
    world.look(10 * PATIENCE)
    world.places = {}
    world.look(10 * PATIENCE)
    assert not world.left
    assert not world.asked


@given(st.lists(st.integers(0, PATIENCE - 1), max_size=20))
def test_whoever_moves_before_patience_is_over_is_left_alone(pauses: list[int]):
    world = World(ends=10_000)
    for pause in pauses:
        world.look(1, 0, 1)
        world.look(pause)
    assert not world.left


def test_a_partition_waits_its_turn_but_not_for_ever():
    world = World(ends=10_000)
    world.look(2 * PATIENCE, 1)
    assert not world.left
    world.look(1, 1)
    [why] = world.left
    assert "partition 0" in why
    assert "partition 1" not in why


def test_time_in_which_kafka_does_not_answer_does_not_count(caplog):
    world = World()
    world.look(PATIENCE)
    world.answering = False
    world.look(10 * PATIENCE)
    assert caplog.text.count("Kafka does not answer") == 1
    world.answering = True
    world.look(PATIENCE - 1)
    assert not world.left
    world.look(1)
    assert len(world.left) == 1


def test_a_recovery_that_gets_on_is_left_alone_and_one_that_does_not_is_stuck():
    world = World()
    world.places = {}
    for left in range(10 * PATIENCE, 0, -1):
        world.dog.on_recovery(3, left)
        world.look(1)
    assert not world.left
    world.look(PATIENCE)
    [why] = world.left
    assert "partition 3: 1 offsets to compute again" in why


def test_a_transaction_that_does_not_end_is_stuck_and_one_that_waits_for_records_is_not():
    world = World(ends=0)
    world.dog.on_step(0, "begun")
    world.look(10 * PATIENCE)
    assert not world.left
    world.dog.on_step(0, "offsets")
    world.look(PATIENCE + 1)
    [why] = world.left
    assert "transaction at 'offsets'" in why


def test_what_is_given_up_is_forgotten():
    world = World(ends=0)
    world.dog.on_recovery(0, 5)
    world.dog.on_step(1, "offsets")
    world.dog.on_revoked([0, 1])
    world.look(10 * PATIENCE)
    assert not world.left


def test_a_partition_that_comes_back_is_given_the_whole_time():
    stillness = Stillness(2)
    behind = Standing(0, {"events": (0, 1)})
    for _ in range(5):
        stillness.look([behind])
        stillness.look([behind])
        assert not stillness.stuck()
        stillness.look([])


ENDLESS = """
import re, sys
from streams.watchdog import Watchdog
Watchdog(lambda: {}, lambda _: True, 1.0).start()
re.match("(a+)+b", "a" * 1000)
"""


def test_a_computation_that_lets_no_thread_run_is_ended():
    ended = subprocess.run([sys.executable, "-c", ENDLESS], capture_output=True, timeout=100)
    assert ended.returncode < 0
    assert b"match" in ended.stderr


STEADY = """
import time
from itertools import count
from streams.watchdog import Watchdog
places = {}
Watchdog(lambda: places, lambda _: True, 1.0).start()
for at in count():
    places = {0: {"events": (at, at + 1)}}
    print(at, flush=True)
    time.sleep(0.05)
"""


def test_a_process_that_was_stopped_for_long_goes_on():
    with subprocess.Popen([sys.executable, "-c", STEADY], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        process.send_signal(signal.SIGCONT)
        for _ in range(60):
            assert process.stdout.readline()
        process.kill()


def test_a_broker_that_is_gone_or_silent_does_not_answer():
    assert not asking({"bootstrap_servers": ["127.0.0.1:1"]}, ["events"])([0])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert not asking({"bootstrap_servers": [address]}, ["events"])([0])


@pytest.mark.kafka
def test_a_broker_that_is_well_answers(broker: Broker, topic):
    name = topic(partitions=2)
    assert asking({"bootstrap_servers": [broker.bootstrap]}, [name])([0, 1])


@pytest.mark.kafka
@pytest.mark.parametrize(("name", "code"), [("sleeping", EXIT_CODE), ("greedy", 155)])
def test_a_worker_that_is_stuck_is_started_again_and_scores_everything_once(
    broker: Broker, tmp_path: Path, name: str, code: int
):
    copy = shutil.copy(Path(__file__).with_name("stuck_pipeline.py"), tmp_path)
    place = f"{copy}:{name}"
    pipeline = load(place)
    ensure(broker.bootstrap, required_topics(pipeline, partitions=2))
    words = ["good"] * 20 + [name] + ["good"] * 20
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for number, word in enumerate(words):
        event = {"id": str(number), "word": word, "label": True}
        producer.produce(pipeline.events.name, json.dumps(event), partition=number % 2)
    assert producer.flush(30) == 0

    def scored() -> list[str]:
        return [
            json.loads(message.value())["id"]
            for message in read(broker.bootstrap, pipeline.predictions_topic)
        ]

    with Worker(place, broker.bootstrap, workers=2, watchdog_s=4, report_every_s=0) as worker:
        worker.until(lambda: len(scored()) == len(words), 100)
        assert f"ended with {code}; started again" in worker.output
        assert "predict_one" in worker.output  # the threads' stacks
        assert worker.stop() == 0
    assert sorted(map(int, scored())) == list(range(len(words)))
