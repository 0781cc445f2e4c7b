"""Records that were turned away can be looked at, taken out, and put back: once each."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Message, Producer
from hypothesis import given
from hypothesis import strategies as st
from outside import ROOT, read

from streams import load, topics
from streams.broker import Broker
from streams.choice import Choice, DeadLetterError, Place, since
from streams.deadlettercommands import dead_letters
from streams.deadletters import exported
from streams.letters import DeadLetter
from streams.letterview import escaped, shown
from streams.partitioning import partitions_of
from streams.reinjection import Reinjection
from streams.slices import Record
from streams.testing import Driver

PARTITIONS = 3
NOW = int(time.time() * 1000)
ATTACK = b'{"id": "\x1b]0;owned\x07\xe2\x80\xae"}'

PIPELINE = """
from models import Hashed, Logistic
from streams import Event, Labels, Pipeline, Topic

class Payment(Event, frozen=True):
    id: str
    customer: str
    amount: {amount}

pipeline = Pipeline(
    name="{name}",
    events=Topic("{name}.payments", schema=Payment, id="id", key="customer"),
    labels=Labels("{name}.labels", matures_after="1h", otherwise=0),
    features=[Hashed("customer")],
    model=Logistic(bits=8),
)
"""


class Shop:
    """A pipeline that turned records away, and the same as it was mended since."""

    def __init__(self, brokers: str, folder: Path) -> None:
        self.brokers = brokers
        self.name = f"shop-{uuid4().hex[:8]}"
        self.strict, self.mended = folder / "strict.py", folder / "mended.py"
        self.strict.write_text(PIPELINE.format(name=self.name, amount="float"))
        self.mended.write_text(PIPELINE.format(name=self.name, amount="float | None = None"))
        self.payments, self.labels = f"{self.name}.payments", f"{self.name}.labels"
        self.pipeline = load(str(self.mended))
        self.ensure()
        self.driver = Driver(load(str(self.strict)), partitions=PARTITIONS)

    def ensure(self) -> None:
        week = 7 * 86_400_000
        specs = topics.required_topics(self.pipeline, PARTITIONS, retention_ms=week)
        topics.ensure(self.brokers, specs)

    def turn_away(self, *values: bytes | dict | None, topic: str = "", **named) -> list[DeadLetter]:
        """Have the strict pipeline turn these away; the letters as they then stand on Kafka."""
        before = len(self.driver.dead_letters)
        named = {"timestamp": NOW, **named}
        self.driver.send_many(topic or self.payments, values, **named)
        self.driver.run()
        letters = self.driver.dead_letters[before:]
        assert len(letters) == len(values)
        self.post(letters)
        return letters

    def post(self, letters: list[DeadLetter]) -> None:
        producer = Producer({"bootstrap.servers": self.brokers, "message.max.bytes": 2 << 20})
        for letter in letters:
            raw = letter.raw
            producer.produce(
                raw.topic, raw.value, raw.key, raw.partition,
                timestamp=raw.timestamp, headers=list(raw.headers),
            )  # fmt: skip
        assert producer.flush(30) == 0

    def run(self, *words: str, file: Path | None = None, code: int = 0) -> Result:
        command, *rest = words
        place = str(file or self.mended)
        runner = CliRunner()
        found = runner.invoke(
            dead_letters, [command, place, *rest, "--brokers", self.brokers], terminal_width=200
        )
        assert found.exit_code == code, found.output
        return found

    def reinject(self, *words: str) -> dict:
        return json.loads(self.run("re-inject", "--json", *words).stdout)

    def messages(self, topic: str = "") -> list[Message]:
        return list(read(self.brokers, topic or self.payments))


@pytest.fixture
def shop(broker: Broker, tmp_path: Path) -> Shop:
    return Shop(broker.bootstrap, tmp_path)


def without_amount(number: int) -> dict:
    return {"id": f"p{number}", "customer": f"c{number % 5}"}


def letter_of(key: bytes | None, value: bytes | None, headers: list) -> DeadLetter:
    raw = Record("dead", 0, 7, key, value, NOW)
    return DeadLetter("schema", "why", "payments", 0, 41, (), headers, raw)


@given(st.none() | st.binary(), st.none() | st.binary(), st.none() | st.binary())
def test_an_export_holds_every_byte(key, value, header):
    line = json.loads(exported(letter_of(key, value, [("h", header), ("h", b"2")])))

    def raw(told: dict, name: str) -> bytes | None:
        if (coded := told.get(f"{name}_base64")) is not None:
            return base64.b64decode(coded)
        return None if told[name] is None else told[name].encode()

    assert (raw(line, "key"), raw(line, "value")) == (key, value)
    first, second = line["headers"]
    assert (first["name"], raw(first, "value"), raw(second, "value")) == ("h", header, b"2")


@given(st.binary() | st.text().map(str.encode))
def test_nothing_that_is_shown_commands_a_terminal(raw: bytes):
    assert all(line.isprintable() for line in shown(raw).split("\n"))


def test_text_is_shown_as_it_is_and_bytes_as_a_dump():
    assert shown(b'{"id": "caf\xc3\xa9"}') == '{"id": "café"}'
    assert shown(b"\xff{\x1b") == f"00000000  ff 7b 1b{' ' * 40} ·{{·"
    assert shown(None) == "(none)"
    assert shown(b"x" * 5_000).endswith("\n… 904 more: thalweg dead-letters export has all")
    assert escaped("a\x1b[31m\u202e") == "a\\x1b[31m\\u202e"


def test_a_place_is_the_records_or_the_letters():
    assert Place.of("a/b/3/1041") == Place("a/b", 3, 1041)
    assert Place.of("3:17") == Place(None, 3, 17)
    for wrong in ("payments", "3", "payments/3", "3:x", ""):
        with pytest.raises(DeadLetterError, match="payments/3/1041"):
            Place.of(wrong)


def test_since_is_a_time_or_so_long_ago():
    assert since("2h", 10_000_000) == 2_800_000
    assert since("1970-01-02", 0) == 86_400_000
    for wrong in ("2 hours ago", "yesterday", "xh", ""):
        with pytest.raises(DeadLetterError, match="--since 2h"):
            since(wrong, 0)


@pytest.mark.kafka
def test_letters_are_counted_by_why_and_from_where(shop: Shop):
    assert "no dead letters" in shop.run("list").stdout
    shop.turn_away(*map(without_amount, range(3)), partition=1)
    shop.turn_away(b"{", partition=1, timestamp=NOW - 86_400_000)
    shop.turn_away(b"{", topic=shop.labels, partition=2, key="k")
    found = [json.loads(line) for line in shop.run("list", "--json").stdout.splitlines()]
    counted = {(one["reason"], one["topic"], one["partition"]): one["letters"] for one in found}
    assert counted == {
        ("schema", shop.payments, 1): 3,
        ("malformed", shop.payments, 1): 1,
        ("malformed", shop.labels, 2): 1,
    }
    assert found[0]["first"] == found[0]["last"] == NOW
    assert "amount" in found[0]["detail"]
    for flags, count in [
        (["--since", "2h"], 4),
        (["--reason", "schema"], 3),
        (["--topic", shop.labels], 1),
        (["--partition", "1", "--limit", "2"], 2),
        (["--partition", "9"], 0),
    ]:
        lines = shop.run("list", "--json", *flags).stdout.splitlines()
        assert sum(json.loads(line)["letters"] for line in lines) == count
    assert "malformed" in shop.run("list").stdout
    assert "there is null-value," in shop.run("list", "--reason", "bad", code=2).output


@pytest.mark.kafka
def test_a_letter_is_shown_by_either_of_its_places(shop: Shop):
    shop.turn_away(ATTACK, key=b"\xff\x00", partition=1, headers=[("trace", b"\x1b[2J")])
    shop.turn_away(without_amount(2), partition=1)
    page = shop.run("show", f"{shop.payments}/1/0", file=shop.strict).stdout
    assert page == shop.run("show", "1:0", file=shop.strict).stdout
    assert "\x1b" not in page
    assert "\u202e" not in page
    for part in ("malformed", "ff 00", "header trace", r"\x1b[2J", "amount: float"):
        assert part in page
    assert "would be taken" in shop.run("show", "1:1").stdout
    with pytest.raises(DeadLetterError, match="there is none"):
        raise shop.run("show", "1:99", code=1).exception


@pytest.mark.kafka
def test_what_is_exported_can_be_mended_by_hand_and_produced(shop: Shop, tmp_path: Path):
    shop.turn_away(without_amount(1), b"\xff{", None, partition=0)
    shop.run("export", str(tmp_path / "all.jsonl"))
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [line["reason"] for line in lines] == ["schema", "malformed", "null-value"]
    assert base64.b64decode(lines[1]["value_base64"]) == b"\xff{"
    assert lines[2]["value"] is None
    said = shop.run("export", str(tmp_path / "raw.jsonl"), "--raw").stderr
    assert "2 dead letters written, 1 without a value" in said
    first, second = (tmp_path / "raw.jsonl").read_bytes().splitlines()
    assert (json.loads(first), second) == (without_amount(1), b"\xff{")


@pytest.mark.kafka
def test_what_would_be_taken_now_is_written_again_as_it_was_and_once(shop: Shop):
    own = [("trace", b"7"), ("empty", None)]
    letters = shop.turn_away(*map(without_amount, range(20)), headers=own)
    shop.turn_away(b"{", {"id": 5}, key="k")
    shop.turn_away(without_amount(99), key=None, partition=2)
    expected = {"written": {shop.payments: 21}, "left": {"malformed": 1, "schema": 1}, "before": 0}
    assert shop.reinject("--dry-run") == expected
    assert shop.messages() == []
    assert shop.reinject() == expected
    found = {json.loads(one.value())["id"]: one for one in shop.messages()}
    assert len(found) == len(shop.messages()) == 21
    for letter in letters:
        one = found[json.loads(letter.raw.value)["id"]]
        place = f"{letter.raw.topic}/{letter.raw.partition}/{letter.raw.offset}"
        assert (one.key(), one.value()) == (letter.raw.key, letter.raw.value)
        assert one.timestamp()[1] == NOW
        assert one.headers() == [*own, ("thalweg.reinjected", place.encode())]
        assert one.partition() == partitions_of([letter.raw.key], PARTITIONS)[0]
    assert found["p99"].partition() == 2
    again = {"written": {}, "left": expected["left"], "before": 21}
    assert shop.reinject() == again
    counted = [json.loads(line) for line in shop.run("list", "--json").stdout.splitlines()]
    assert sum(one["reinjected"] for one in counted) == 21
    assert len(shop.messages()) == 21
    page = shop.run("re-inject").stdout
    assert "0 records written again\n" in page
    assert "21 written again before" in page


@pytest.mark.kafka
def test_letters_are_written_a_few_at_a_time_if_so_wished(shop: Shop):
    shop.turn_away(*map(without_amount, range(10)))
    assert shop.reinject("--limit", "4")["written"] == {shop.payments: 4}
    assert shop.reinject("--limit", "4")["before"] == 4
    assert shop.reinject()["written"] == {shop.payments: 2}
    assert len({one.value() for one in shop.messages()}) == len(shop.messages()) == 10


@pytest.mark.kafka
def test_what_was_cut_is_no_input_or_would_expire_is_left(shop: Shop):
    shop.turn_away(b'{"id": "' + b"x" * 2_000_000, partition=0)
    shop.turn_away(without_amount(1), timestamp=NOW - 30 * 86_400_000, partition=0)
    [letter] = shop.turn_away(without_amount(2), partition=0)
    raw = letter.raw
    elsewhere = [(name, b"old" if name == "thalweg.topic" else text) for name, text in raw.headers]
    moved = Record(raw.topic, 0, 0, raw.key, raw.value, raw.timestamp, elsewhere)
    shop.post([DeadLetter.of(moved)])
    assert shop.reinject() == {
        "written": {shop.payments: 1},
        "left": {"cut": 1, "expired": 1, "no-input": 1},
        "before": 0,
    }
    assert "not kept whole, too large" in shop.run("re-inject").stdout


KILLED = """
import asyncio, os, sys
from streams import load
from streams.choice import Choice
from streams.producer import PartitionProducer
from streams.reinjection import Reinjection

