"""A worker is killed, and the broker forgets what its group had committed: the journal knows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from kafka import TopicPartition
from outside import Worker, read
from shop_files import answered, shop_file, visit

from streams import load, topics
from streams.broker import Broker
from streams.cluster import admin

pytestmark = pytest.mark.kafka

PARTITIONS = 2


def forget(brokers: str, name: str, inputs: Sequence[str]) -> None:
    """Delete what the group has committed, as soon as its member is gone."""
    places = [TopicPartition(topic, number) for topic in inputs for number in range(PARTITIONS)]
    with admin(brokers) as client:
        deadline = time.monotonic() + 60
        while client.describe_groups([name])[name]["members"]:
            assert time.monotonic() < deadline
            time.sleep(0.25)
        assert client.list_group_offsets([name])[name]
        client.delete_group_offsets(name, places)
        left = client.list_group_offsets([name])[name].values()
        assert all(it.offset < 0 for it in left)


@pytest.mark.parametrize("sales", [True, False])
def test_nothing_is_published_again_where_committed_offsets_are_gone(
    broker: Broker, tmp_path: Path, sales: bool
):
    name, brokers = f"shop-{uuid4().hex[:6]}", broker.bootstrap
    file = shop_file(tmp_path, name)
    if not sales:
        told, inside = f'Labels("{name}.sales")', file.read_text()
        inside = inside.replace("page: str\n", "page: str\n    sale: bool = False\n")
        file.write_text(inside.replace(told, '"sale"'))
    pipeline = load(str(file))
    topics.ensure(brokers, topics.required_topics(pipeline, PARTITIONS, retention_ms=-1))
    # No image but the first: what comes behind it is in the journal alone.
    given = {"checkpoint_interval_s": 600, "session_timeout_s": 6}
    with Worker(file, brokers, **given) as worker:
        for first in (0, 1_000, 2_000):
            visit(brokers, name, first, 1_000, sales=sales)
            answered(worker, name, brokers, first + 1_000)
        worker.kill()
    before = [message.value() for message in read(brokers, f"{name}.predictions")]
    forget(brokers, name, pipeline.input_topics)
    visit(brokers, name, 3_000, 1_000, sales=sales)
    with Worker(file, brokers, **given) as worker:
        answered(worker, name, brokers, 4_000)
        assert worker.stop() == 0
    after = [message.value() for message in read(brokers, f"{name}.predictions")]
    ids = [msgspec.json.decode(value)["id"] for value in after]
    assert sorted(ids) == sorted(f"v{number}" for number in range(4_000))
    assert set(before) <= set(after)
