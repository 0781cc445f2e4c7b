"""The two worlds that every promise is kept in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import shops
from harness import Harness, InMemory
from kafka_harness import OnKafka

WORLDS = ["in-memory", pytest.param("on-kafka", marks=pytest.mark.kafka)]


@pytest.fixture(scope="module", params=WORLDS)
def launch(request: pytest.FixtureRequest) -> Iterator[Callable[..., Harness]]:
    """Sets up a pipeline of `shops`: ``launch("judged", partitions=2)``; nobody works on it yet."""
    opened: list[OnKafka] = []

    def set_up(name: str, partitions: int, *, slots: bool = False) -> Harness:
        if request.param == "in-memory":
            return InMemory(getattr(shops, name), partitions)
        brokers = request.getfixturevalue("broker").bootstrap
        opened.append(OnKafka(brokers, name, partitions, slots=slots))
        return opened[-1]

    yield set_up
    for harness in opened:
        harness.close()
