"""Where what waits for its label is kept, and how much that is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from models import rates
from models.column import EVENT_TIME
from models.labelrate import LabelRate
from models.spill import Spill, SpillError
from streams import remembered, scored
from streams.errors import SettingsError
from streams.schema import example

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["Waiting", "check_pending", "spill_of", "waiting"]

_SOME_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class Waiting(NamedTuple):
    """Bytes of an event that waits for its label.

    Attributes:
        entry: of the joiner's, by which a label finds it: in memory.
        row: about, of its frozen row and what was answered: in memory, or on disk.
    """

    entry: int
    row: int


def spill_of(settings: Settings) -> Spill | None:
    """Where a worker keeps what waits; None: in memory."""
    if settings.pending_directory is None:
        return None
    return Spill(settings.pending_directory, settings.pending_memory)


def check_pending(pipeline: Pipeline, settings: Settings) -> None:
    """See that what waits can be kept where it is to be.

    Raises:
        SettingsError: the directory cannot be used, or has less room than memory; or the model
            reads rows that cannot be in files.
    """
    spill = spill_of(settings)
    if spill is None:
        return
    if pipeline.model.form == "named":
        raise SettingsError(
            f"pending_directory = {settings.pending_directory!r} for {pipeline.name}",
            "a River estimator reads dicts, which are in memory wherever the rest is",
            "a model of thalweg's own, such as Logistic(), or no --pending-directory and "
            "Labels(…, remember=…) for what memory holds",
        )
    try:
        spill.check()
    except SpillError as error:
        raise SettingsError(error.given, error.why, error.write) from error


def waiting(pipeline: Pipeline) -> Waiting | None:
    """What an event takes that waits; None where it cannot be told, as of a River estimator's."""
    if pipeline.label_topic is None or pipeline.model.form == "named":
        return None
    event, encoder = example(pipeline.events.schema), pipeline.new_encoder()
    rows = pipeline.new_rows()
    columns = {name: [getattr(event, name)] for name in encoder.fields}
    encoder.append({**columns, EVENT_TIME: [_SOME_TIME]}, 1, rows)
    joiners = max(1, len(getattr(pipeline.model, "sources", ())))
    row = rows.memory + scored.BYTES
    row += rates.BYTES * sum(isinstance(it, LabelRate) for it in pipeline.features or ())
    if (besides := pipeline.new_quality().measurement) is not None:
        row += besides.bytes_each
    return Waiting(joiners * remembered.MOST_BYTES, row)
