"""Fixtures that several test modules share: one real broker, and topics of one's own on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from streams.broker import Broker
from streams.topics import TopicSpec, ensure


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A real Kafka, started once for all tests that ask for it."""
    with Broker() as running:
        yield running


@pytest.fixture
def topic(broker: Broker) -> Callable[..., str]:
    """Makes topics that nobody else knows: ``topic("events", partitions=4)`` is the name of one."""

    def make(name: str = "topic", partitions: int = 1, **configs: str) -> str:
        unique = f"{name}-{uuid4().hex[:8]}"
        named = {key.replace("_", "."): value for key, value in configs.items()}
        ensure(broker.bootstrap, [TopicSpec(unique, partitions, configs=named)])
        return unique

    return make
