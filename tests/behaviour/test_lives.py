"""Workers come, go and crash; the predictions are those of a worker that nothing happened to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from harness import Harness, InMemory
from shops import Sale, Told, Visit

from streams.image import unpack

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PAGES = ("boots", "hats", "coats")

Launch = Callable[..., Harness]


def visited(number: int) -> dict[str, Any]:
    return {
        "id": f"v{number}",
        "customer": f"c{number % 23}",
        "page": PAGES[number * 7 % 3],
        "seconds": float(number * 37 % 101),
        "at": BEGIN + timedelta(seconds=number),
    }


def told(topic: str, number: int) -> Iterator[tuple[str, Any]]:
    yield topic, Told(**visited(number), bought=number * 11 % 5 < 2)


def send(harness: Harness, first: int, count: int) -> None:
    for number in range(first, first + count):
        for topic, value in told(harness.pipeline.events.name, number):
            harness.send(topic, value, key=value.customer)


def answers(harness: Harness) -> dict[tuple[int, int], list[bytes | None]]:
    """By partition and offset of each event, the predictions there are of it."""
    found: dict[tuple[int, int], list[bytes | None]] = {}
    for prediction in harness.predictions():
        found.setdefault((prediction.partition, prediction.offset), []).append(prediction.raw.value)
    return found


def undisturbed(harness: Harness) -> InMemory:
    """The same records in a world where nothing has happened."""
    calm = InMemory(harness.pipeline, harness.partitions)
    for record in sorted(harness.sent, key=lambda record: (record.partition, record.offset)):
        key = None if record.key is None else record.key.decode()
        calm.send(record.topic, record.value, key=key, partition=record.partition)
    calm.settle()
    return calm


def test_a_stop_and_a_restart_change_no_prediction_and_keep_what_was_learned(launch: Launch):
    harness = launch("resumed", partitions=3)
    harness.scale(1)
    send(harness, 0, 90)
    harness.settle()
    harness.scale(0)
    send(harness, 90, 60)
    harness.scale(1)
    send(harness, 150, 90)
    harness.settle()
    harness.scale(0)
    calm = undisturbed(harness)
    assert answers(harness) == answers(calm)
    images = harness.images()
    assert images == calm.images()
    assert sum(unpack(image).state["learned"] for image in images) == 240


def test_a_crash_loses_and_duplicates_nothing(launch: Launch):
    harness = launch("crashed", partitions=4, slots=True)
    harness.scale(1)
    with harness.load(lambda number: told("crashed.visits", number)):
        harness.progress()
        harness.crash()
        harness.progress()
        harness.crash()
    harness.settle()
    harness.scale(0)
    calm = undisturbed(harness)
    found = answers(harness)
    assert found == answers(calm)
    assert len(found) == len(harness.sent)
    assert all(len(predictions) == 1 for predictions in found.values())
    assert harness.images() == calm.images()


def test_workers_come_and_go_under_load_and_everything_is_scored_and_learned_once(launch: Launch):
    harness = launch("scaled", partitions=4)

    def visit_and_sale(number: int) -> Iterator[tuple[str, Any]]:
        yield "scaled.visits", Visit(**visited(number))
        if number >= 40:
            visit = visited(number - 40)
            sale = Sale(visit["id"], visit["customer"], number % 5 < 2, visited(number - 39)["at"])
            yield "scaled.sales", sale

    harness.scale(1)
    with harness.load(visit_and_sale):
        harness.progress()
        harness.scale(2)
        harness.progress()
        harness.scale(1)
        harness.progress()
    harness.settle()
    harness.scale(0)
    visits = [record for record in harness.sent if record.topic == "scaled.visits"]
    sales = [record for record in harness.sent if record.topic == "scaled.sales"]
    found = answers(harness)
    assert sorted(found) == sorted((visit.partition, visit.offset) for visit in visits)
    assert all(len(predictions) == 1 for predictions in found.values())
    states = [unpack(image).state for image in harness.images()]
    assert sum(state["joiner"]["outcomes"]["joined"] for state in states) == len(sales)
    assert sum(state["learned"] for state in states) == len(sales)
