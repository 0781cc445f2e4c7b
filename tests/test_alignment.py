"""Events wait for the labels that are dated before them, and for no others."""

from __future__ import annotations

import numpy as np

from models.protocol import Plan
from models.textcolumn import TextColumn
from streams.alignment import Alignment
from streams.joiner import Joiner
from streams.slices import Slice


class Reading:
    """A reading side that remembers how it was steered."""

    def __init__(self, end: int | None) -> None:
        self.known = end
        self.steered: list[str] = []

    def end(self, topic: str, partition: int) -> int | None:
        return self.known

    def pause(self, topic: str, partition: int) -> None:
        self.steered.append("pause")

    def resume(self, topic: str, partition: int) -> None:
        self.steered.append("resume")


def events(until: float) -> Slice:
    return Slice("payments", 0, 0, 2, range(2), [None] * 2, [b"{}"] * 2, [0, int(until * 1000)])


def labels(joiner: Joiner, *dates: float) -> None:
    ids = TextColumn.of([f"e{date}" for date in dates])
    joiner.labels(ids, [1] * len(dates), np.array(dates), Plan())


def aligned(end: int | None) -> tuple[Alignment, Joiner, Reading]:
    joiner, reading = Joiner(None, None, 1000), Reading(end)
    return Alignment(joiner, "chargebacks", 0, reading), joiner, reading


def test_events_wait_while_the_end_of_the_labels_is_not_known() -> None:
    alignment, _, reading = aligned(None)
    assert not alignment.ready(events(100), 0)
    reading.known = 0
    assert alignment.ready(events(100), 0)


def test_events_wait_while_labels_dated_before_them_may_be_unread() -> None:
    alignment, joiner, _ = aligned(10)
    labels(joiner, 50, 99)
    assert not alignment.ready(events(100), 2)
    labels(joiner, 101)
    assert alignment.ready(events(100), 3)


def test_events_wait_for_nothing_once_all_labels_are_read() -> None:
    alignment, joiner, _ = aligned(10)
    labels(joiner, 50)
    assert alignment.ready(events(100), 10)


def test_labels_far_ahead_are_held_back_until_events_wait_for_them() -> None:
    alignment, joiner, reading = aligned(10)
    labels(joiner, *range(1, 50_001))
    alignment.pace(events_wait=False)
    assert reading.steered == []
    labels(joiner, 50_001)
    alignment.pace(events_wait=False)
    alignment.pace(events_wait=False)
    assert reading.steered == ["pause"]
    alignment.pace(events_wait=True)
    assert reading.steered == ["pause", "resume"]
