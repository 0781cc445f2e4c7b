"""More partitions for a pipeline, with what its group has learned carried over into them.

Kafka only adds partitions, and what is in one stays there. So the old partitions are read to their
end first, by the old division: each key is scored from its own windows, and all that was written of
it before is in the state of the one partition. Then that state is divided, family by family: a
parent's smaller image and those of its children are in one transaction, so there are all of them or
none, and a command that was interrupted goes on where it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from kafka.errors import KafkaError

from streams.belongings import Belongings, belongings
from streams.cluster import admin
from streams.division import children, divided
from streams.draining import drain
from streams.errors import TeachingError
from streams.groupimages import GroupImages
from streams.growth import mend, told
from streams.image import ImageError
from streams.logreading import ends
from streams.manifest import Manifest
from streams.producer import PartitionProducer, transactional_ids
from streams.rollback import check_signable, members
from streams.topics import describe, required_topics

if TYPE_CHECKING:
    from streams.image import Image
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["Family", "Growth", "GrowthError", "grow", "plan"]

_TIMEOUT_S = 60.0
_LEAVING_S, _LOOK_S = 5.0, 1.0


class GrowthError(TeachingError):
    """There cannot be so many partitions, or not now."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What is to be done.

    Attributes:
        before: among how many partitions the group's state is divided; None: it has none.
        count: how many there are to be.
        short: topics with fewer, those that producers write to last, and how many they have.
        parents: the partitions whose state is to be divided still.
    """

    before: int | None
    count: int
    short: Mapping[str, int]
    parents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A partition, and those that grew out of it.

    Attributes:
        parent: its number.
        children: theirs.
        positions: of the parent, as it was divided.
        belongings: where the events that wait for their labels are now.
    """

    parent: int
    children: tuple[int, ...]
    positions: Mapping[str, int]
    belongings: Belongings


def plan(
    pipeline: Pipeline,
    settings: Settings,
    count: int,
    client: Mapping[str, Any],
    progress: Callable[[str], object],
) -> Growth:
    """See what is to be done for so many partitions; changes nothing.

    Workers that were killed, or had a slot, are still members for a while: that is waited for.

    Raises:
        GrowthError: it cannot be, or the group is at work.
        RollbackError: images are signed, and there is no key.
        DeclarationError: the pipeline declares another number.
        ClusterError: there is no Kafka.
        TopicError: there are no images' topics.
    """
    group = settings.group or pipeline.name
    deadline = time.monotonic() + settings.session_timeout_s + _LEAVING_S
    while at_work := members(settings.brokers, group, client):
        if time.monotonic() < deadline:
            progress(f"group {group!r} has {at_work} members; waiting for them to leave")
            time.sleep(_LOOK_S)
            continue
        raise GrowthError(
            f"group {group!r} has {at_work} members",
            "who is at work holds the state that is to be divided",
            "stop its workers (producers may go on), and then this again",
        )
    pipeline.check_partitions(count)
    images = GroupImages(pipeline, settings)
    newest = {number: found[0] for number, found in images.manifests.items() if found}
    if images.refused:
        raise GrowthError(
            f"images of group {group!r} that cannot be used: {'; '.join(images.refused)}",
            "what cannot be read cannot be carried over",
            "--checkpoint-key-file and --checkpoint-store as the workers have them, or thalweg "
            "checkpoints rollback to one that can",
        )
    check_signable(newest.values(), signed=images.signed)
    there = _there(pipeline, settings, client)
    before = _before(newest, there[pipeline.events.name], count)
    if before is not None:
        _check(before, count, there, pipeline)
    done = {number for number, manifest in newest.items() if told(manifest) == count}
    parents = tuple(n for n in range(before or 0) if n not in done) if before != count else ()
    for parent in parents:
        if torn := done.intersection(children(parent, before or 1, count)):
            raise GrowthError(
                f"partition {parent} as it was with {before} partitions",
                f"it was divided already: {sorted(torn)} have what went to them, and its own newer "
                "image is gone or damaged",
                f"restore {pipeline.checkpoints_topic} from a copy; or begin anew: thalweg worker "
                "PIPELINE --group NAME",
            )
    last = (*pipeline.input_topics[1:], pipeline.events.name)
    short = {name: n for name, n in there.items() if n < count and name not in last}
    short |= {name: there[name] for name in last if there[name] < count}
    return Growth(before, count, short, parents)


