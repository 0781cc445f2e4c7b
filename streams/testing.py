"""A test driver for pipelines: topics, partitions, rebalances and crashes, with no broker.

What runs is the real thing: the task of each partition, the bytes of its predictions and images,
the recovery from them. What is missing is time and chance: one thread, a clock that is moved by
hand, and slices that are cut where the test says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle, pairwise, repeat
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from streams.errors import TeachingError, nearest
from streams.image import Image
from streams.journal import Entry
from streams.letters import DeadLetter
from streams.pipeline import Pipeline
from streams.predictions import Prediction
from streams.sandbox import Cluster, Log, OpenPartition
from streams.schema import Event, fields_of
from streams.slices import Headers, Record, Records

__all__ = ["Batch", "DeadLetter", "Driver", "DriverError", "Predicted", "Record", "Value"]

Value: TypeAlias = Mapping[str, Any] | Event | bytes | None
"""What a record holds: an event or a mapping, written as JSON; bytes as they are; no value."""

Batch: TypeAlias = int | Sequence[int] | Callable[[], int] | None
"""How many records a slice has: always so many, in turns, what a call says, or all there are."""


class DriverError(TeachingError):
    """A test asks for what could not happen on Kafka either."""


class Predicted(Prediction, frozen=True, kw_only=True):
    """A prediction, with the record it was read from."""

    raw: Record


class Driver:
    """Runs a pipeline over records in memory, with the same result every time.

    Args:
        pipeline: as a worker would load it.
        partitions: of each of its topics.
        workers: among which the partitions are divided.
        clock: what the clock shows at first.

    >>> from models import Hashed, Logistic
    >>> from streams import Event, Pipeline, Topic
    >>> class Visit(Event, frozen=True):
    ...     page: str
    ...     bought: bool
    >>> pipeline = Pipeline(
    ...     name="shop",
    ...     events=Topic("visits", schema=Visit, key="page"),
    ...     labels="bought",
    ...     features=[Hashed("page")],
    ...     model=Logistic(bits=10),
    ... )
    >>> driver = Driver(pipeline, partitions=2)
    >>> visits = driver.send_many("visits", [Visit("boots", bought=True)] * 3)
    >>> driver.crash(after=2)
    >>> driver.run()
    >>> [round(prediction.score, 3) for prediction in driver.predictions]
    [0.5, 0.525, 0.542]

    Attributes:
        now: what the clock shows; record timestamps default to it.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        partitions: int = 4,
        workers: int = 1,
        clock: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    ) -> None:
        if partitions < 1:
            raise DriverError(
                f"partitions={partitions}", "a topic has at least one", "partitions=1"
            )
        pipeline.check_partitions(partitions)
        self.now = clock
        self._pipeline = pipeline
        self._count = partitions
        self._workers = _workers(workers)
        self._cluster = Cluster(pipeline, partitions)
        self._partitions = [OpenPartition(self._cluster, n) for n in range(partitions)]
        self._doom: _Doom | None = None

    def send(
        self,
        topic: str,
        value: Value,
        *,
        key: str | bytes | UnsetType | None = UNSET,
        timestamp: datetime | int | None = None,
        partition: int | None = None,
        headers: Headers = (),
    ) -> Record:
        """Append a record to an input topic; nothing reads it before `run`.

        Args:
            topic: its name.
            value: what the record holds.
            key: left out, it is the field that the pipeline's ``Topic(key=…)`` names.
            timestamp: of the record, a number in milliseconds; left out, `now`.
            partition: left out, the one that Kafka's clients choose for the key.
            headers: pairs of name and value.

        Raises:
            DriverError: there is no such topic or partition, the value is of another schema, or a
                label would not come to the partition of its event.
        """
        [record] = self.send_many(
            topic, [value], key=key, timestamp=timestamp, partition=partition, headers=headers
        )
        return record

    def send_many(
        self,
        topic: str,
        values: Iterable[Value],
        *,
        key: str | bytes | UnsetType | None = UNSET,
        timestamp: datetime | int | None = None,
        partition: int | None = None,
        headers: Headers = (),
    ) -> list[Record]:
        """Append several records to an input topic, as `send` does each of them."""
        log = self._input(topic)
        if partition is not None:
            self._check_partition(partition)
        values = list(values)
        if isinstance(key, UnsetType):
            keys = [self._key(topic, value, partition) for value in values]
        else:
            keys = [key.encode() if isinstance(key, str) else key] * len(values)
        places = log.route(keys) if partition is None else [partition] * len(values)
        at = _milliseconds(self.now if timestamp is None else timestamp)
        return [
            log.append(place, Records([own], [_encoded(value)], [at], [headers]))[0]
            for place, own, value in zip(places, keys, values, strict=True)
        ]

    def run(
        self, batch: Batch = None, *, order: Sequence[str] | None = None, commit_every: int = 1
    ) -> None:
        """Deliver what is not yet consumed, and commit what comes of it.

        Args:
            batch: how many records a slice has; partitions take turns, a slice each.
            order: of the topics, which then take turns as well; one that is not named is not read.
                Left out, the labels in the log are read before the events, for a worker has its
                events wait for the labels that are dated before them; and deltas before both.
            commit_every: how many slices of a partition share a transaction.

        Raises:
            DriverError: a topic is unknown, or a slice would have no record.
        """
        names = reversed(self._pipeline.consumed_topics) if order is None else order
        logs = [self._input(name) for name in names]
        sizes = _sizes(batch)

        def turn(log: Log) -> int:
            return sum(self._deliver(log, n, sizes, commit_every) for n in range(self._count))

        # Of a round, `any` skips what follows the first topic that had something to deliver.
        rounds = any if order is None else sum
        left = True
        while left:
            while rounds(map(turn, logs)):
                pass
            for partition in self._partitions:
                partition.commit()
            # What was committed just now may be deltas, for all partitions to take over.
            left = any(one.has_left(log.name) for log in logs for one in self._partitions)

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        if seconds < 0:
            raise DriverError(
                f"advance({seconds:g})", "a clock goes on, not back", f"advance({-seconds:g})"
            )
        self.now += timedelta(seconds=seconds)

    def checkpoint(self) -> None:
        """Commit an image of every partition, as a worker does every minute or so."""
        for partition in self._partitions:
            partition.commit(image=True)

    def lose_checkpoint(self, partition: int) -> None:
        """Damage the newest image of a partition; the next owner falls back on the one before.

        Raises:
            DriverError: there is no such partition, or it has a single image left.
        """
        self._check_partition(partition)
        images = self._cluster.images[partition]
        if len(images) < 2:
            raise DriverError(
                f"lose_checkpoint({partition})",
                "it is the only image, and without one the worker stops",
                "driver.checkpoint() before",
            )
        images.pop()

    def rebalance(self, workers: int) -> None:
        """Divide the partitions anew: each worker commits an image, and opens what it gets."""
        self._workers = _workers(workers)
        self.checkpoint()
        self._reopen(range(self._count))

    def crash(self, *, after: int | None = None, worker: int | None = None) -> None:
        """Kill workers: what they have not committed is lost, their partitions are taken over.

        Args:
            after: how many more records they take before they die, in the next `run`; left out,
                they die at once.
            worker: the one that dies; left out, all of them.
        """
        if worker is not None and not 0 <= worker < self._workers:
            raise DriverError(
                f"crash(worker={worker})",
                f"there are {self._workers}, the first is 0",
                f"crash(worker={self._workers - 1})",
            )
        owned = range(self._count) if worker is None else self.assignment[worker]
        if after is None:
            self._reopen(owned)
        elif after >= 1:
            self._doom = _Doom(after, owned)
        else:
            raise DriverError(
                f"crash(after={after})", "it counts the records that are still taken", "crash()"
            )

    @property
    def assignment(self) -> list[range]:
        """The partitions of each worker."""
        cuts = [
            number * (self._count // self._workers) + min(number, self._count % self._workers)
            for number in range(self._workers + 1)
        ]
        return [range(*ends) for ends in pairwise(cuts)]

    @property
    def predictions(self) -> list[Predicted]:
        """What was predicted and committed, in that order."""
        return [_predicted(record) for record in self._cluster.predictions.records]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """The records that were turned away, in the order in which that was committed."""
        return [DeadLetter.of(record) for record in self._cluster.dead_letters.records]

    @property
    def quality(self) -> dict[str, float]:
        """The figures of `models.quality.Quality` over all partitions."""
        merged = self._pipeline.new_quality()
        for partition in self._partitions:
            merged.merge(partition.task.quality)
        return merged.summary()

    def journal(self, partition: int) -> list[Entry]:
        """In which order the records of a partition were consumed, a transaction each."""
        self._check_partition(partition)
        return list(self._cluster.journal[partition])

    @property
    def deltas(self) -> list[Record]:
        """What the partitions of a pipeline that mixes have told each other, in that order."""
        return list(self._input(self._pipeline.deltas_topic or "").records)

    def state(self, partition: int) -> Image:
        """What the task of a partition knows, with the positions it has read up to."""
        self._check_partition(partition)
        return self._partitions[partition].task.image()

    def _deliver(self, log: Log, number: int, sizes: Iterator[int | None], every: int) -> bool:
        partition = self._partitions[number]
        if not partition.has_left(log.name):
            return False
        position = partition.task.positions[log.name]
        doom = self._doom if self._doom is not None and number in self._doom.owned else None
        records = self._cluster.read(log.name, number, position, next(sizes))
        if doom is not None:
            records = records.before(position + doom.left)
            doom.left -= len(records)
        partition.take(records)
        if doom is not None and not doom.left:
            self._doom = None
            self._reopen(doom.owned)
        elif partition.slices >= every:
            partition.commit()
        return True

    def _reopen(self, numbers: range) -> None:
        for number in numbers:
            self._partitions[number] = OpenPartition(self._cluster, number)

    def _input(self, name: str) -> Log:
        inputs = self._cluster.inputs
        if name not in inputs:
            raise DriverError(
                f"topic {name!r}",
                f"the pipeline reads {' and '.join(map(repr, inputs))}",
                repr(nearest(name, inputs) or next(iter(inputs))),
            )
        return inputs[name]

    def _check_partition(self, number: int) -> None:
        if not 0 <= number < self._count:
            raise DriverError(
                f"partition={number}",
                f"the topics have {self._count}, the first is 0",
                f"Driver(…, partitions={number + 1})" if number > 0 else "partition=0",
            )

    def _key(self, topic: str, value: Value, partition: int | None) -> bytes | None:
        """The key that a well-behaved producer of the topic would give to the value."""
        events = self._pipeline.events
        labels = None if topic == events.name else self._pipeline.label_topic
        schema = events.schema if labels is None else labels.schema
        if isinstance(value, Event) and not isinstance(value, schema):
            raise DriverError(
                f"a {type(value).__name__} for {topic!r}",
                f"its records are declared as {schema.__name__}",
                f"driver.send({topic!r}, {schema.__name__}(…)), or a dict or bytes as they are",
            )
        if not isinstance(value, Event | Mapping):
            return None
        key, field = None, fields_of(schema).get(events.key or "")
        if field is not None and isinstance(value, Mapping):
            key = value.get(field.wire)
        elif field is not None:
            key = getattr(value, field.name)
        if key is None and labels is not None and partition is None and self._count > 1:
            where = f"key=…)  # the event's {events.key}" if events.key else "partition=…)"
            raise DriverError(
                f"a label for {topic!r} without a key",
                "a label finds its event in the partition of the same number",
                f"driver.send({topic!r}, …, {where}",
            )
        return None if key is None else str(key).encode()


class _Doom:
    """A crash that is to come: after how many records, and of which partitions."""

    def __init__(self, left: int, owned: range) -> None:
        self.left = left
        self.owned = owned


def _predicted(record: Record) -> Predicted:
    assert record.value is not None
    found = msgspec.json.decode(record.value, type=Prediction)
    return Predicted(**msgspec.structs.asdict(found), raw=record)


def _encoded(value: Value) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else msgspec.json.encode(value)


def _milliseconds(at: datetime | int) -> int:
    return round(at.timestamp() * 1000) if isinstance(at, datetime) else at


def _sizes(batch: Batch) -> Iterator[int | None]:
    """The size of one slice after another; None for all there is."""
    if batch is None:
        yield from repeat(None)
    elif callable(batch):
        yield from (_size(batch()) for _ in repeat(None))
    else:
        yield from map(_size, cycle([batch] if isinstance(batch, int) else batch))


def _size(size: int) -> int:
    if size < 1:
        raise DriverError(f"a batch of {size}", "a slice has at least one record", "batch=1")
    return size


def _workers(count: int) -> int:
    if count < 1:
        raise DriverError(f"workers={count}", "nobody would read the topics", "workers=1")
    return count
