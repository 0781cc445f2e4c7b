"""In which order a group consumed a partition's topics, and how far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streams.checkpoint import Found
from streams.journal import Entry
from streams.logreading import ends, stretch
from streams.site import ReplayError, Site, too_old

__all__ = ["consumed", "reached"]


async def consumed(site: Site, partition: int, found: Found | None) -> list[Entry]:
    """In which order records were consumed since an image, or else since the group began.

    Raises:
        ReplayError: nothing was consumed; or the journal does not reach back so far.
        JournalGapError: a record of the journal is no entry.
    """
    entries = await _journal(site, partition, found)
    if found is None and not entries:
        raise ReplayError(
            f"partition {partition} as group {site.group!r} consumed it",
            "that group has committed nothing there",
            "--group NAME of the group that did; or --backtest, for a pipeline that never ran",
        )
    return entries


def reached(
    entries: Iterable[Entry], begin: Mapping[str, int], events: str, stop: int | None
) -> dict[str, int]:
    """How far each topic had been read when the events were read up to an offset.

    Args:
        entries: of the journal, in order; those from before `begin` may be among them.
        begin: by topic, an offset.
        events: one of these topics.
        stop: offset in it; None: behind the last entry.
    """
    at = dict(begin)
    for entry in entries:
        for topic, upto in entry.steps:
            if stop is not None and topic == events and upto >= stop:
                return at | {events: max(at[events], stop)}
            at[topic] = max(at[topic], upto)
    return at


async def _journal(site: Site, partition: int, found: Found | None) -> list[Entry]:
    """The group's entries since the image; those that follow each other as one.

    There is one for each transaction, up to a million a day. But labels are few, and steps of one
    topic that follow each other are one step.
    """
    topic, key = site.pipeline.journal_topic, site.group.encode()
    earliest, latest = await ends(site.client, [topic], partition)
    begin = 0 if found is None else found.manifest.journal
    if begin < earliest[topic]:
        raise await too_old(site, partition, [topic])
    entries: list[Entry] = []
    end: dict[str, int] = {}
    async with stretch(site.client, topic, partition, begin, latest[topic]) as journal:
        async for some in journal:
            for own, value in zip(some.keys, some.values, strict=True):
                if own == key:
                    entry = Entry.decode(value or b"")
                    if entry.begin == end:
                        _extend(entries[-1].steps, entry.steps)
                    else:
                        entries.append(entry)
                    end = entry.end
    return entries


def _extend(steps: list[tuple[str, int]], more: Iterable[tuple[str, int]]) -> None:
    for step in more:
        if steps[-1][0] == step[0]:
            steps.pop()
        steps.append(step)
