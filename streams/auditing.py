"""Audit: one published prediction, computed again from an image and the log, and taken apart."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from models.machine import machine
from streams.comparing import apart
from streams.errors import UNREADABLE
from streams.explaining import Explained, Why, watched
from streams.finding import AuditError, Found
from streams.predictions import Prediction
from streams.published import Row, rows
from streams.recorded import recorded
from streams.site import Site
from streams.slices import Records

__all__ = ["Audit", "audit"]


@dataclass(slots=True)
class Audit:
    """What became of it.

    Attributes:
        found: the prediction that was published.
        event: the record it is of.
        recomputed: what it should be.
        why: what makes the recomputed score.
        image: the image that was started from, in words; None: the log's beginning.
        records: how many were computed again.
        elsewhere: what was another machine's as the image was made, a line each.
        pipeline: the version that computed it again.
        binary: whether its score is a probability.
        secrets: the fields of the event that nobody is to read.
    """

    found: Found
    event: Row
    recomputed: Row
    why: Why
    image: str | None
    records: int
    elsewhere: list[str]
    pipeline: str
    binary: bool
    secrets: tuple[str, ...] = ()

    @property
    def published(self) -> Prediction | None:
        """The published prediction, read; None where it is none."""
        return _read(self.found.row.value)

    @property
    def expected(self) -> Prediction:
        """The recomputed one."""
        found = _read(self.recomputed.value)
        assert found is not None
        return found

    @property
    def same_score(self) -> bool:
        """Whether both scores are equal, to the bit."""
        published = self.published
        return published is not None and _bits(published.score) == _bits(self.expected.score)

    @property
    def same(self) -> bool:
        """Whether both records are equal, to the byte."""
        return self.found.row == self.recomputed

    @property
    def apart(self) -> str:
        """What differs, in words; empty where nothing does."""
        return apart(self.found.row, self.recomputed)

    @property
    def explained(self) -> Explained:
        """What the recomputed prediction is made of."""
        return Explained(
            str(self.found.event),
            self.expected,
            self.why,
            self.image,
            self.records,
            self.same,
            self.binary,
        )

    @property
    def same_version(self) -> bool:
        """Whether the pipeline says to be the one that published it."""
        return self.published is not None and self.published.model == self.pipeline


async def audit(
    site: Site, found: Found, progress: Callable[[float], object], *, ask: bool = False
) -> Audit:
    """Compute a published prediction again.

    Args:
        site: where the pipeline runs; its group is the one that published.
        found: by `find`.
        progress: told which share is done.
        ask: a River model for what each field adds, which takes hundreds of scores.

    Raises:
        ReplayError: nothing from before the event is left to start from, or it is another
            pipeline's.
        AuditError: the event is turned away.
    """
    pipeline, at = site.pipeline, found.event
    past = await recorded(site, at.partition, first=at.offset, stop=at.offset + 1)
    records, event, output, why = 0, None, Records([], [], []), Why({})
    async with aclosing(past.slices()) as slices:
        async for part in slices:
            before = part
            if part.topic == at.topic and part.next > at.offset:
                before, event = part.before(at.offset), part.since(at.offset)
            past.task.take(before)
            records += len(before)
            progress(1 - past.left / (past.total or 1))
            if event is not None:
                taken, why = watched(past.task, event, ask=ask)
                output = taken.predictions
    if event is None or not len(event) or not len(output):
        raise AuditError(
            f"the event {at}",
            f"{pipeline.model_version} turns it away, or it is not there any more",
            f"thalweg dead-letters show PIPELINE {at}",
        )
    manifest, here = past.manifest, machine()
    was = here if manifest is None else manifest.machine
    return Audit(
        found=found,
        event=rows(Records(event.keys, event.values, event.timestamps, event.headers))[0],
        recomputed=rows(output)[0],
        why=why,
        image=None if manifest is None else str(manifest),
        records=records + 1,
        elsewhere=[
            f"{name} {value}, here {here.get(name)}"
            for name, value in was.items()
            if here.get(name) != value
        ],
        pipeline=pipeline.model_version,
        binary=pipeline.kind == "binary",
        secrets=pipeline.secrets,
    )


def _read(value: bytes | None) -> Prediction | None:
    try:
        return _decoder.decode(value or b"")
    except UNREADABLE:
        return None


_decoder = msgspec.json.Decoder(Prediction)


def _bits(score: float | None) -> bytes | None:
    return None if score is None else struct.pack("<d", score)