place, brokers, method, after = sys.argv[1:]
original, calls = getattr(PartitionProducer, method), 0

async def counted(*args):
    global calls
    calls += 1
    if calls > int(after):
        os._exit(9)
    return await original(*args)

setattr(PartitionProducer, method, counted)
asyncio.run(Reinjection(load(place), brokers).run(Choice()))
"""


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("step", "after"), [("begin", 1), ("send", 3), ("add_offsets", 1), ("commit", 1)]
)
def test_killed_at_any_step_and_called_again_it_writes_each_letter_once(
    shop: Shop, step: str, after: int
):
    shop.turn_away(*map(without_amount, range(60)))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, shop.mended, shop.brokers, step, str(after)], cwd=ROOT
    )
    assert killed.returncode == 9
    before = len(shop.messages())
    assert 0 < before < 60
    assert shop.reinject()["before"] == before
    ids = Counter(json.loads(one.value())["id"] for one in shop.messages())
    assert ids == Counter(f"p{number}" for number in range(60))


@pytest.mark.kafka
def test_of_two_at_a_time_the_later_one_goes_on(shop: Shop):
    shop.turn_away(*map(without_amount, range(10)))
    others: list[threading.Thread] = []

    def overtaken(*_: object) -> None:
        if not others:
            others.append(threading.Thread(target=shop.reinject))
            others[0].start()
            others[0].join()

    first = Reinjection(shop.pipeline, shop.brokers)
    with pytest.raises(DeadLetterError, match="somebody else"):
        asyncio.run(first.run(Choice(), progress=overtaken))
    assert len({one.value() for one in shop.messages()}) == len(shop.messages()) == 10


@pytest.mark.kafka
def test_letters_of_a_topic_made_anew_are_new(shop: Shop):
    letters = shop.turn_away(without_amount(1))
    assert shop.reinject()["written"]
    name = shop.pipeline.dead_letters_topic
    topics.delete(shop.brokers, [name])
    until(lambda: not topics.describe(shop.brokers, [name]))
    shop.ensure()
    shop.post(letters)
    assert shop.reinject() == {"written": {shop.payments: 1}, "left": {}, "before": 0}


def until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_a_record_that_comes_late_or_twice_is_scored_again_and_learned_once(tmp_path: Path):
    """What docs/dead-letters.md promises of a record that is written again."""
    path = tmp_path / "mended.py"
    path.write_text(PIPELINE.format(name="late", amount="float | None = None"))
    driver = Driver(load(str(path)), partitions=1)
    driver.send("late.payments", without_amount(1), timestamp=10_000)
    for number in (1, 2):  # the second one's event has been turned away
        label = {"id": f"p{number}", "label": 1}
        driver.send("late.labels", label, timestamp=11_000, partition=0)
    driver.send("late.payments", without_amount(3), timestamp=7_200_000)
    driver.run()
    assert driver.quality["labels"] == 1
    driver.send("late.payments", without_amount(2), timestamp=5_000)
    driver.send("late.payments", without_amount(1), timestamp=10_000)
    driver.send("late.payments", without_amount(4), timestamp=6_000)
    driver.run()
    assert driver.quality["labels"] == 2
    driver.send("late.payments", without_amount(5), timestamp=7_200_001)
    driver.run()
    assert driver.quality["labels"] == 3
    assert [one.id for one in driver.predictions] == ["p1", "p3", "p2", "p1", "p4", "p5"]
