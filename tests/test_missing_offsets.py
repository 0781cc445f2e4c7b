"""A broker answers that nothing is committed, though an image says otherwise: it is asked again."""

from __future__ import annotations

import asyncio

import pytest
from faust.types import TP
from noflow import NoFlow
from outside import ROOT

from streams import assignment, load
from streams.assignment import Assignment
from streams.observer import Observers
from streams.partition import Partition
from streams.progress import OffsetsGoneError
from streams.settings import Settings


class Opened:
    """An assignment of one partition whose image was committed at offset 7."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: list[int | None]) -> None:
        self.failures: list[BaseException] = []
        self.asked = 0
        self.closed = False
        pipeline = load(str(ROOT / "examples/spam.py"))
        place = TP(pipeline.events.name, 0)

        async def fence(_: Partition) -> None: ...

        async def open_it(_: Partition, committed: dict[str, int | None], *__: object) -> None:
            if (committed[place.topic] or 0) < 7:
                raise OffsetsGoneError("gone")

        async def close(_: Partition) -> None:
            self.closed = True

        async def committed() -> dict[TP, int | None]:
            self.asked += 1
            return {place: answers[min(self.asked, len(answers)) - 1]}

        monkeypatch.setattr(Partition, "fence", fence)
        monkeypatch.setattr(Partition, "open", open_it)
        monkeypatch.setattr(Partition, "close", close)
        monkeypatch.setattr(assignment, "_RETRY_S", 0.001)
        self.host = Assignment(
            pipeline,
            Settings(),
            {"bootstrap_servers": "127.0.0.1:1"},
            Observers(),
            NoFlow(),
            failed=self.failures.append,
            stopping=lambda: False,
        )
        asyncio.run(self.host.assigned({place: 0}, {place: 0}, committed))


def test_offsets_that_come_back_are_waited_for(monkeypatch):
    opened = Opened(monkeypatch, [None, 3, 7])
    assert opened.asked == 3
    assert list(opened.host.partitions) == [0]
    assert not opened.failures


def test_offsets_that_do_not_come_back_stop_the_partition(monkeypatch):
    monkeypatch.setattr(assignment, "_OFFSETS_S", 0.0)
    opened = Opened(monkeypatch, [None])
    assert opened.closed
    assert not opened.host.partitions
    assert isinstance(opened.failures[0], OffsetsGoneError)
