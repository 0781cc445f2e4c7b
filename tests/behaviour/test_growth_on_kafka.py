"""Four partitions become eight under load, on a real broker, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from confluent_kafka.admin import AdminClient, NewPartitions
from kafka_harness import OnKafka
from outside import ROOT, read, with_key
from shops import Sale, Told, Visit
from test_lives import BEGIN, answers, visited
from test_refusals import refused

from models.digests import digests
from models.textcolumn import TextColumn
from streams.doctor import examine
from streams.image import pack, unpack
from streams.partitioning import partitions_of
from streams.recorded import recorded
from streams.settings import Settings
from streams.site import ReplayError, Site
from tests.counting import counted
from tests.messages import record_of

pytestmark = pytest.mark.kafka

BEFORE, AFTER = 4, 8
CUSTOMERS = [f"c{n}" for n in range(40)]
WHERE = dict(
    zip(CUSTOMERS, partitions_of([c.encode() for c in CUSTOMERS], AFTER).tolist(), strict=True)
)
REFRESH_MS, SETTLE_S = 500, 3
SESSION_S = 10
"""After so long the group knows of a worker that was killed."""
LATER = 40
"""Events between one and its label."""


def visit_of(number: int) -> dict[str, Any]:
    """In slow time: nothing matures while producers find out about new partitions."""
    at = BEGIN + timedelta(milliseconds=50 * number)
    return visited(number) | {"customer": CUSTOMERS[number * 7 % len(CUSTOMERS)], "at": at}


def judged_later(number: int) -> Iterator[tuple[str, Any]]:
    yield "grown.visits", Visit(**visit_of(number))
    if number >= LATER and number % 3:
        visit, at = visit_of(number - LATER), visit_of(number)["at"]
        yield "grown.sales", Sale(visit["id"], visit["customer"], number % 5 < 2, at)


def judged_inside(number: int) -> Iterator[tuple[str, Any]]:
    yield "grown-together.visits", Told(**visit_of(number), bought=number * 11 % 5 < 2)


def growing(harness: OnKafka, *flags: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "streams", "grow", harness._place, f"--partitions={AFTER}"]
    command += [f"--brokers={harness._brokers}", f"--settle={SETTLE_S}", *flags]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=with_key(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def grow(harness: OnKafka) -> str:
    """Have it grow; it waits for workers that were killed to be no members any more."""
    process = growing(harness)
    said, _ = process.communicate(timeout=180)
    assert process.returncode == 0, said
    harness.partitions = AFTER
    return said


def flush(harness: OnKafka, value: Callable[[str, str, datetime], Any]) -> list[Any]:
    """An event much later in every partition: all that has no label is silent by then."""
    sent = []
    for number in range(AFTER):
        customer = next(c for c, where in WHERE.items() if where == number)
        event = value(f"flush{number}", customer, BEGIN + timedelta(hours=9))
        harness.send(harness.pipeline.events.name, event, key=customer)
        sent.append(event)
    return sent


@pytest.fixture(scope="module")
def lived(broker) -> Iterator[OnKafka]:
    """One whose workers were killed before, and after; and so was the command."""
    harness = OnKafka(
        broker.bootstrap,
        "grown",
        BEFORE,
        refresh_ms=REFRESH_MS,
        session_timeout_s=SESSION_S,
        checkpoints_kept=100,  # the one that it grew with is looked for when all is over
    )
    harness.scale(2)
    with harness.load(judged_later):
        harness.progress()
        harness.kill()
        grow_that_is_killed(harness)
        said = grow(harness)
        assert "partition 3: carried over to 7; of the events that wait" in said
        harness.scale(2)
        harness.progress()
        harness.crash()
        harness.progress()
    harness.settle()
    flush(harness, lambda name, customer, at: Visit(name, customer, "hats", 1.0, at))
    harness.settle()
    harness.scale(0)
    yield harness
    harness.close()


def grow_that_is_killed(harness: OnKafka) -> None:
    """Once it has added partitions, while it answers what is in the old ones."""
    process = growing(harness)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "answering" in line:
            break
    else:
        raise AssertionError(said)
    time.sleep(SETTLE_S / 2)
    process.kill()
    process.communicate()


def sent_to(harness: OnKafka, topic: str) -> list[Any]:
    return [record for record in harness.sent if record.topic == f"{harness.pipeline.name}.{topic}"]


def test_every_event_is_answered_once(lived):
    visits, found = sent_to(lived, "visits"), answers(lived)
    assert sorted(found) == sorted((visit.partition, visit.offset) for visit in visits)
    assert all(len(predictions) == 1 for predictions in found.values())
    new = {visit.partition for visit in visits if visit.partition >= BEFORE}
    assert new == {*range(BEFORE, AFTER)}


def test_every_label_finds_its_event_and_every_event_is_learned_once(lived):
    visits, sales = sent_to(lived, "visits"), sent_to(lived, "sales")
    states = [unpack(image).state["joiner"] for image in lived.images()]
    outcomes = sum((Counter(state["outcomes"]) for state in states), Counter())
    assert outcomes["joined"] == len(sales)
    assert outcomes["matured"] == len(visits) - len(sales) - AFTER
    assert [len(state["pending"]["id"]) for state in states] == [1] * AFTER
    assert not outcomes["revised"] + outcomes["duplicate"] + outcomes["evicted"]


def test_the_windows_of_each_key_hold_all_that_it_ever_did(lived):
    count = Counter(record.key for record in sent_to(lived, "visits"))
    assert len(count) == len(CUSTOMERS)
    for number, image in enumerate(lived.images()):
        [windows] = unpack(image).state["encoder"]["windows"].values()
        held = dict(zip(map(tuple, windows["ids"].tolist()), windows["lengths"], strict=True))
        own = [customer for customer, where in WHERE.items() if where == number]
        for customer, digest in zip(own, digests(TextColumn.of(own)).tolist(), strict=True):
            assert held[tuple(digest)] == count[customer.encode()]


def test_the_past_since_it_grew_computed_again_ends_in_the_same_state(lived):
    site = Site(lived.pipeline, "grown", {"bootstrap_servers": lived._brokers})

    async def again(number: int) -> bytes:
        checkpoints = site.checkpoints(number)
        first = [it for it in await checkpoints.manifests() if it.grown == it.positions]
        past = await recorded(site, number, image=first[0].number)
        async for _ in past.outputs():
            pass
        return pack(past.task.image())

    images = lived.images()
    for number in range(AFTER):
        assert asyncio.run(again(number)) == images[number]


def test_what_was_before_it_grew_is_not_computed_as_if_it_had_not(lived):
    site = Site(lived.pipeline, "grown", {"bootstrap_servers": lived._brokers})
    for number in (0, BEFORE):
        with pytest.raises(ReplayError, match="grew") as caught:
            asyncio.run(recorded(site, number, image="none"))
        assert "--from" in str(caught.value)


def test_a_second_time_there_is_nothing_to_be_done(lived):
    said, _ = growing(lived, "--dry-run").communicate(timeout=120)
    assert said == "nothing is to be done\n"


def test_what_partitions_tell_each_other_counts_once_in_those_that_grew(broker):
    harness = OnKafka(broker.bootstrap, "grown_together", BEFORE, refresh_ms=REFRESH_MS)
    try:
        harness.scale(2)
        with harness.load(judged_inside):
            harness.progress()
            harness.scale(0)
            grow(harness)
            harness.scale(2)
            harness.progress()
            harness.crash()
            harness.progress()
        harness.settle()
        harness.level()
        harness.scale(0)
        states = [unpack(image).state for image in harness.images()]
        deltas = map(record_of, read(broker.bootstrap, harness.pipeline.deltas_topic))
        told = counted(one for one in sorted(deltas, key=lambda it: it.offset) if is_tally(one))
        for state in states:
            assert np.array_equal(state["learner"]["mixed"], told)
        kept = sum(int(state["learner"]["own"].sum()) for state in states)
        assert told.sum() + kept == len(harness.sent)
        for state in states:
            [shared] = [it for it in state["encoder"]["windows"].values() if "exchange" in it]
            assert shared["exchange"]["under_way"] == b""
            assert int(shared["lengths"].sum()) == len(harness.sent)
    finally:
        harness.close()


def is_tally(record: Any) -> bool:
    """Whether it tells what was counted, and not rows of windows."""
    return record.value[4:8] == b"TALL"


def test_a_worker_refuses_a_topic_that_grew_by_itself_until_it_is_told_how(broker):
    harness = OnKafka(broker.bootstrap, "grown_by_hand", BEFORE)
    try:
        harness.scale(1)
        for number in range(60):
            value = Told(**visit_of(number), bought=number % 2 == 0)
            harness.send("grown-by-hand.visits", value, key=value.customer)
        harness.settle()
        process = growing(harness, "--session-timeout-s=6")
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 2
        assert "group 'grown-by-hand' has 1 members\n" in said
        assert "stop its workers" in said
        harness.scale(0)
        names = ["visits", "predictions", "dead-letters", "journal", "checkpoints"]
        client = AdminClient({"bootstrap.servers": broker.bootstrap})
        more = [NewPartitions(f"grown-by-hand.{name}", AFTER) for name in names]
        for future in client.create_partitions(more).values():
            future.result()
        found = examine(harness.pipeline, Settings(brokers=broker.bootstrap))
        [wrong] = [it for it in found if "it has learned from 4" in it.found]
        assert wrong.severity == "wrong"
        assert "thalweg grow PIPELINE --partitions 8" in (wrong.mend or "")
        code, said = refused("grown_by_hand", broker.bootstrap)
        assert code == 2
        assert "grown-by-hand.visits with 4 partitions, and it has 8" in said
        assert "thalweg grow PIPELINE --partitions 8" in said
        grow(harness)
        harness.scale(1)
        harness.scale(0)
    finally:
        harness.close()
