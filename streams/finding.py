"""Finds the published prediction of an event: by the place of either, or by the event's id."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from models.bytecolumn import ByteColumn
from streams.errors import TeachingError
from streams.logreading import ends, stretch
from streams.published import Row, offset_of, published_since, rows
from streams.site import Site
from streams.slices import Records, Slice

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["AuditError", "Found", "Place", "find"]


class AuditError(TeachingError):
    """A prediction that cannot be had, or not be computed again."""


@dataclass(frozen=True, slots=True)
class Place:
    """A record, by where it stands: ``payments/3/1041``."""

    topic: str
    partition: int
    offset: int

    @staticmethod
    def of(text: str) -> Place | None:
        """The place written so; None where it is written otherwise."""
        found = re.fullmatch(r"(.+)/(\d+)/(\d+)", text)
        return None if found is None else Place(found[1], int(found[2]), int(found[3]))

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Found:
    """A published prediction.

    Attributes:
        place: where it stands.
        event: where its event stands.
        row: what it is.
    """

    place: Place
    event: Place
    row: Row


async def find(
    site: Site,
    wanted: str,
    partitions: Sequence[int],
    since: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Found:
    """The published prediction of an event.

    By a place it takes a request or two. For the event's id the predictions have to be searched,
    about a million a second, up to the first that is of that id.

    Args:
        site: where the pipeline runs.
        wanted: the event's id; or the place of the event or of its prediction.
        partitions: where to search for an id.
        since: earliest timestamp of what is searched, in milliseconds.
        progress: told how many predictions were searched.

    Raises:
        AuditError: there is none.
    """
    place, pipeline = Place.of(wanted), site.pipeline
    if place is not None and place.topic == pipeline.predictions_topic:
        return await _at(site, place)
    if place is not None and place.topic == pipeline.events.name:
        return await _of_event(site, place)
    if place is not None and place.topic in pipeline.input_topics:
        raise AuditError(
            f"the place {wanted}",
            f"what is predicted are the events in {pipeline.events.name}",
            f"{pipeline.events.name}/PARTITION/OFFSET, or an event's id",
        )
    return await _by_id(site, wanted, partitions, since, progress)


async def _by_id(
    site: Site,
    wanted: str,
    partitions: Sequence[int],
    since: int | None,
    progress: Callable[[int], object] | None,
) -> Found:
    pipeline = site.pipeline
    if pipeline.events.id is None:
        raise AuditError(
            f"the event {wanted!r}",
            f"{pipeline.name} declares no id: Topic(…, id=…)",
            f"{pipeline.events.name}/PARTITION/OFFSET",
        )
    opening = b'{"id":%b,' % msgspec.json.encode(wanted)
    searched = 0
    for number in partitions:
        async with published_since(site.client, pipeline.predictions_topic, number, since) as read:
            async for some in read:
                if (found := _first(pipeline, some, opening, bytes.startswith)) is not None:
                    return found
                searched += len(some)
                if progress is not None:
                    progress(searched)
    where = f"{searched:,} predictions of {pipeline.predictions_topic}"
    raise AuditError(
        f"the event {wanted!r}",
        f"none of {where} is of that id" + (" since then" if since is not None else ""),
        "thalweg dead-letters list PIPELINE, if the event was turned away; or without --since and "
        f"--partition; or its place, {pipeline.events.name}/PARTITION/OFFSET, if the id is one of "
        "several",
    )


async def _at(site: Site, place: Place) -> Found:
    record = await _record(site, place)
    if record is None or offset_of(record.values[0]) is None:
        raise AuditError(
            f"the prediction {place}",
            "no committed prediction stands there",
            "the place of the event, or its id",
        )
    return _found(site.pipeline, record, 0)


async def _of_event(site: Site, place: Place) -> Found:
    event = await _record(site, place)
    topic, ending = site.pipeline.predictions_topic, b'"offset":%d}' % place.offset
    timestamp = None if event is None else int(event.timestamps[0])
    async with published_since(site.client, topic, place.partition, timestamp) as published:
        async for some in published:
            if (found := _first(site.pipeline, some, ending, bytes.endswith)) is not None:
                return found
    raise AuditError(
        f"the event {place}",
        "no prediction of it was published" if event else "there is no record any more",
        f"thalweg dead-letters show PIPELINE {place}, in case it was turned away",
    )


async def _record(site: Site, place: Place) -> Slice | None:
    """The record at a place, alone; None where none is."""
    begin, end = await ends(site.client, [place.topic], place.partition)
    if not begin[place.topic] <= place.offset < end[place.topic]:
        return None
    at = place.offset
    async with stretch(site.client, place.topic, place.partition, at, at + 1) as slices:
        async for some in slices:
            if len(some) and some.offsets[0] == at:
                return some
    return None


def _first(
    pipeline: Pipeline, some: Slice, part: bytes, fits: Callable[[bytes, bytes], bool]
) -> Found | None:
    """The first prediction that fits; they are looked at one by one only where `part` occurs."""
    if part not in ByteColumn.of(some.values).data:
        return None
    for at, value in enumerate(some.values):
        if value is not None and fits(value, part) and offset_of(value) is not None:
            return _found(pipeline, some, at)
    return None


def _found(pipeline: Pipeline, some: Slice, at: int) -> Found:
    offset = int(some.offsets[at])
    one = some.since(offset).before(offset + 1)
    [row] = rows(Records(one.keys, one.values, one.timestamps, one.headers))
    of = offset_of(row.value)
    assert of is not None
    return Found(
        Place(some.topic, some.partition, offset),
        Place(pipeline.events.name, some.partition, of),
        row,
    )
