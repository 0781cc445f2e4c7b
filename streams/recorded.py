"""What a group consumed of one partition, computed again: from an image, in the journal's order."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Literal, TypeAlias

from msgspec import UNSET

from streams.checkpoint import Checkpoints, Found
from streams.consumed import consumed, reached
from streams.image import ImageError, fitting
from streams.journal import JournalGapError, Script
from streams.logreading import ends, stretch
from streams.manifest import Manifest
from streams.mixing import of_group
from streams.recovery import Recovery
from streams.site import ReplayError, Site, listed, too_old
from streams.slices import Slice
from streams.task import Output, PartitionTask

__all__ = ["ImageChoice", "Recorded", "recorded"]

log = logging.getLogger("thalweg")

_PIECE_RECORDS = 4_096

ImageChoice: TypeAlias = Literal["nearest", "latest", "none"] | int
"""Which image to start from: the last before the range, the newest, none, or that of a number."""


class Recorded:
    """A partition's past, to be iterated once: slices in the order of then, and what they bring.

    Args:
        task: at `begin`.
        recovery: the way from there to the end.
        site: where the records are.
        begin: by topic, the first offset that is read.
        end: by topic, the offset behind the last one.
        manifest: of the image that the task was restored from.
        first: the first event that is asked for.

    Attributes:
        task: as far as it has come.
        begin: likewise.
        end: likewise.
        manifest: likewise.
        total: how many offsets there are to be read.
    """

    def __init__(
        self,
        task: PartitionTask,
        recovery: Recovery,
        site: Site,
        begin: Mapping[str, int],
        end: Mapping[str, int],
        manifest: Manifest | None,
        first: int = 0,
    ) -> None:
        self.task = task
        self.begin = begin
        self.end = end
        self.manifest = manifest
        self.total = recovery.left
        self._recovery = recovery
        self._site = site
        self._first = first

    @property
    def left(self) -> int:
        """How many offsets are still to be read."""
        return self._recovery.left

    async def slices(self) -> AsyncGenerator[Slice, None]:
        """The records in the order in which they were consumed, for `task` to take."""
        site, number, recovery = self._site, self.task.partition, self._recovery
        place, deltas = site.pipeline.partition_of, site.pipeline.deltas_topic
        async with AsyncExitStack() as opened:
            streams = {
                topic: await opened.enter_async_context(
                    stretch(site.client, topic, place(topic, number), at, self.end[topic])
                )
                for topic, at in self.begin.items()
            }
            while (topic := recovery.wanted) is not None:
                records = await anext(streams[topic])
                recovery.offer(of_group(records, site.group) if topic == deltas else records)
                for part in recovery.ready():
                    for piece in part.pieces(_PIECE_RECORDS):
                        for records in self._cut(piece):
                            yield records

    async def outputs(
        self, begun: Callable[[PartitionTask], object] | None = None
    ) -> AsyncGenerator[tuple[Slice, Output], None]:
        """Each slice with what it brings; `begun` is called before the first event asked for."""
        async with aclosing(self.slices()) as slices:
            async for records in slices:
                if begun is not None and self._asked(records):
                    begun(self.task)
                    begun = None
                yield records, self.task.take(records)

    def _asked(self, records: Slice) -> bool:
        return records.topic == self._site.pipeline.events.name and records.start >= self._first

    def _cut(self, records: Slice) -> tuple[Slice, ...]:
        """Before the first event that is asked for."""
        if self._asked(records) or records.topic != self._site.pipeline.events.name:
            return (records,)
        parts = records.before(self._first), records.since(self._first)
        return tuple(part for part in parts if part.start < part.next)


async def recorded(
    site: Site,
    partition: int,
    *,
    first: int | None = None,
    stop: int | None = None,
    image: ImageChoice = "nearest",
) -> Recorded:
    """The past of a partition up to an offset of its events.

    Args:
        site: where the pipeline runs.
        partition: of the events topic.
        first: the first event that is asked for; None: the first that was consumed.
        stop: the offset behind the last such event; None: up to what is committed.
        image: where to start; "nearest" is before `first`, which without it is the log's beginning.

    Raises:
        ReplayError: nothing was consumed there, or what is needed to compute it again is gone.
    """
    events, task = site.pipeline.events.name, PartitionTask(site.pipeline, partition)
    try:
        found = await _image(site, partition, first, image)
        if found is not None:
            with fitting():
                task.restore(found.image)
        entries = await consumed(site, partition, found)
        begin = dict(task.positions if found is not None else entries[0].begin)
        end = reached(entries, begin, events, stop)
        recovery = Recovery(Script(entries, begin, end), begin, end)
        await _check_undivided(site, partition, found, end)
    except (ImageError, JournalGapError) as error:
        raise ReplayError(
            f"partition {partition} computed again by {site.pipeline.model_version}",
            str(error),
            "the pipeline as it was when it published; or another --from-image",
        ) from error
    if first is not None and first < begin[events]:
        raise ReplayError(
            f"event {events}/{partition}/{first}",
            f"group {site.group!r} began, or that image lies, behind it: at {begin[events]}",
            "--from-image nearest; or --group NAME of a group that has read it",
        )
    earliest, _ = await ends(site.client, site.pipeline.input_topics, partition)
    if site.pipeline.deltas_topic is not None:
        earliest |= (await ends(site.client, [site.pipeline.deltas_topic], 0))[0]
    if gone := [topic for topic, at in begin.items() if at < earliest[topic]]:
        raise await too_old(site, partition, gone)
    task.positions = dict(begin)
    manifest = None if found is None else found.manifest
    return Recorded(task, recovery, site, begin, end, manifest, first or 0)


async def _check_undivided(
    site: Site, partition: int, found: Found | None, end: Mapping[str, int]
) -> None:
    """Make sure that the way does not lead across the place where the partition's keys changed.

    Raises:
        ReplayError: it does.
    """
    topic, group = site.pipeline.checkpoints_topic, site.group
    images = Checkpoints(site.client, topic, partition, group, key=site.key, trusting=True)
    grown = next((it.grown for it in await images.manifests()), UNSET)
    if not isinstance(grown, dict) or (found is not None and found.manifest.grown == grown):
        return
    if beyond := [name for name, at in end.items() if at > grown.get(name, at)]:
        places = ", ".join(f"{name} {grown[name]}" for name in beyond)
        raise ReplayError(
            f"partition {partition} of {site.pipeline.name} from before it grew, at {places}",
            "there its state was divided among more partitions, which its log does not tell",
            f"--from {grown[site.pipeline.events.name]} or later, while there is an image from "
            "behind that place; or --to that place",
        )


async def _image(
    site: Site, partition: int, first: int | None, choice: ImageChoice
) -> Found | None:
    if choice == "none" or (choice == "nearest" and first is None):
        return None
    checkpoints = site.checkpoints(partition)
    if choice == "nearest":
        found = await checkpoints.before({site.pipeline.events.name: first or 0})
        for reason in checkpoints.refused if found is None else ():
            log.warning("partition %d: from the log's beginning, not from %s", partition, reason)
        return found
    if choice == "latest":
        return await checkpoints.newest()
    manifests = await checkpoints.manifests()
    for manifest in manifests:
        if manifest.number == choice:
            return Found(await checkpoints.image(manifest), manifest)
    raise ReplayError(
        f"--from-image {choice}",
        f"partition {partition} has {listed(manifests)}",
        "one of these numbers, or latest, or none to start from the log's beginning",
    )
