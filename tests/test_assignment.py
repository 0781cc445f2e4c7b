"""Opening partitions while the broker does not answer: through a door that is shut, then opened."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
from faust.types import TP

from streams import topics
from streams.assignment import Assignment
from streams.broker import Broker
from streams.loading import load
from streams.observer import Observers
from streams.pipeline import Pipeline
from streams.properties import HOST
from streams.settings import Settings
from tests.chaos.proxy import Proxy

PIPELINE = """
from models import Hashed, Logistic
from streams import Event, Pipeline, Topic


class Payment(Event, frozen=True):
    id: str
    card: str
    fraud: bool | None = None

pipeline = Pipeline(
    name="{name}",
    events=Topic("{name}", schema=Payment, id="id"),
    labels="fraud",
    features=[Hashed("card")],
    model=Logistic(bits=4),
)
"""


class NoFlow:
    """Nothing is read."""

    def end(self, topic: str, partition: int) -> int | None:
        return None

    def is_paused(self, topic: str, partition: int) -> bool:
        return False

    def pause(self, topic: str, partition: int) -> None: ...

    def resume(self, topic: str, partition: int) -> None: ...

    async def seek(self, topic: str, partition: int, offset: int) -> None: ...


pytestmark = pytest.mark.kafka


class Opening:
    """An assignment of one partition whose broker is behind a proxy that has not started."""

    def __init__(self, pipeline: Pipeline, broker: Broker) -> None:
        self.failures: list[BaseException] = []
        self.stopping = False
        with socket.create_server((HOST, 0)) as free:
            port = free.getsockname()[1]
        self.door = Proxy(port, int(broker.bootstrap.rpartition(":")[2]))
        self.host = Assignment(
            pipeline,
            Settings(brokers=f"{HOST}:{port}"),
            {"bootstrap_servers": f"{HOST}:{port}"},
            Observers(),
            NoFlow(),
            failed=self.failures.append,
            stopping=lambda: self.stopping,
        )
        self._starts = {TP(pipeline.events.name, 0): 0}

    def begin(self) -> asyncio.Task[object]:
        """Open the partition; nothing is committed yet."""

        async def committed() -> dict[TP, int | None]:
            return dict.fromkeys(self._starts)

        return asyncio.create_task(self.host.assigned(self._starts, self._starts, committed))


@pytest.fixture
def opening(broker: Broker, topic: Callable[..., str], tmp_path) -> Opening:
    file = tmp_path / "card.py"
    file.write_text(PIPELINE.format(name=topic("payments")))
    pipeline = load(str(file))
    topics.ensure(broker.bootstrap, topics.required_topics(pipeline, 1))
    return Opening(pipeline, broker)


async def shut_out(opening: Opening) -> asyncio.Task[object]:
    task = opening.begin()
    done, _ = await asyncio.wait([task], timeout=3)
    assert not done
    return task


def test_a_partition_waits_for_the_broker_and_opens(opening):
    async def wait() -> None:
        task = await shut_out(opening)
        opening.door.start()
        assert await asyncio.wait_for(task, 30) == opening._starts
        assert list(opening.host.partitions) == [0]
        await opening.host.revoked()

    try:
        asyncio.run(wait())
    finally:
        opening.door.stop()
    assert not opening.failures


def test_a_worker_that_is_asked_to_stop_waits_no_longer(opening):
    async def wait() -> None:
        task = await shut_out(opening)
        opening.stopping = True
        assert await asyncio.wait_for(task, 30) == {}

    asyncio.run(wait())
    assert not opening.failures
    assert not opening.host.partitions
