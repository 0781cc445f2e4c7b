"""Writing an image again while nobody is in its group: to go back to its state, or to sign it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kafka.errors import GroupIdNotFoundError

from streams.checkpoint import Checkpoints
from streams.cluster import Security, admin
from streams.errors import TeachingError
from streams.logreading import ends
from streams.manifest import Manifest
from streams.offsets import lag
from streams.producer import PartitionProducer, transactional_ids

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = [
    "RollbackError",
    "check_alone",
    "check_idle",
    "check_same_partitions",
    "check_signable",
    "committed_offsets",
    "journal_end",
    "members",
    "write_again",
]

_TIMEOUT_S = 60.0


class RollbackError(TeachingError):
    """The state cannot be put back now."""


def check_idle(bootstrap: str, group: str, security: Security | None = None) -> None:
    """Make sure that nobody works in a group.

    Raises:
        RollbackError: it has members.
    """
    if at_work := members(bootstrap, group, security):
        raise RollbackError(
            f"group {group!r} has {at_work} members",
            "a worker at work would go on from the state it has, and overwrite the older one",
            "stop its workers; one that had a slot leaves after session_timeout_s",
        )


def members(bootstrap: str, group: str, security: Security | None = None) -> int:
    """How many are in a group."""
    with admin(bootstrap, security) as client:
        try:
            return len(client.describe_groups([group])[group]["members"])
        except GroupIdNotFoundError:
            return 0


def check_same_partitions(newest: Manifest, manifest: Manifest) -> None:
    """Make sure that an older image is of as many partitions as the newest one.

    Raises:
        RollbackError: keys have gone to other partitions since.
    """
    if newest.grown != manifest.grown:
        raise RollbackError(
            f"{manifest} of partition {newest.partition}",
            "there are more partitions since: what it knows of the keys that have gone to others "
            "would be learned twice",
            "an image that was written after thalweg grow; or thalweg worker … --group NAME, which "
            "learns anew from the topics",
        )


def check_signable(manifests: Iterable[Manifest], *, signed: bool) -> None:
    """Make sure that the workers will take what is written for them.

    Raises:
        RollbackError: images are signed, and there is no key to sign another with.
    """
    if not signed and any(manifest.signature for manifest in manifests):
        raise RollbackError(
            "no key, and the images are signed",
            "the workers would refuse an image that is not, and go on with the newest that is",
            "--checkpoint-key-file thalweg.key, as the workers have it",
        )


def committed_offsets(
    bootstrap: str, group: str, pipeline: Pipeline, security: Security | None = None
) -> dict[int, dict[str, int]]:
    """By partition and topic, the offset that a group reads next, where it has committed one."""
    found: dict[int, dict[str, int]] = {}
    for one in lag(bootstrap, group, pipeline.input_topics, security):
        if one.committed is not None:
            found.setdefault(one.partition, {})[one.topic] = one.committed
    return found


def check_alone(pipeline: Pipeline) -> None:
    """Make sure that the tasks of a pipeline do not learn from each other.

    Raises:
        RollbackError: they do.
    """
    if pipeline.deltas_topic is not None:
        raise RollbackError(
            f"{pipeline.name}, whose partitions learn as one, or share windows",
            "what one of them forgets the others have taken over, and it could not tell them from "
            "then on what is new",
            "thalweg worker … --group NAME, which learns anew from the topics",
        )


async def journal_end(client: Mapping[str, Any], pipeline: Pipeline, partition: int) -> int:
    """The offset at which the journal of a partition ends."""
    topic = pipeline.journal_topic
    return (await ends(client, [topic], partition))[1][topic]


async def write_again(
    client: Mapping[str, Any],
    group: str,
    checkpoints: Checkpoints,
    manifest: Manifest,
    positions: Mapping[str, int],
    journal: int,
) -> int:
    """Make the state of an older image the newest one's; answers the number of that.

    It is written by one of the partition's own transactional producers: a worker that still has the
    partition is fenced by them, and one that takes it over meanwhile fences these.

    Args:
        client: connection options of aiokafka.
        group: the images are of.
        checkpoints: of the group and the partition.
        manifest: one of theirs.
        positions: by topic, the offset to go on from.
        journal: the offset from which the journal leads on from there.

    Raises:
        ImageError: blocks of the image are gone or damaged.
        Fenced: a worker has taken the partition over.
    """
    await checkpoints.image(manifest)
    names = transactional_ids(group, manifest.partition)
    producers = [PartitionProducer(client, name, _TIMEOUT_S, "none") for name in names]
    try:
        await asyncio.gather(*(producer.start() for producer in producers))
        # Now that nobody else can commit, what there is will stay.
        await checkpoints.manifests()
        producer = producers[0]
        await producer.begin()
        now = int(time.time() * 1000)
        number = await checkpoints.put_back(producer, manifest, positions, journal, now)
        await producer.add_offsets({}, group)
        await producer.commit()
    finally:
        await asyncio.gather(*(producer.stop() for producer in producers))
    return number
