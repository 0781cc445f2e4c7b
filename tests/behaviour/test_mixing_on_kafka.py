"""Partitions that learn as one, on a real broker: workers are killed, every delta counts once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from confluent_kafka import Message
from kafka_harness import OnKafka
from outside import Worker, read
from shops import Told
from test_lives import answers, visited

from streams.auditing import audit
from streams.checkpoint import Checkpoints
from streams.comparing import Comparison
from streams.finding import find
from streams.image import pack, unpack
from streams.partitioning import partitions_of
from streams.recorded import recorded
from streams.replaying import Summary
from streams.reruns import replay_past
from streams.site import Site
from streams.slices import Record
from tests.counting import Counting, counted
from tests.messages import record_of

pytestmark = pytest.mark.kafka

PARTITIONS, IDLE = 4, 3
WHERE = partitions_of([f"c{n}".encode() for n in range(40)], PARTITIONS)
CUSTOMERS = [f"c{n}" for n in np.flatnonzero(WHERE != IDLE)]
"""Of all partitions but one, which has nothing to learn from but what it is told."""


def told(topic: str, number: int) -> Iterator[tuple[str, Any]]:
    visit = visited(number) | {"customer": CUSTOMERS[number % len(CUSTOMERS)]}
    yield topic, Told(**visit, bought=number * 11 % 5 < 2)


def commits_of_the_idle(harness: OnKafka) -> float:
    """The first one is of its image; others are of deltas, and nothing else."""
    name, idle = "thalweg_commits_total", {"partition": str(IDLE)}
    return sum(worker.total(name, **idle) for worker in harness.workers)


@pytest.fixture(scope="module", params=["together", "taught", "shared"])
def lived(broker, request: pytest.FixtureRequest) -> Iterator[OnKafka]:
    """A pipeline whose two workers were killed several times under load, and stopped at last."""
    harness = OnKafka(broker.bootstrap, request.param, PARTITIONS, slots=True)
    topic = harness.pipeline.events.name
    harness.scale(2)
    with harness.load(lambda number: told(topic, number)):
        harness.progress()
        for _ in range(3):
            harness.crash()
            harness.progress()
    harness.settle()
    harness.level()
    harness.workers[0].until(lambda: commits_of_the_idle(harness) > 1, 60)
    harness.scale(0)
    yield harness
    harness.close()


@pytest.fixture(scope="module")
def deltas(lived: OnKafka, broker) -> list[Record]:
    messages: list[Message] = read(broker.bootstrap, lived.pipeline.deltas_topic)
    return sorted(map(record_of, messages), key=lambda record: record.offset)


@pytest.fixture(scope="module")
def site(lived: OnKafka, broker) -> Site:
    return Site(lived.pipeline, lived.pipeline.name, {"bootstrap_servers": broker.bootstrap})


def test_every_event_is_predicted_once(lived):
    found = answers(lived)
    assert len(found) == len(lived.sent)
    assert all(len(predictions) == 1 for predictions in found.values())


def test_every_delta_is_taken_over_once_by_every_partition(lived, deltas):
    if not isinstance(lived.pipeline.model, Counting):
        pytest.skip("what this model has taken over is no sum")
    states = [unpack(image).state for image in lived.images()]
    assert len(states) == PARTITIONS
    everything = counted(deltas)
    assert everything.sum() > 0
    for state in states:
        assert np.array_equal(state["learner"]["mixed"], everything)
        assert state["learner"]["way"] is None
    kept = sum(state["learner"]["own"].sum() for state in states)
    assert everything.sum() + kept == sum(state["learned"] for state in states) == len(lived.sent)
    assert states[IDLE]["learned"] == 0
    assert len(deltas) == len({(it.key, it.value) for it in deltas})


def test_shared_windows_hold_every_event_of_all_partitions_once(lived):
    """So what follows would be answered as one partition would answer it."""
    if not lived.pipeline.shares:
        pytest.skip("its windows are not shared")
    sent = Counter(
        (int(it.at.timestamp() * 1_000_000), it.seconds)
        for it in (msgspec.json.decode(record.value, type=Told) for record in lived.sent)
    )
    for image in lived.images():
        windows = unpack(image).state["encoder"]["windows"]["seconds-by-page"]
        seconds = windows["bits"].view(np.float64).tolist()
        assert Counter(zip(windows["times"].tolist(), seconds, strict=True)) == sent
        assert windows["exchange"]["under_way"] == b""


def test_the_past_computed_again_tells_the_same_and_ends_in_the_same_state(lived, deltas, site):
    async def again(number: int) -> tuple[list[bytes], bytes]:
        past = await recorded(site, number, image="none")
        made = [delta async for _, output in past.outputs() for delta in output.deltas]
        return made, pack(past.task.image())

    images = lived.images()
    for number in range(PARTITIONS):
        made, image = asyncio.run(again(number))
        key = f"{lived.pipeline.name}/{number}".encode()
        assert made == [it.value for it in deltas if it.key == key]
        assert image == images[number]


@pytest.mark.parametrize("image", ["none", "nearest", "latest"])
def test_a_replay_is_what_was_published_to_the_byte(lived, site, image):
    summary = Summary.of(lived.pipeline)
    for number in range(PARTITIONS):
        asyncio.run(
            replay_past(site, number, (None, None), image, None, summary, lambda share: None)
        )
    assert summary.equal
    assert all(isinstance(one, Comparison) for one in summary.comparisons)
    assert image == "latest" or summary.events == len(lived.sent)


def test_an_audit_is_what_was_published_to_the_byte(lived, site):
    one = lived.sent[-1]

    async def audited():
        found = await find(site, f"{one.topic}/{one.partition}/{one.offset}", range(PARTITIONS))
        return await audit(site, found, lambda share: None)

    assert asyncio.run(audited()).same


def all_is_folded(worker: Worker) -> bool:
    """Whether each partition has taken over what any of them has told."""
    told = worker.total("thalweg_deltas_published_total")
    return worker.total("thalweg_deltas_folded_total") == PARTITIONS * told > 0


def test_another_group_begins_anew_beside_the_first_and_hears_its_own_alone(lived, broker):
    if not isinstance(lived.pipeline.model, Counting):
        pytest.skip("what this model has taken over is no sum")
    with Worker(lived._place, broker.bootstrap, group="anew", report_every_s=0) as worker:
        learned = len(lived.sent)
        worker.until(lambda: worker.total("thalweg_learned_total") == learned, 120)
        worker.until(lambda: all_is_folded(worker), 60)
        assert worker.stop() == 0
    everything = map(record_of, read(broker.bootstrap, "together.deltas"))
    own = [it for it in everything if it.key.startswith(b"anew/")]
    told = counted(sorted(own, key=lambda record: record.offset))
    assert told.sum() > 0
    client = {"bootstrap_servers": broker.bootstrap}
    for number in range(PARTITIONS):
        images = Checkpoints(client, "together.checkpoints", number, "anew")
        assert np.array_equal(asyncio.run(images.newest()).image.state["learner"]["mixed"], told)


def test_a_delta_that_is_none_stops_the_worker_and_is_not_passed_over(lived, broker):
    name = lived.pipeline.name
    lived.producer.produce(f"{name}.deltas", b"\0\0\1\0nonsense", f"{name}/1".encode())
    lived.producer.flush(60)
    with Worker(lived._place, broker.bootstrap, report_every_s=0) as worker:
        worker.until(lambda: not worker.running or bool(worker.pages()), 60)
        assert worker._process.wait(60) == 2
        assert f"{name}.deltas-0 at offset" in worker.output
        assert "--group NAME" in worker.output
