"""A lane: a pipeline on topics of its own, under load, with a worker in each of two slots."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.pipeline import Pipeline
from streams.topics import delete, ensure, required_topics
from tests.chaos.evidence import collect
from tests.chaos.load import Load
from tests.chaos.slots import Keeper, Slot, UnexpectedError
from tests.chaos.traffic import KINDS
from tests.chaos.verifier import Verdict, verify
from tests.chaos.worker import STACKS

__all__ = ["PARTITIONS", "SESSION_S", "TRANSACTION_S", "Lane"]

PARTITIONS = 4
SESSION_S = 6.0
TRANSACTION_S = 10.0

_SLOTS = 2
_LOOK_S = 0.05
_ASK_S = 5.0
_RECOVERY_S = 180.0
_FLAGS: Mapping[str, Any] = {
    "session_timeout_s": SESSION_S,
    "transaction_timeout": TRANSACTION_S,
    "checkpoint_interval_s": 1.0,
    "metrics_port": 0,
    "report_every_s": 0,
}


class Lane:
    """A pipeline under load, with its workers.

    Attributes:
        brokers: how plain clients reach Kafka.
        kind: in `tests.chaos.traffic.KINDS`.
        store: where the images are; None: in their topic.
        pipeline: of this round.
        slots: of its workers.
        load: what feeds it.
    """

    def __init__(
        self,
        brokers: str,
        front: str,
        kind: str,
        name: str,
        rate: float,
        seed: int,
        directory: Path,
    ) -> None:
        self.kind = kind
        self._kind = KINDS[kind]
        self.pipeline: Pipeline = self._kind.pipeline(name)
        self.brokers = brokers
        self.store = str(directory / "images") if self._kind.stored else None
        self._flags = {**_FLAGS, "brokers": front, "checkpoint_store": self.store}
        self._directory = directory
        ensure(brokers, required_topics(self.pipeline, PARTITIONS))
        self.slots = [self.slot(str(number)) for number in range(_SLOTS)]
        self.load = Load(brokers, self.pipeline, self._kind.traffic(seed), rate)
        self._keeper = Keeper(self.slots)
        self._group = Consumer({"bootstrap.servers": brokers, "group.id": name, "log_level": 0})

    def slot(self, number: str | None) -> Slot:
        """A further slot; None: a worker without one, as one that is added for a while."""
        flags = self._flags if number is None else {**self._flags, "slot": number}
        log = self._directory / f"{self.pipeline.name}-{number}.log"
        return Slot(self.kind, self.pipeline.name, flags, log)

    def start(self) -> None:
        """Have its workers begin, then its load."""
        for slot in self.slots:
            slot.start()
        self._keeper.start()
        self.load.start()

    def next_ends(self) -> Mapping[tuple[str, int], int]:
        """For each partition of events, the offset behind the next that is sent."""
        ends, events = self.load.ends(), self.pipeline.events.name
        return {(events, n): ends.get((events, n), 0) + 1 for n in range(PARTITIONS)}

    def catch_up(self, ends: Mapping[tuple[str, int], int]) -> None:
        """Wait until the group has committed, with their predictions, all records before `ends`.

        Raises:
            UnexpectedError: it has not in three minutes, or something failed meanwhile.
        """
        self.until(lambda: self._has_committed(ends), f"all of {dict(ends)} is predicted")

    def until(self, condition: Callable[[], bool], what: str, seconds: float = _RECOVERY_S) -> None:
        """Wait for a condition.

        Raises:
            UnexpectedError: it does not hold in so many seconds, or something failed meanwhile.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if self._keeper.unexpected or self.load.failures:
                raise UnexpectedError("; ".join([*self._keeper.unexpected, *self.load.failures]))
            if time.monotonic() > deadline:
                for slot in self.slots:
                    slot.life.signal(STACKS)
                raise UnexpectedError(f"{self.pipeline.name}: not within {seconds:g} s: {what}")
            time.sleep(_LOOK_S)

    def stop(self) -> None:
        """Let everything that was sent be predicted, and ask the workers to stop.

        Raises:
            UnexpectedError: one did not, or not well.
        """
        self.catch_up(self.load.ends())
        for slot in self.slots:
            slot.ask_to_stop()
        for slot in self.slots:
            slot.await_stop()
        self._keeper.end()
        self._group.close()

    def verdict(self) -> Verdict:
        """Verify what it has left behind; the topics are deleted if all is well."""
        verdict = verify(collect(self.brokers, self.pipeline, PARTITIONS, self.store))
        if verdict.holds:
            names = [spec.name for spec in required_topics(self.pipeline, PARTITIONS)]
            delete(self.brokers, names)
        return verdict

    def abandon(self) -> None:
        """Let go of everything, whatever state it is in."""
        self._keeper.end()
        self.load.give_up()

    def _has_committed(self, ends: Mapping[tuple[str, int], int]) -> bool:
        places = [TopicPartition(*place) for place in ends]
        with suppress(KafkaException):  # there may be no broker just now
            found = self._group.committed(places, _ASK_S) if places else []
            return all(place.offset >= ends[place.topic, place.partition] for place in found)
        return False
