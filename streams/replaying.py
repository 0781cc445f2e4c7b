"""Replay: a pipeline over what its group consumed, or over records it never saw; no worker."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
)
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from models.bytecolumn import ByteColumn
from streams.comparing import Comparison
from streams.letters import DeadLetter
from streams.producer import PartitionProducer
from streams.published import Published, cut, is_before, published_since
from streams.site import Site
from streams.slices import Record, Records, Slice
from streams.task import Output, PartitionTask

if TYPE_CHECKING:
    from models.quality import Quality
    from streams.pipeline import Pipeline

__all__ = [
    "Put",
    "Sink",
    "Summary",
    "Watch",
    "replay",
    "to_be_compared",
    "to_file",
    "to_nowhere",
    "to_topic",
]

_TIMEOUT_S = 60.0
_TRANSACTION_RECORDS = 100_000


Put: TypeAlias = Callable[[Records], Awaitable[None]]
"""Takes the next predictions of a partition."""

Sink: TypeAlias = AbstractAsyncContextManager[Put]
"""Where the predictions of a partition go; left without an error, it has them all."""


Watch: TypeAlias = Callable[[Slice, Output], object]
"""Is shown each slice, and what it brought about."""


@asynccontextmanager
async def to_nowhere() -> AsyncIterator[Put]:
    """Only the summary is wanted."""

    async def put(predictions: Records) -> None:
        """Forget them."""

    yield put


@asynccontextmanager
async def to_file(file: BinaryIO) -> AsyncIterator[Put]:
    """Writes values to an open file as they would be published, one a line."""

    async def put(predictions: Records) -> None:
        file.write((ByteColumn.of(predictions.values).joined() or b"") + b"\n")

    yield put


@asynccontextmanager
async def to_topic(client: Mapping[str, Any], topic: str, partition: int) -> AsyncIterator[Put]:
    """Writes to a partition of a topic, in transactions.

    Args:
        client: connection options of aiokafka.
        topic: has the partition.
        partition: of it.
    """
    producer = PartitionProducer(client, f"{topic}.replay-{partition}", _TIMEOUT_S, "none")
    gathered = 0

    async def put(predictions: Records) -> None:
        nonlocal gathered
        if not gathered:
            await producer.begin()
        await producer.send(topic, partition, predictions)
        gathered += len(predictions)
        if gathered >= _TRANSACTION_RECORDS:
            await commit()

    async def commit() -> None:
        nonlocal gathered
        await producer.add_offsets({}, "")
        await producer.commit()
        gathered = 0

    await producer.start()
    try:
        yield put
        if gathered:
            await commit()
    finally:
        await producer.stop()


@asynccontextmanager
async def to_be_compared(
    site: Site, comparison: Comparison, first: int, stop: int
) -> AsyncIterator[Put]:
    """Holds them against what was published.

    Args:
        site: where the pipeline runs.
        comparison: of the partition; takes in what is found.
        first: offset of the first event.
        stop: offset behind the last one.
    """
    async with AsyncExitStack() as opened:
        found: list[Published] = []

        async def published(timestamp: int | None) -> Published:
            if not found:
                slices = await opened.enter_async_context(
                    published_since(
                        site.client,
                        site.pipeline.predictions_topic,
                        comparison.partition,
                        timestamp,
                    )
                )
                found.append(Published(slices, first, stop))
            return found[0]

        async def put(predictions: Records) -> None:
            await comparison.add(predictions, await published(int(predictions.timestamps[0])))

        yield put
        await comparison.close(await published(None))


@dataclass(slots=True)
class Summary:
    """What a replay came to.

    Attributes:
        events: scored within the range.
        warmed: events scored before it, only to get there.
        learned: labels learned on the way.
        dead_letters: records turned away on the way.
        turned_away: why the first of them was, in words.
        quality: of all that the model has learned, that before an image as well.
        images: by partition, number of the image that was started from.
        comparisons: with what was published, a partition each.
    """

    quality: Quality
    events: int = 0
    warmed: int = 0
    learned: int = 0
    dead_letters: int = 0
    turned_away: str | None = None
    images: dict[int, int] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)

    @staticmethod
    def of(pipeline: Pipeline) -> Summary:
        """Of nothing yet."""
        return Summary(pipeline.new_quality())

    @property
    def equal(self) -> bool:
        """Whether all that was compared is equal."""
        return all(one.equal for one in self.comparisons)


async def replay(
    task: PartitionTask,
    outputs: AsyncGenerator[tuple[Slice, Output], None],
    sink: Sink,
    summary: Summary,
    *,
    first: int = 0,
    watch: Watch | None = None,
    progress: Callable[[], object],
) -> None:
    """Hand on the predictions that a task makes, and count.

    Args:
        task: of a partition.
        outputs: that it brings, slice by slice.
        sink: takes the predictions.
        summary: of all partitions so far; this one is added.
        first: offset of the first event whose prediction is wanted.
        watch: is shown everything.
        progress: called after each slice.
    """
    async with sink as put, aclosing(outputs):
        async for records, output in outputs:
            if watch is not None:
                watch(records, output)
            predictions = _since(output.predictions, first)
            summary.events += len(predictions)
            summary.warmed += len(output.predictions) - len(predictions)
            summary.learned += output.learned
            summary.dead_letters += len(output.dead_letters)
            if summary.turned_away is None and len(output.dead_letters):
                summary.turned_away = _why(output.dead_letters)
            if len(predictions):
                await put(predictions)
            progress()
            # Whoever fetches records, or computes another partition, has its turn.
            await asyncio.sleep(0)
    summary.quality.merge(task.quality)


def _why(letters: Records) -> str:
    """Why the first of them was turned away."""
    assert letters.headers is not None
    letter = DeadLetter.of(Record("", 0, 0, None, None, 0, letters.headers[0]))
    return f"{letter.reason}: {letter.detail}"


def _since(predictions: Records, first: int) -> Records:
    """Those of events from an offset on; they are in the order of their events."""
    values = predictions.values
    if not len(values) or not is_before(values[0], first):
        return predictions
    start = bisect_left(range(len(values)), True, key=lambda n: not is_before(values[n], first))
    return cut(predictions, start, len(values))
