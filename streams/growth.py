"""Whether a group's state is divided among the partitions that the events topic has now.

Every image says among how many it was. Where a topic has more since, keys have gone to partitions
in which nothing is known of them: there nothing is read before `streams.growing` has carried it
over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from streams.division import parents
from streams.manifest import Manifest

__all__ = ["GrownError", "check_first", "check_image", "mend", "told"]


class GrownError(Exception):
    """The events topic has other partitions than a group's state is divided among."""


def told(manifest: Manifest) -> int | None:
    """Among how many partitions the topic was when an image was made; None: it does not say."""
    return manifest.partitions if isinstance(manifest.partitions, int) else None


def mend(before: int, count: int) -> str:
    """What to do where there are `count` partitions now, and were others before."""
    anew = "begin anew under another group: thalweg worker PIPELINE --group NAME"
    if count % before:
        return f"{count} is no multiple of {before}, so keys of each have gone everywhere; {anew}"
    return (
        "stop the workers, carry over what was learned: "
        f"thalweg grow PIPELINE --partitions {count}; or {anew}"
    )


def check_image(manifest: Manifest, count: int, events: str) -> None:
    """Make sure that an image is of a topic with so many partitions.

    Raises:
        GrownError: it is not.
    """
    before = told(manifest)
    if before is not None and before != count:
        raise GrownError(_text(manifest, before, count, events))


async def check_first(
    number: int, count: int, events: str, newest: Callable[[int], Awaitable[Manifest | None]]
) -> None:
    """Make sure that a partition without an image is none that came after the group had begun.

    Args:
        number: of the partition.
        count: how many there are now.
        events: their topic.
        newest: the manifest of the newest image of another partition, if there is one.

    Raises:
        GrownError: a partition that it can have grown out of was one of fewer.
    """
    for parent in parents(count, number):
        manifest = await newest(parent)
        before = None if manifest is None else told(manifest)
        if manifest is not None and before is not None and before <= number:
            raise GrownError(_text(manifest, before, count, events))


def _text(manifest: Manifest, before: int, count: int, events: str) -> str:
    return (
        f"group {manifest.group!r} has learned from {events} with {before} partitions, and it has "
        f"{count}: keys have gone to where nothing is known of them, and would be scored from "
        f"empty windows. Nothing was read.\n  {mend(before, count)}"
    )
