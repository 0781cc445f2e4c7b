"""``thalweg checkpoints``: what it shows is so, and going back goes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from aiokafka import TopicPartition
from click.testing import CliRunner, Result
from confluent_kafka import Producer
from outside import Worker, read
from shop_files import shop_file

from streams import Pipeline, load
from streams.broker import Broker
from streams.checkpoint import Checkpoints
from streams.checkpointcommands import checkpoints
from streams.errors import TeachingError
from streams.image import ImageError, unpack
from streams.producer import PartitionProducer, transactional_ids
from streams.rollback import RollbackError
from streams.slices import Slice
from streams.task import PartitionTask
from streams.topics import ensure, required_topics

pytestmark = pytest.mark.kafka

NOW = 1_700_000_000_000
HOUR = 3_600_000
KEY = "0123456789abcdef"


class Shop:
    """A pipeline in a file, with images of two partitions, and a command line on it."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.name = f"shop-{uuid4().hex[:8]}"
        self.file = shop_file(folder, self.name)
        self.brokers = broker.bootstrap
        self.client = {"bootstrap_servers": broker.bootstrap}
        self.pipeline: Pipeline = load(self.file)
        ensure(self.brokers, required_topics(self.pipeline, 2))

    def run(self, command: str, *args: str) -> Result:
        """What the command does; anything but a usage error or an answer of 1 is raised."""
        given = [command, str(self.file), *args, "--brokers", self.brokers]
        result = CliRunner().invoke(checkpoints, given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def json(self, command: str, *args: str) -> Any:
        return msgspec.json.decode(self.run(command, *args, "--json").stdout)

    def replace(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))

    def topics(self) -> tuple[str, str]:
        events, labels = self.pipeline.input_topics
        return events, labels

    async def write(self, partition: int, images: int, **options: Any) -> None:
        """Images an hour apart, each ten events and five of their labels after the one before."""
        events, labels = self.topics()
        task = PartitionTask(self.pipeline, partition)
        task.positions = {events: 0, labels: 0}
        topic, group = self.pipeline.checkpoints_topic, self.pipeline.name
        kept = Checkpoints(self.client, topic, partition, group, **options)
        own, _ = transactional_ids(group, partition)
        producer = PartitionProducer(self.client, own, 60, "none")
        await producer.start()
        try:
            await kept.newest()
            for number in range(images):
                ids = range(10 * number, 10 * number + 10)
                visits = [b'{"id":"%d","page":"%d"}' % (n, n % 3) for n in ids]
                sales = [b'{"id":"%d","label":%d}' % (n, n % 2) for n in ids[:5]]
                for name, values in ((events, visits), (labels, sales)):
                    start = task.positions[name]
                    n = len(values)
                    offsets = [*range(start, start + n)]
                    keys, stamps = [None] * n, [NOW] * n
                    task.take(
                        Slice(name, partition, start, start + n, offsets, keys, values, stamps)
                    )
                prepared = kept.prepare(task.image(), number)
                await producer.begin()
                await kept.write(producer, prepared, NOW + number * HOUR)
                reached = {TopicPartition(it, partition): at for it, at in task.positions.items()}
                await producer.add_offsets(reached, group)
                await producer.commit()
                kept.settled(prepared)
        finally:
            await producer.stop()
        # Whoever starts it again waits until all that is committed can be read.
        again = PartitionProducer(self.client, own, 60, "none")
        await again.start()
        await again.stop()

    def written(self, *images: int, **options: Any) -> None:
        for partition, count in enumerate(images):
            asyncio.run(self.write(partition, count, **options))


@pytest.fixture
def shop(broker: Broker, tmp_path: Path) -> Iterator[Shop]:
    return Shop(broker, tmp_path)


def test_the_images_are_listed_newest_first(shop: Shop):
    shop.written(6, 1)
    events, labels = shop.topics()
    listed = shop.json("list")
    assert [(it["partition"], it["image"]) for it in listed] == [
        (0, 6), (0, 5), (0, 4), (0, 3), (1, 1),
    ]  # fmt: skip
    assert listed[0]["positions"] == {labels: 30, events: 60}
    assert listed[0]["model"] == shop.pipeline.model_version
    assert listed[0]["written_at"] == NOW + 5 * HOUR
    assert not listed[0]["signed"]
    told = shop.run("list", "--partition", "1").stdout.splitlines()
    assert len(told) == 2
    assert told[0].split()[:4] == ["partition", "image", "written", "of"]
    assert f"{events} 10" in told[1]
    assert "2023-11-14 22:13:20 UTC" in told[1]


