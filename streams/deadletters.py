"""The dead letters of a pipeline, read back from their topic: chosen, counted, exported."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiokafka
import msgspec
from aiokafka import TopicPartition

from streams.choice import Choice, DeadLetterError, Place
from streams.letters import DeadLetter
from streams.slices import Record
from streams.times import rfc3339, utc

__all__ = [
    "Group",
    "chosen_letters",
    "exported",
    "find",
    "grouped",
    "letter_of",
    "name_of",
    "records_of",
]

_WAIT_MS, _MOST, _FETCH_BYTES = 200, 1_000, 4 << 20

Progress: TypeAlias = Callable[[float], object]
"""Is told which share of a topic has been read, 0..1."""


@dataclass(slots=True)
class Group:
    """Letters with one reason, from one partition.

    Attributes:
        reason: why they were turned away.
        topic: where they came from.
        partition: of that topic.
        letters: how many.
        reinjected: how many of them have been written to their topic again.
        first: earliest timestamp, in milliseconds since 1970.
        last: latest timestamp.
        example: the newest one's own place.
        detail: why, in its words.
    """

    reason: str
    topic: str
    partition: int
    letters: int
    reinjected: int
    first: int
    last: int
    example: str
    detail: str


async def records_of(
    client: Mapping[str, Any],
    topic: str,
    partitions: Collection[int],
    progress: Progress | None = None,
) -> AsyncGenerator[list[Record], None]:
    """The committed records of a topic as it is now, one partition after the other.

    Args:
        client: connection options of aiokafka.
        topic: has to exist.
        partitions: of it.
        progress: called after each fetch.
    """
    consumer = aiokafka.AIOKafkaConsumer(
        **client,
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    await consumer.start()
    try:
        for turn, number in enumerate(partitions):
            at = TopicPartition(topic, number)
            consumer.assign([at])
            begin = (await consumer.beginning_offsets([at]))[at]
            end = (await consumer.end_offsets([at]))[at]
            consumer.seek(at, begin)
            while (position := await consumer.position(at)) < end:
                if progress is not None:
                    progress((turn + (position - begin) / (end - begin)) / len(partitions))
                found = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_MOST)
                yield [
                    Record(
                        topic,
                        number,
                        record.offset,
                        record.key,
                        record.value,
                        record.timestamp,
                        record.headers,
                    )
                    for record in found.get(at, ())
                    if record.offset < end
                ]
    finally:
        await consumer.stop()


def letter_of(record: Record) -> DeadLetter | None:
    """The letter in a record; None where somebody else has written it."""
    try:
        return DeadLetter.of(record)
    except (KeyError, ValueError):
        return None


async def chosen_letters(
    client: Mapping[str, Any],
    topic: str,
    count: int,
    choice: Choice,
    progress: Progress | None = None,
) -> AsyncGenerator[list[DeadLetter], None]:
    """The letters that are meant, as they stand in their topic, a fetch at a time.

    Args:
        client: connection options of aiokafka.
        topic: the dead letters'.
        count: of its partitions.
        choice: says which are meant.
        progress: called after each fetch.
    """
    partitions = range(count) if choice.partition is None else [choice.partition]
    room = choice.limit
    if not set(partitions) <= set(range(count)):
        return
    async with aclosing(records_of(client, topic, partitions, progress)) as fetches:
        async for records in fetches:
            letters = [one for one in map(letter_of, records) if one and choice.fits(one)]
            yield letters[:room]
            if room is not None:
                room -= min(room, len(letters))
                if not room:
                    return


async def grouped(
    fetches: AsyncIterator[list[DeadLetter]], reinjected: Collection[str]
) -> list[Group]:
    """Letters counted by reason and by the partition they came from, the most first.

    Args:
        fetches: the letters.
        reinjected: places of those that have been written again, as `name_of` names them.
    """
    groups: dict[tuple[str, str, int], Group] = {}
    async for letters in fetches:
        for one in letters:
            key, at = (one.reason, one.topic, one.partition), one.raw.timestamp
            group = groups.setdefault(key, Group(*key, 0, 0, at, at, "", ""))
            group.letters += 1
            group.reinjected += name_of(one) in reinjected
            group.first, group.last = min(group.first, at), max(group.last, at)
            group.example, group.detail = name_of(one), one.detail
    return sorted(groups.values(), key=lambda group: -group.letters)


async def find(fetches: AsyncIterator[list[DeadLetter]], place: Place) -> DeadLetter:
    """The newest letter that a place names.

    Raises:
        DeadLetterError: there is none.
    """
    found = None
    async for letters in fetches:
        found = next((one for one in reversed(letters) if place.is_of(one)), found)
    if found is None:
        raise DeadLetterError(
            f"the letter {place}",
            "there is none: the record was not turned away, or its letter has expired",
            "thalweg dead-letters list PIPELINE, which shows a place for each reason",
        )
    return found


def name_of(letter: DeadLetter) -> str:
    """Where a letter stands itself: ``3:17``."""
    return f"{letter.raw.partition}:{letter.raw.offset}"


def exported(letter: DeadLetter) -> bytes:
    """A letter as JSON; key, headers and value as base64 under ``…_base64`` where they are no text.

    Headers are a list of pairs, for a name may come twice.
    """
    told: dict[str, Any] = {
        "letter": name_of(letter),
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "at": None if (at := utc(letter.raw.timestamp)) is None else rfc3339(at),
        "timestamp": letter.raw.timestamp,
        "cut": letter.cut,
        **_written("key", letter.raw.key),
        "headers": [{"name": name, **_written("value", value)} for name, value in letter.headers],
        **_written("value", letter.raw.value),
    }
    return msgspec.json.encode(told)


def _written(name: str, raw: bytes | None) -> dict[str, str | None]:
    try:
        return {name: None if raw is None else raw.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(raw or b"").decode()}
