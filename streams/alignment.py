"""Keeps two topics in step by date, so that a backlog is learned as live traffic would have been.

Events and labels are read independently. Were events read ahead of their labels, silence would
mature although the label lies in the log; were labels read far ahead, they would fill the memory.
"""

from __future__ import annotations

from typing import Protocol

from models.column import whole_numbers
from streams.joiner import Joiner
from streams.joiners import Joiners
from streams.slices import Slice

__all__ = ["Alignment", "Flow"]

_LABELS_AHEAD = 50_000


class Flow(Protocol):
    """The reading side of a partition, as far as it can be steered."""

    def end(self, topic: str, partition: int) -> int | None:
        """Offset after the last record that can be read; None while that is not known."""

    def pause(self, topic: str, partition: int) -> None:
        """Read no more of a topic's partition for now."""

    def resume(self, topic: str, partition: int) -> None:
        """Read on."""

    async def seek(self, topic: str, partition: int, offset: int) -> None:
        """Read on from there."""


class Alignment:
    """Says of a slice of events whether it has to wait for labels, and paces the labels.

    Args:
        joiner: of the partition.
        labels: name of the labels topic.
        partition: its number.
        flow: steers the reading.
    """

    def __init__(self, joiner: Joiner | Joiners, labels: str, partition: int, flow: Flow) -> None:
        self._joiner = joiner
        self._labels = labels
        self._partition = partition
        self._flow = flow
        self._paused = False

    def ready(self, events: Slice, labels_position: int) -> bool:
        """Whether no label dated before the end of this slice can still be unread.

        Dates of labels rise along their topic, or nearly so: past the end of the slice, or at the
        end of the topic, there is nothing more to wait for.
        """
        latest = whole_numbers(events.timestamps).max(initial=0) / 1000
        if self._joiner.newest > max(latest, self._joiner.watermark):
            return True
        end = self._flow.end(self._labels, self._partition)
        return end is not None and labels_position >= end

    def pace(self, *, events_wait: bool) -> None:
        """Read labels on while events wait for them; else stop while too many are ahead."""
        paused = not events_wait and self._joiner.ahead > _LABELS_AHEAD
        if paused != self._paused:
            self._paused = paused
            steer = self._flow.pause if paused else self._flow.resume
            steer(self._labels, self._partition)