def test_before_the_first_image_that_is_what_is_told(shop: Shop):
    result = shop.run("list")
    assert f"group '{shop.name}' has no image of {shop.name} yet" in result.stderr
    assert shop.run("diff").stdout == "there is no image yet: nothing can be lost\n"
    with pytest.raises(TeachingError, match="there is none that can be used"):
        shop.run("show")


def test_what_is_in_an_image_is_shown(shop: Shop):
    shop.written(5)
    found = shop.json("show", "--image", "4")
    assert found["image"] == 4
    assert (found["waiting"], found["learned"]) == (20, 20)
    assert found["model_figures"]["learned"] == 20
    assert found["model_figures"]["weights"] > 0
    assert found["quality"]["labels"] == 20
    assert set(found["state_bytes"]) >= {"learner", "joiner", "quality"}
    told = shop.run("show").stdout
    for line in ("image 5", "waiting 25", "learned 25"):
        assert line in " ".join(told.split())


def test_an_image_that_is_not_there_is_told_with_those_that_are(shop: Shop):
    shop.written(2)
    with pytest.raises(TeachingError) as caught:
        shop.run("show", "--image", "9")
    assert str(caught.value) == (
        "partition 0, image 9\n  why:   there is none; there are 2, 1\n  write: one of 2, 1"
    )
    with pytest.raises(TeachingError, match="has 2 partitions, counted from 0"):
        shop.run("list", "--partition", "2")


def test_a_change_is_compared_with_what_the_newest_images_are_of(shop: Shop):
    shop.written(2, 1)
    assert shop.run("diff").stdout == "keeps the state\n"
    shop.replace("Threshold(0.5)", "Threshold(0.7)")
    same = shop.run("diff")
    assert same.exit_code == 0
    assert same.stdout.splitlines()[-1] == "keeps the state"
    assert "0.5 → 0.7" in same.stdout
    shop.replace("bits=8", "bits=9")
    other = shop.run("diff")
    assert other.exit_code == 1
    assert "bits: 8 → 9" in other.stdout
    assert "needs a new version: " in other.stdout
    assert 'write: another name="…" in the pipeline' in other.stdout


def test_going_back_takes_the_older_state_to_where_the_group_has_read(shop: Shop):
    shop.written(3, 3)
    events, labels = shop.topics()
    result = shop.run("rollback", "--partition", "1", "--to", "1", "--yes")
    assert result.stdout.splitlines() == [
        f"partition 1: back to image 1 of 2023-11-14 22:13:20 UTC; forgets 10 of {labels}, "
        f"20 of {events}",
        f"partition 1: image 4 has the state of 1, at {labels} 15, {events} 30",
    ]
    found = shop.json("show", "--partition", "1")
    assert (found["image"], found["learned"], found["waiting"]) == (4, 5, 5)
    assert found["positions"] == {events: 30, labels: 15}
    assert shop.json("show", "--partition", "0")["learned"] == 15


def test_a_time_goes_for_all_partitions(shop: Shop):
    shop.written(3, 2)
    result = shop.run("rollback", "--to", "2023-11-14T23:30", "--yes")
    assert [line for line in result.stdout.splitlines() if "back to" not in line] == [
        f"partition {n}: image {new} has the state of 2, at {shop.name}.sales {at // 2}, "
        f"{shop.name}.visits {at}"
        for n, new, at in ((0, 4, 30), (1, 3, 20))
    ]
    with pytest.raises(TeachingError, match="there is none; there are 4, 3, 2, 1"):
        shop.run("rollback", "--to", "2020-01-01", "--yes")


def test_going_back_is_asked_about_and_a_number_needs_its_partition(shop: Shop):
    shop.written(2)
    result = shop.run("rollback", "--partition", "0", "--to", "1")
    assert result.exit_code == 1
    assert "is dropped. They are not read again" in result.stdout
    assert len(shop.json("list")) == 2
    for to, told in (("1", "say --partition"), ("soon", "write a number, or a time")):
        result = shop.run("rollback", "--to", to)
        assert result.exit_code == 2
        assert told in result.stderr


