"""What a promise needs of the world it is kept in; and the first such world, the test driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from streams.image import pack
from streams.pipeline import Pipeline
from streams.slices import Headers, Record
from streams.testing import DeadLetter, Driver, Predicted

__all__ = ["Harness", "InMemory", "Values"]

Values = Callable[[int], Iterator[tuple[str, Any]]]
"""For the n-th event what is sent: topics and values, the event itself first."""


class Harness(Protocol):
    """A pipeline with its topics, and the workers that are on it.

    Attributes:
        pipeline: that is run.
        partitions: of each topic.
        sent: every record that was written, as it stands in its topic.
    """

    pipeline: Pipeline
    partitions: int
    sent: list[Record]

    def send(
        self,
        topic: str,
        value: Any,
        *,
        key: str | None,
        partition: int | None = None,
        timestamp: int | None = None,
        headers: Headers = (),
    ) -> Record:
        """Write a record; without a key, to the partition that is named."""

    def scale(self, workers: int) -> None:
        """Have so many workers run; those that are too many are asked to stop."""

    def crash(self) -> None:
        """Kill all workers without a warning, with something uncommitted, and start as many."""

    def settle(self) -> None:
        """Wait until everything that was sent is computed and committed."""

    def load(self, values: Values) -> AbstractContextManager[Any]:
        """Send one event after another as long as the block lasts."""

    def progress(self) -> None:
        """Wait, under load, until more has been predicted."""

    def predictions(self) -> list[Predicted]:
        """All that are committed, each partition in order."""

    def dead_letters(self) -> list[DeadLetter]:
        """All that are committed, each partition in order."""

    def images(self) -> list[bytes]:
        """The newest of each partition; that of the end, once all workers were asked to stop."""


class InMemory:
    """A world without chance."""

    _PART = 60

    def __init__(self, pipeline: Pipeline, partitions: int) -> None:
        self.pipeline = pipeline
        self.partitions = partitions
        self.sent: list[Record] = []
        self._driver = Driver(pipeline, partitions=partitions)
        self._values: Values = lambda number: iter(())
        self._events = 0

    def send(self, topic: str, value: Any, **where: Any) -> Record:
        record = self._driver.send(topic, value, **where)
        self.sent.append(record)
        return record

    def scale(self, workers: int) -> None:
        self._driver.rebalance(max(1, workers))

    def crash(self) -> None:
        self._part()
        self._driver.crash(after=self._PART // 2)
        self._driver.run(7, commit_every=2)

    def settle(self) -> None:
        self._driver.run(13)

    @contextmanager
    def load(self, values: Values) -> Iterator[None]:
        self._values = values
        yield
        self._part()

    def progress(self) -> None:
        self._part()
        self.settle()

    def predictions(self) -> list[Predicted]:
        return sorted(self._driver.predictions, key=lambda one: (one.partition, one.raw.offset))

    def dead_letters(self) -> list[DeadLetter]:
        letters = self._driver.dead_letters
        return sorted(letters, key=lambda letter: (letter.raw.partition, letter.raw.offset))

    def images(self) -> list[bytes]:
        return [pack(self._driver.state(number)) for number in range(self.partitions)]

    def _part(self) -> None:
        for _ in range(self._PART):
            for topic, value in self._values(self._events):
                self.send(topic, value, key=value.customer)
            self._events += 1
