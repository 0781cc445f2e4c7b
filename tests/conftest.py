"""Fixtures that several test modules share: one real broker, and topics of one's own on it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest
from hypothesis import settings

from streams.broker import Broker
from streams.topics import TopicSpec, ensure

# Popped, because workers that the tests start refuse a setting they do not know.
SHARED_DATA = Path(
    os.environ.pop("THALWEG_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")
)

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The first example of a test compiles kernels, and machines are shared.
settings.register_profile("thalweg", deadline=None)
settings.load_profile("thalweg")


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


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of data sets that are not ours to publish: beside the clone, or where told."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"there is no {SHARED_DATA}: THALWEG_TEST_DATA can name another folder")
    return SHARED_DATA


@pytest.fixture
def _sklearn(monkeypatch) -> None:
    """River's checks import scikit-learn's data sets, which they do not use for these models."""
    if find_spec("sklearn") is None:
        package, module = ModuleType("sklearn"), ModuleType("sklearn.datasets")
        package.datasets = module
        monkeypatch.setitem(sys.modules, "sklearn", package)
        monkeypatch.setitem(sys.modules, "sklearn.datasets", module)
