"""What is replayed: a range of a group's past, topics that were never read, or files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeAlias

import aiokafka
from aiokafka import TopicPartition

from streams.backtesting import Lanes, backtest
from streams.columns import Fields, of_schema
from streams.comparing import Comparison
from streams.errors import TeachingError
from streams.logreading import ends, partition_count, stretch
from streams.recorded import ImageChoice, recorded
from streams.replaying import Sink, Summary, Watch, replay, to_be_compared
from streams.schema import fields_of
from streams.site import ReplayError, Site
from streams.sources import Format, open_source
from streams.task import PartitionTask
from streams.times import milliseconds

if TYPE_CHECKING:
    from streams.declare import Labels, Topic
    from streams.pipeline import Pipeline
    from streams.reading import Source

__all__ = ["Bound", "Progress", "files_of", "replay_files", "replay_past", "replay_topics"]

Progress: TypeAlias = Callable[[float | None], object]
"""Is told which share is done; None: unknown."""

Bound: TypeAlias = str | None
"""One end of a range of events: an offset, or a time; None: there is none."""


async def replay_past(
    site: Site,
    partition: int,
    bounds: tuple[Bound, Bound],
    image: ImageChoice,
    sink: Sink | None,
    summary: Summary,
    progress: Progress,
    watch: Watch | None = None,
    begun: Callable[[PartitionTask], object] | None = None,
) -> None:
    """Compute again what a group has computed.

    Args:
        site: where the pipeline runs.
        partition: of the events topic.
        bounds: of the events that are asked for.
        image: where to start.
        sink: takes the predictions; None: they are compared with what was published.
        summary: of all partitions so far; this one is added.
        progress: told after each slice.
        watch: is shown everything.
        begun: called before the first event that is asked for.
    """
    events = site.pipeline.events.name
    first, stop = [await _offset(site, partition, bound) for bound in bounds]
    past = await recorded(site, partition, first=first, stop=stop, image=image)
    start = max(first or 0, past.begin[events])
    if sink is None:
        comparison = Comparison(partition)
        summary.comparisons.append(comparison)
        sink = to_be_compared(site, comparison, start, past.end[events])
    if start >= past.end[events]:
        return
    if past.manifest is not None:
        summary.images[partition] = past.manifest.number
    total = past.total or 1
    await replay(
        past.task,
        past.outputs(begun),
        sink,
        summary,
        first=start,
        watch=watch,
        progress=lambda: progress(1 - past.left / total),
    )


async def replay_topics(
    site: Site,
    partition: int,
    bounds: tuple[Bound, Bound],
    sink: Sink,
    summary: Summary,
    progress: Progress,
    watch: Watch | None = None,
) -> None:
    """Run a pipeline that has learned nothing over its topics, as if it had always been there.

    Labels are read from the beginning of their topic to its end; arguments as of `replay_past`.

    Raises:
        ReplayError: its partitions learn as one, and there are several.
    """
    topics, client = list(site.pipeline.input_topics), site.client
    if site.pipeline.deltas_topic is not None:
        _check_alone(site.pipeline, await partition_count(client, topics[0]))
    begin, end = await ends(client, topics, partition)
    first, stop = [await _offset(site, partition, bound) for bound in bounds]
    if first is not None:
        begin[topics[0]] = min(max(begin[topics[0]], first), end[topics[0]])
    if stop is not None:
        end[topics[0]] = min(max(begin[topics[0]], stop), end[topics[0]])
    task = PartitionTask(site.pipeline, partition)
    task.positions = dict(begin)
    total = sum(end.values()) - sum(begin.values()) or 1
    async with AsyncExitStack() as opened:
        events, *labels = [
            await opened.enter_async_context(
                stretch(client, topic, partition, begin[topic], end[topic])
            )
            for topic in topics
        ]
        await replay(
            task,
            backtest(task, events, labels[0] if labels else None),
            sink,
            summary,
            watch=watch,
            progress=lambda: progress((sum(task.positions.values()) - sum(begin.values())) / total),
        )


def files_of(
    pipeline: Pipeline,
    events: str,
    labels: str | None,
    partitions: int,
    kind: Format | None,
    time_format: str | None = None,
    decimal: str = ".",
) -> list[Source]:
    """The files as records of the pipeline's topics, events first.

    Args:
        pipeline: that reads them.
        events: path of the events.
        labels: path of the labels; None where they are in the events.
        partitions: that events are divided among by their key.
        kind: of both files; None for what their names say.
        time_format: of the times in both; see `streams.columns.Fields`.
        decimal: before the decimals in both, likewise.

    Raises:
        TeachingError: there is no such file, or a label cannot find the partition of its event.
    """
    by_topic = pipeline.label_topic
    if by_topic is not None and labels is None:
        raise TeachingError(
            f"--events {events} without labels",
            f"{pipeline.name} learns from labels that come by the topic {by_topic.topic}",
            f"--events {events} --labels FILE",
        )
    if by_topic is None and labels is not None:
        raise TeachingError(
            f"--labels {labels}",
            f"{pipeline.name} has no topic of labels",
            "the same without --labels",
        )
    key = pipeline.events.key
    sources = [open_source(events, _fields(pipeline.events, key, time_format, decimal), kind)]
    if by_topic is not None and labels is not None:
        known = fields_of(by_topic.schema)
        if partitions > 1 and key not in known:
            raise TeachingError(
                f"--partitions {partitions} with labels that have no field {key!r}",
                "a label finds its event in the partition of the same number, by the same key",
                "--partitions 1",
            )
        own = _fields(by_topic, key if key in known else None, time_format, decimal)
        sources.append(open_source(labels, own, kind))
    return sources


async def replay_files(
    pipeline: Pipeline,
    sources: list[Source],
    partitions: int,
    sink_of: Callable[[int], Sink],
    summary: Summary,
    progress: Progress,
    watch: Watch | None = None,
) -> None:
    """Run a pipeline over files as if a producer had written them to topics.

    Args:
        pipeline: that has learned nothing.
        sources: of events and labels; see `files_of`.
        partitions: that events are divided among by their key.
        sink_of: makes the sink of a partition.
        summary: counts.
        progress: told after each slice.
        watch: is shown everything.

    Raises:
        ReplayError: the partitions learn as one, and there are several.
    """
    pipeline.check_partitions(partitions)
    _check_alone(pipeline, partitions)
    lanes = [
        Lanes(topic, source, partitions)
        for topic, source in zip(pipeline.input_topics, sources, strict=True)
    ]

    def run(number: int) -> PartitionTask:
        task = PartitionTask(pipeline, number)
        task.positions = dict.fromkeys(pipeline.input_topics, 0)
        return task

    # In turns, a block each: what was read for another partition is not kept for long.
    await asyncio.gather(
        *(
            replay(
                task,
                backtest(task, *(lane.lane(task.partition) for lane in lanes)),
                sink_of(task.partition),
                summary,
                watch=watch,
                progress=lambda: progress(sources[0].share),
            )
            for task in map(run, range(partitions))
        )
    )


def _check_alone(pipeline: Pipeline, partitions: int) -> None:
    """Who told whom what, and when, is known of a group's past alone."""
    if pipeline.deltas_topic is not None and partitions > 1:
        raise ReplayError(
            f"a backtest of {partitions} partitions that learn as one, or share windows",
            "it computes each by itself, and none would hear what the others learned and saw",
            "--events FILE --partitions 1: one learner, which is what they learn together to be",
        )


def _fields(
    topic: Topic | Labels, key: str | None, time_format: str | None, decimal: str
) -> Fields:
    wire = {name: field.wire for name, field in fields_of(topic.schema).items()}
    fields = Fields(
        None if key is None else wire[key],
        None if topic.time is None else wire[topic.time],
        time_format=time_format,
        decimal=decimal,
    )
    return of_schema(fields, topic.schema)


async def _offset(site: Site, partition: int, bound: Bound) -> int | None:
    """The offset of the first event at or after a bound; None where there is no bound."""
    if bound is None or bound.isdecimal():
        return None if bound is None else int(bound)
    try:
        at = milliseconds(bound)
    except (ValueError, OverflowError) as error:
        raise TeachingError(
            f"a range that begins or ends at {bound!r}",
            "it is neither an offset nor a time",
            "--from 1041, or --from 2026-01-31T10:00:00Z",
        ) from error
    tp = TopicPartition(site.pipeline.events.name, partition)
    async with aiokafka.AIOKafkaConsumer(**site.client) as consumer:
        found = (await consumer.offsets_for_times({tp: at}))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
    return int(end if found is None else found.offset)
