"""Records of a partition, the ways in which a log can be cut, and a task to take them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hypothesis import strategies as st

from streams.image import pack, unpack
from streams.pipeline import Pipeline
from streams.slices import Record, Records, Slice
from streams.task import PartitionTask

__all__ = ["begun", "cuts", "pieces", "restarted", "rows", "slice_of"]


def slice_of(
    values: Sequence[bytes | None],
    topic: str = "events",
    start: int = 0,
    keys: Sequence[bytes | None] | None = None,
    timestamps: Sequence[int] | None = None,
    headers: Sequence | None = None,
) -> Slice:
    """A slice of consecutive records."""
    n = len(values)
    return Slice(
        topic,
        0,
        start,
        start + n,
        range(start, start + n),
        [None] * n if keys is None else keys,
        values,
        [1_000 * offset for offset in range(start, start + n)]
        if timestamps is None
        else timestamps,
        headers,
    )


def cuts(length: int) -> st.SearchStrategy[list[int]]:
    """Places at which a log of that length is cut."""
    places = st.sets(st.integers(1, max(1, length - 1)), max_size=min(length, 12))
    return places.map(sorted)


def pieces(log: Iterable[Slice], at: Sequence[int]) -> Iterator[Slice]:
    """The slices of `log`, one after another, cut where `at`, counted over all, falls in them."""
    passed = 0
    for part in log:
        edges = [place - passed for place in at if 0 < place - passed < len(part)]
        rest = part
        for edge in edges:
            yield rest.before(part.offsets[edge])
            rest = rest.since(part.offsets[edge])
        yield rest
        passed += len(part)


def restarted(pipeline: Pipeline, log: Sequence[Slice], at: int, others: Sequence[int]):
    """A task that took a log in pieces and became another one, of its image, at record `at`.

    Answers the values of its predictions, and the task.
    """
    task, found, passed = begun(pipeline), [], 0
    for part in pieces(log, sorted({*others, at})):
        found += [row.value for row in rows(task.take(part).predictions)]
        passed += len(part)
        if passed == at:
            image = unpack(pack(task.image()))
            task = begun(pipeline)
            task.restore(image)
    return found, task


def begun(pipeline: Pipeline) -> PartitionTask:
    """A task that has read nothing, at the beginning of its logs."""
    task = PartitionTask(pipeline, 0)
    task.positions = dict.fromkeys(pipeline.input_topics, 0)
    return task


def rows(records: Records) -> list[Record]:
    """What is to be written, record by record."""
    headers = records.headers or [()] * len(records)
    return [
        Record("out", 0, 0, key, value, timestamp, tuple(own))
        for key, value, timestamp, own in zip(
            records.keys, records.values, records.timestamps, headers, strict=True
        )
    ]