def grow(
    pipeline: Pipeline,
    settings: Settings,
    client: Mapping[str, Any],
    growth: Growth,
    settle_s: float,
    progress: Callable[[str], object],
) -> Iterator[Family]:
    """Do it; each family as soon as it is committed.

    Args:
        pipeline: to be run.
        settings: of its workers.
        client: connection options of aiokafka.
        growth: by `plan`.
        settle_s: for how long producers may still go by the old number of partitions.
        progress: told in words what is done now.

    Raises:
        GrowthError: the cluster refuses.
        Fenced: a worker has taken a partition over.
    """
    if growth.short:
        progress(f"{growth.count} partitions for {', '.join(growth.short)}")
        _add_partitions(settings, client, growth)
    if not growth.parents or growth.before is None:
        return
    until = time.monotonic() + settle_s
    progress(f"answering what is still written to the old partitions, for {settle_s:g} s more")
    asyncio.run(
        drain(
            pipeline,
            settings,
            client,
            growth.parents,
            growth.before,
            until,
            lambda left: progress(f"{left:,} records to be answered by the old division"),
        )
    )
    images = GroupImages(pipeline, settings)
    for parent in growth.parents:
        progress(f"dividing partition {parent}")
        yield asyncio.run(_divide(pipeline, client, growth, images, parent))


def _there(pipeline: Pipeline, settings: Settings, client: Mapping[str, Any]) -> dict[str, int]:
    """How many partitions the topics have of which there is one for each of the events'."""
    names = [it.name for it in required_topics(pipeline, 1) if it.role != "deltas"]
    return {it.name: it.partitions for it in describe(settings.brokers, names, client)}


def _before(newest: Mapping[int, Manifest], there: int, count: int) -> int | None:
    """Among how many partitions the state is divided that is not yet as it is to be."""
    if not newest:
        return None
    known = {told(manifest) for manifest in newest.values()}
    if others := {n for n in known if n is not None and n != count}:
        return min(others)
    if None not in known:
        return count
    return there if there != count else max(newest) + 1  # written by a version that did not say


def _check(before: int, count: int, there: Mapping[str, int], pipeline: Pipeline) -> None:
    if count < before or count % before:
        wanted = before * max(2, -(-count // before))
        raise GrowthError(
            f"--partitions {count} in place of {before}",
            "Kafka takes none away, and only where their number is multiplied do the keys of a "
            "new partition all come from the same old one",
            f"--partitions {wanted}",
        )
    for name in pipeline.input_topics:
        if (now := there.get(name, 0)) not in (before, count):
            raise GrowthError(
                f"--partitions {count}, where {name} has {now} and the group has learned from "
                f"{before}",
                "what was written by that number of partitions is in others by this one",
                mend(before, now),
            )


def _add_partitions(settings: Settings, client: Mapping[str, Any], growth: Growth) -> None:
    with admin(settings.brokers, client) as at:
        for name in growth.short:
            try:
                at.create_partitions({name: growth.count})
            except KafkaError as error:
                raise GrowthError(
                    f"{growth.count} partitions for topic {name!r}",
                    f"the cluster refuses: {error}",
                    f"kafka-acls --add --allow-principal User:… --operation Alter --topic {name}, "
                    "if it is a right that is missing; and then this again",
                ) from error
        at.wait_for_topics([*growth.short])


async def _divide(
    pipeline: Pipeline,
    client: Mapping[str, Any],
    growth: Growth,
    images: GroupImages,
    parent: int,
) -> Family:
    """Fence the parent's owner, divide its newest image, and commit all parts of it at once."""
    assert growth.before is not None
    group, numbers = images.group, children(parent, growth.before, growth.count)
    names = transactional_ids(group, parent)
    producers = [PartitionProducer(client, name, _TIMEOUT_S, "none") for name in names]
    try:
        await asyncio.gather(*(producer.start() for producer in producers))
        found = await images[parent].newest()
        if found is None or told(found.manifest) == growth.count:
            raise ImageError(f"partition {parent} has no image to be divided")
        begins = {n: (await ends(client, pipeline.input_topics, n))[0] for n in numbers}
        owned = await belongings(pipeline, client, found.image, growth.before, growth.count)
        parts = await asyncio.to_thread(divided, pipeline, found.image, begins, owned.owners)
        await _write(pipeline, client, growth, images, producers[0], parts)
    finally:
        await asyncio.gather(*(producer.stop() for producer in producers))
    return Family(parent, tuple(numbers), found.image.positions, owned)


async def _write(
    pipeline: Pipeline,
    client: Mapping[str, Any],
    growth: Growth,
    images: GroupImages,
    producer: PartitionProducer,
    parts: list[Image],
) -> None:
    journal, prepared = pipeline.journal_topic, []
    for part in parts:
        checkpoints = images[part.partition]
        checkpoints.among(growth.count, part.positions)
        await checkpoints.manifests()
        _, end = await ends(client, [journal], part.partition)
        prepared.append(await asyncio.to_thread(checkpoints.prepare, part, end[journal]))
    await producer.begin()
    now, offsets = int(time.time() * 1000), {}
    for part, one in zip(parts, prepared, strict=True):
        await images[part.partition].write(producer, one, now)
        for topic in pipeline.input_topics:
            offsets[TopicPartition(topic, part.partition)] = part.positions[topic]
    await producer.add_offsets(offsets, images.group)
    await producer.commit()
