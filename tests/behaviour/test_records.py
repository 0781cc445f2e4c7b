"""One worker, two partitions, and all kinds of records: what becomes of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from harness import Harness, InMemory
from shops import Sale, Visit

from streams.image import unpack
from streams.slices import Record
from streams.testing import DeadLetter, Predicted

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MEGABYTE = 1_000_000

VISITS, SALES = "judged.visits", "judged.sales"


def minute(count: int) -> datetime:
    return BEGIN + timedelta(minutes=count)


def visit(identity: str, customer: str, at: int, **more: Any) -> dict[str, Any]:
    plain = {"id": identity, "customer": customer, "page": "hats", "seconds": 2.5, "at": minute(at)}
    return {**plain, **more}


def raw(**changed: str) -> bytes:
    """A visit as text, with some values spelled by hand."""
    plain = {
        "id": '"x"',
        "customer": '"x"',
        "page": '"hats"',
        "seconds": "2.5",
        "at": '"2026-01-01T00:00:00Z"',
    }
    fields = {name: text for name, text in {**plain, **changed}.items() if text}
    return ("{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}").encode()


BAD: dict[str, tuple[bytes | None, str]] = {
    "no JSON": (b"hello", "malformed"),
    "half an object": (raw()[:-7], "malformed"),
    "two objects": (raw() + raw(), "malformed"),
    "nothing in it": (b"", "malformed"),
    "invalid UTF-8": (raw(id='"x').replace(b'"x,', b'"\xff\xfe",'), "malformed"),
    "a NaN": (raw(seconds="NaN"), "malformed"),
    "an infinity": (raw(seconds="-Infinity"), "malformed"),
    "a number beyond all": (raw(seconds="1e999"), "schema"),
    "a number beyond a model": (raw(seconds="1e300"), "number"),
    "a field missing": (raw(page=""), "schema"),
    "a field of another type": (raw(seconds='"2.5"'), "schema"),
    "a null": (raw(id="null"), "schema"),
    "an unknown choice": (raw(page='"gloves"'), "schema"),
    "no date": (raw(at='"yesterday"'), "schema"),
    "an array": (b"[" + raw() + b"]", "schema"),
    "a megabyte": (raw(id='"' + "x" * MEGABYTE + '"'), "too-large"),
    "three megabytes": (raw(id='"' + "x" * 3 * MEGABYTE + '"'), "too-large"),
    "a tombstone": (None, "null-value"),
}
BAD_SALES: dict[str, tuple[bytes | None, str]] = {
    "a sale that is no JSON": (b"{", "malformed"),
    "a sale of nothing": (None, "null-value"),
    "a sale of another type": (
        b'{"id":"a0","customer":"ann","bought":2,"at":"2026-01-01T00:00:00Z"}',
        "schema",
    ),
}


@dataclass
class Story:
    """What was sent, by the name it has in the tests, and what came of it."""

    harness: Harness
    sent: dict[str, Record]
    predictions: list[Predicted]
    dead_letters: list[DeadLetter]
    images: list[bytes]

    def letter(self, name: str) -> DeadLetter:
        record = self.sent[name]
        place = (record.topic, record.partition, record.offset)
        [found] = [
            letter
            for letter in self.dead_letters
            if (letter.topic, letter.partition, letter.offset) == place
        ]
        return found

    def prediction(self, name: str) -> Predicted:
        record = self.sent[name]
        [found] = [
            prediction
            for prediction in self.predictions
            if (prediction.partition, prediction.offset) == (record.partition, record.offset)
        ]
        return found

    def outcomes(self) -> Counter[str]:
        joiners = [unpack(image).state["joiner"] for image in self.images]
        return sum((Counter(joiner["outcomes"]) for joiner in joiners), Counter())


def tell(harness: Harness) -> Story:
    """Let the story happen."""
    sent: dict[str, Record] = {}

    def visited(name: str, event: dict[str, Any], **where: Any) -> None:
        value = msgspec.json.encode(event)
        sent[name] = harness.send(VISITS, value, key=event["customer"], **where)

    def sold(identity: str, at: int, *, bought: bool = True) -> None:
        harness.send(SALES, Sale(identity, "ann", bought, minute(at)), key="ann")

    harness.scale(1)
    for number in range(10):
        visited(f"a{number}", visit(f"a{number}", "ann", number))
        visited(f"b{number}", visit(f"b{number}", "ben", number))
    visited("again", visit("a4", "ann", 9, seconds=99.0))
    visited("more than asked", visit("b10", "ben", 9, colour="red", basket=[{"n": 1}]))
    headers = [("trace", b"7"), ("empty", None), ("trace", b"8")]
    visited("marked", visit("b11", "ben", 9), headers=headers, timestamp=1_500_000_000_000)
    sent["keyless"] = harness.send(VISITS, Visit(**visit("k", "kim", 9)), key=None, partition=1)
    for name, (value, _) in BAD.items():
        own = [("from", name.encode())]
        sent[name] = harness.send(VISITS, value, key="x", partition=0, headers=own)
    harness.settle()

    sold("a1", 5)
    sold("a1", 5)
    sold("a2", 6)
    sold("a2", 7, bought=False)
    sold("a3", 100)
    for number in range(31):
        sold(f"never-seen-{number}", 8)
    sold("a20", 8)
    for name, (value, _) in BAD_SALES.items():
        sent[name] = harness.send(SALES, value, key="ann")
    harness.settle()

    visited("a20", visit("a20", "ann", 10))
    visited("a99", visit("a99", "ann", 120))
    visited("b99", visit("b99", "ben", 120))
    sent["last"] = harness.send(VISITS, visit("z", "zoe", 120), key=None, partition=1)
    harness.settle()
    harness.scale(0)
    return Story(harness, sent, harness.predictions(), harness.dead_letters(), harness.images())


@pytest.fixture(scope="module")
def story(launch: Callable[..., Harness]) -> Story:
    return tell(launch("judged", partitions=2))


def test_every_event_gets_one_prediction_with_its_key_and_position(story: Story):
    bad = {story.sent[name].offset for name in BAD}
    good = {
        (record.partition, record.offset): record.key
        for record in story.sent.values()
        if record.topic == VISITS and not (record.partition == 0 and record.offset in bad)
    }
    found = {(one.partition, one.offset): one.raw.key for one in story.predictions}
    assert found == good
    assert len(story.predictions) == len(good)
    assert all(one.raw.partition == one.partition for one in story.predictions)
    assert all(one.key == (one.raw.key and one.raw.key.decode()) for one in story.predictions)


def test_predictions_come_in_the_order_of_their_events(story: Story):
    places = [(one.partition, one.offset) for one in story.predictions]
    assert places == sorted(places)


@pytest.mark.parametrize("name", [*BAD, *BAD_SALES])
def test_a_record_that_cannot_be_used_is_set_aside_with_the_reason(story: Story, name: str):
    value, reason = {**BAD, **BAD_SALES}[name]
    letter = story.letter(name)
    assert letter.reason == reason
    assert letter.detail
    assert letter.raw.key == story.sent[name].key
    assert letter.raw.timestamp == story.sent[name].timestamp
    assert list(letter.headers) == list(story.sent[name].headers)
    if "value" in letter.cut:
        assert (value or b"").startswith(letter.raw.value or b"?")
        assert len(letter.raw.value or b"") > MEGABYTE
    else:
        assert letter.raw.value == value


def test_only_what_no_topic_takes_whole_is_cut(story: Story):
    assert story.letter("a megabyte").cut == ()
    assert story.letter("three megabytes").cut == ("value",)
    assert len(story.dead_letters) == len(BAD) + len(BAD_SALES)


def test_fields_that_nobody_asked_for_are_passed_over(story: Story):
    assert story.prediction("more than asked").score == story.prediction("b9").score


def test_headers_and_timestamps_go_with_the_prediction(story: Story):
    raw = story.prediction("marked").raw
    assert list(raw.headers) == [("trace", b"7"), ("empty", None), ("trace", b"8")]
    assert raw.timestamp == 1_500_000_000_000
    assert not story.prediction("b9").raw.headers
    assert story.prediction("marked").at == minute(9)


def test_an_event_without_a_key_has_a_prediction_without_one(story: Story):
    prediction = story.prediction("keyless")
    assert (prediction.key, prediction.raw.key, prediction.raw.partition) == (None, None, 1)


def test_an_id_that_comes_twice_is_scored_twice_and_learned_once(story: Story):
    first, second = story.prediction("a4"), story.prediction("again")
    assert first.id == second.id == "a4"
    assert first.score is not None
    assert second.score is not None
    assert story.outcomes()["repeated-event"] == 1
    assert story.prediction("a99").learned == 11


def test_labels_come_early_late_twice_revised_or_never(story: Story):
    outcomes = story.outcomes()
    assert outcomes["joined"] == len(["a1", "a2", "a20"])
    assert outcomes["early"] == 31 + len(["a20"])
    assert outcomes["duplicate"] == len(["a1"])
    assert outcomes["revised"] == len(["a2", "a3"])
    assert outcomes["orphan"] == 32 - 30
    ann = len(["a0", *range(3, 10)])
    ben = len([*range(10), "b10", "b11"])
    assert outcomes["matured"] == ann + ben + len(["k"])


def test_silence_and_complaints_are_learned_before_later_events_are_scored(story: Story):
    assert story.prediction("b0").learned == 0
    assert story.prediction("a20").learned == 0
    assert story.prediction("a99").learned == 11
    assert story.prediction("a99").score != story.prediction("a20").score


def test_the_worker_has_gone_on_behind_the_worst_record(story: Story):
    assert story.prediction("last").id == "z"
    assert all(one.score is not None for one in story.predictions)
    assert {one.model for one in story.predictions} == {story.harness.pipeline.model_version}


def test_the_same_story_in_memory_comes_to_the_same_bits(story: Story):
    other = tell(InMemory(story.harness.pipeline, 2))
    assert [one.raw.value for one in story.predictions] == [
        one.raw.value for one in other.predictions
    ]
    assert [(one.offset, one.detail, one.raw.value) for one in story.dead_letters] == [
        (one.offset, one.detail, one.raw.value) for one in other.dead_letters
    ]
    assert story.images == other.images
