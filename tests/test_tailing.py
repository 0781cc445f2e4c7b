"""What stands in a topic, read back."""

from __future__ import annotations

import asyncio
import io
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aiokafka
import pytest

from streams.broker import Broker
from streams.chunks import Chunk
from streams.producing import produce
from streams.tailing import tail
from streams.topics import TopicError

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).parents[1]


def lines(broker: Broker, topic: str, **options) -> list[bytes]:
    out = io.BytesIO()
    count = tail(broker.bootstrap, topic, as_json=True, out=out, **options)
    found = out.getvalue().splitlines()
    assert len(found) == count
    return found


def numbered(count: int) -> Chunk:
    return Chunk([b"%d" % i for i in range(count)], timestamps=list(range(1000, 1000 + count)))


def test_all_of_a_topic_or_its_newest_records_over_all_partitions(
    broker: Broker, topic: Callable[..., str]
):
    name = topic(partitions=3)
    assert lines(broker, name) == lines(broker, name, from_beginning=True) == []
    produce([numbered(100)], broker.bootstrap, name)
    assert sorted(map(int, lines(broker, name, from_beginning=True))) == list(range(100))
    assert lines(broker, name, last=4) == [b"96", b"97", b"98", b"99"]
    assert lines(broker, name, last=1000) == [b"%d" % i for i in range(100)]
    assert lines(broker, name, last=0) == []
    assert lines(broker, name, last=4, limit=2) == [b"96", b"97"]


async def transact(bootstrap: str, topic: str) -> None:
    """Ten committed transactions of a record each, five aborted ones, and one that stays open."""
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
    await producer.start()
    for number in range(10):
        async with producer.transaction():
            await producer.send_and_wait(topic, b"committed %d" % number, partition=0)
    for number in range(5):
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"aborted %d" % number, partition=0)
        await producer.abort_transaction()
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"open", partition=0)
    await producer.client.close()
    producer._sender.sender_task.cancel()
    producer._closed = True  # left as by a crash: stopping it would wait for the transaction


def test_only_committed_records_are_shown_unless_others_are_asked_for(
    broker: Broker, topic: Callable[..., str]
):
    name = topic()
    asyncio.run(transact(broker.bootstrap, name))
    committed = [b"committed %d" % number for number in range(10)]
    aborted = [b"aborted %d" % number for number in range(5)]
    assert lines(broker, name, from_beginning=True) == committed
    assert lines(broker, name, last=3) == committed[-3:]
    everything = lines(broker, name, from_beginning=True, committed=False)
    assert everything == [*committed, *aborted, b"open"]


def test_following_shows_what_comes_and_ends_at_the_limit(
    broker: Broker, topic: Callable[..., str]
):
    name = topic(partitions=2)
    produce([numbered(5)], broker.bootstrap, name)

    async def run() -> list[bytes]:
        following = asyncio.create_task(
            asyncio.to_thread(lines, broker, name, last=2, follow=True, limit=6)
        )
        while not following.done():  # whenever it has come to listen
            await asyncio.to_thread(produce, [Chunk([b"new"])], broker.bootstrap, name)
        return await following

    found = asyncio.run(run())
    assert found[:2] == [b"3", b"4"]
    assert found[2:] == [b"new"] * 4


def test_a_topic_that_is_not_there_is_refused(broker: Broker):
    with pytest.raises(TopicError, match="no such topic"):
        tail(broker.bootstrap, "no-such-topic")


TAIL = """
import sys
from streams.tailing import tail
bootstrap, topic, as_json = sys.argv[1:]
shown = tail(bootstrap, topic, from_beginning=True, follow=True, as_json=as_json == "json")
print("shown", shown, file=sys.stderr)
"""


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("end", ["broken pipe", "ctrl-c"])
def test_it_ends_quietly_when_its_reader_has_gone_and_by_ctrl_c(
    broker: Broker, topic: Callable[..., str], form: str, end: str
):
    name = topic()
    produce([Chunk([b'{"some":"%d"}' % i for i in range(30_000)])], broker.bootstrap, name)
    process = subprocess.Popen(
        [sys.executable, "-c", TAIL, broker.bootstrap, name, form],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    first = process.stdout.readline()
    assert first.startswith(b'{"some":"0"}' if form == "json" else b"place")
    if end == "ctrl-c":
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    process.stdout.close()
    said = process.stderr.read().split()
    assert process.wait(20) == 0
    assert said[:1] == [b"shown"]
    assert len(said) == 2