def test_images_are_exported_to_files(shop: Shop, tmp_path: Path):
    shop.written(2, 1)
    shop.run("export", str(tmp_path / "backup"))
    names = sorted(path.name for path in (tmp_path / "backup").iterdir())
    assert names == [
        f"{shop.name}-{n}.{kind}" for n in ("0-2", "1-1") for kind in ("image", "json")
    ]
    image = unpack((tmp_path / "backup" / names[0]).read_bytes())
    assert image.positions == shop.json("show")["positions"]
    task = PartitionTask(shop.pipeline, 0)
    task.restore(image)
    assert task.learned == 10


def test_signed_images_in_a_store_are_read_with_the_key(shop: Shop, tmp_path: Path):
    store = str(tmp_path / "store")
    shop.written(2, store=store, key=KEY.encode())
    key = tmp_path / "thalweg.key"
    key.write_bytes(KEY.encode())
    place = ("--checkpoint-store", store, "--checkpoint-key-file", str(key))
    assert shop.json("list", *place)[0]["signed"]
    assert shop.json("show", *place)["learned"] == 10
    assert shop.run("rollback", "--partition", "0", "--to", "1", "--yes", *place).exit_code == 0
    assert shop.json("show", *place)["learned"] == 5
    with pytest.raises(ImageError, match=f"its blocks are in a store: --checkpoint-store {store}"):
        shop.run("show")
    with pytest.raises(RollbackError, match="no key, and the images are signed"):
        shop.run("rollback", "--partition", "0", "--to", "1", "--yes", *place[:2])
    key.write_bytes(b"some other key that is long enough")
    assert "signed with another key, or forged" in shop.run("list", *place).stderr


def test_images_are_signed_for_workers_that_get_a_key(shop: Shop, tmp_path: Path):
    shop.written(2, 1)
    key = tmp_path / "thalweg.key"
    key.write_bytes(KEY.encode())
    place = ("--checkpoint-key-file", str(key))
    with pytest.raises(TeachingError, match="there is none that can be used"):
        shop.run("show", *place)
    assert "with which key?" in shop.run("sign").stderr
    assert shop.run("sign", *place).stdout.splitlines() == [
        "partition 0: image 3 is image 2, signed",
        "partition 1: image 2 is image 1, signed",
    ]
    found = shop.json("show", *place)
    assert (found["image"], found["signed"], found["learned"]) == (3, True, 10)
    assert found["positions"] == shop.json("list")[1]["positions"]
    assert found["journal"] == 1
    key.write_bytes(b"another, and long enough as well")
    shop.run("sign", *place)
    assert shop.json("show", *place)["image"] == 4


def test_a_worker_goes_on_from_the_state_that_was_put_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("THALWEG_CHECKPOINT_KEY", KEY)
    events, labels = shop.topics()
    producer = Producer({"bootstrap.servers": shop.brokers})

    def send(numbers: range) -> None:
        for n in numbers:
            producer.produce(events, b'{"id":"%d","page":"a"}' % n, partition=0)
            producer.produce(labels, b'{"id":"%d","label":1}' % n, partition=0)
        assert producer.flush(30) == 0

    def work(numbers: range) -> None:
        send(numbers)
        with Worker(shop.file, shop.brokers, report_every_s=0) as worker:
            worker.until(lambda: worker.total("thalweg_learned_total") >= len(numbers), 60)
            with pytest.raises(RollbackError, match=f"group '{shop.name}' has 1 member"):
                shop.run("rollback", "--partition", "0", "--to", "1", "--yes")
            assert worker.stop() == 0, worker.output

    work(range(20))
    before = shop.json("show")
    work(range(20, 40))
    assert shop.json("show")["learned"] == 40
    shop.run("rollback", "--partition", "0", "--to", str(before["image"]), "--yes")
    assert shop.json("show")["learned"] == before["learned"] == 20
    work(range(40, 60))
    found = shop.json("show")
    assert (found["learned"], found["positions"][events]) == (40, 60)
    ids = [
        msgspec.json.decode(message.value())["id"]
        for message in read(shop.brokers, shop.pipeline.predictions_topic)
    ]
    assert sorted(ids, key=int) == [str(n) for n in range(60)]
