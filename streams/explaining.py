"""What a task's answer to one event is made of: watched while it is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from models.attribution import Asked, Attribution, attributed, shares
from models.column import listed
from models.contributions import Explanation, Witness, explained
from models.hashing import text
from models.linear_learner import Weighed
from models.reasons import Reason, reasons
from models.sharing import publishing
from streams.codec import Decoded
from streams.finding import AuditError
from streams.predictions import Prediction
from streams.recorded import recorded
from streams.secrecy import decoder_of
from streams.site import Site
from streams.slices import Slice

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.task import Output, PartitionTask

__all__ = ["Explained", "Why", "keyed_like", "supposed", "watched"]


@dataclass(frozen=True, slots=True)
class Why:
    """What makes a score.

    Attributes:
        fields: the event's, by name, as they were read.
        explanation: each entry of its row; None for a model that has no weights.
        reasons: the same for people, column by column.
        by_field: what each field adds, with `base` the log-odds or the number predicted; of a River
            model, the score itself. None where the model cannot say.
        base: the intercept; of a River model what it says of an event without fields.
        attribution: how a River model's amounts were found.
        crowded: the share of the buckets that hold a weight.
    """

    fields: Mapping[str, Any]
    explanation: Explanation | None = None
    reasons: tuple[Reason, ...] = ()
    by_field: Mapping[str, float] | None = None
    base: float = 0.0
    attribution: Attribution | None = None
    crowded: float | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """A prediction and what made it.

    Attributes:
        event: where it stands, or that it was only supposed.
        prediction: as computed now.
        why: what made it.
        image: the image that was started from, in words; None: the log's beginning.
        records: how many were computed again.
        same: whether it is what was published; None where nothing was.
        binary: whether the score is a probability.
    """

    event: str
    prediction: Prediction
    why: Why
    image: str | None
    records: int
    same: bool | None
    binary: bool


def watched(task: PartitionTask, event: Slice, *, ask: bool = True) -> tuple[Output, Why]:
    """Have a task take a slice of one event, and see what makes its score.

    Args:
        task: at the event.
        event: alone in its slice.
        ask: a model that has to be asked again and again, too.
    """
    pipeline, learner, before = task.pipeline, task.learner, task.encoder.spreads()
    witness = Witness(learner) if hasattr(publishing(learner), "moment") else None
    task.learner = learner if witness is None else witness
    try:
        output = task.take(event)
    finally:
        task.learner = learner
    fields = _fields(pipeline, event)
    match None if witness is None else witness.seen:
        case Weighed() as seen:
            features = pipeline.features or ()
            explanation = explained(seen, features, fields, pipeline.model.seed)
            found = reasons(explanation, features, fields, before, task.encoder.spreads())
            by_field = shares(((it.feature, it.amount) for it in found), features)
            crowded = seen.taken / seen.buckets
            why = Why(
                fields, explanation, tuple(found), by_field, explanation.bias, crowded=crowded
            )
        case Asked() as seen if ask and (divided := attributed(seen, pipeline.features)):
            why = Why(fields, by_field=divided.amounts, base=divided.base, attribution=divided)
        case _:
            why = Why(fields)
    return output, why


async def supposed(
    site: Site, partition: int, event: bytes, now: int, progress: Callable[[float], object]
) -> Explained:
    """What a worker would answer to an event, had it come right behind all that is committed.

    Args:
        site: where the pipeline runs.
        partition: that the event would come to.
        event: its value, as JSON.
        now: its timestamp, in milliseconds.
        progress: told which share of the way there is done.

    Raises:
        ReplayError: there is nothing to start from.
        AuditError: it would be turned away.
    """
    past = await recorded(site, partition, image="latest")
    task, records = past.task, 0
    async with aclosing(past.slices()) as slices:
        async for part in slices:
            task.take(part)
            records += len(part)
            progress(1 - past.left / (past.total or 1))
    topic, key = site.pipeline.events.name, keyed_like(site.pipeline, event)
    at = task.positions[topic]
    output, why = watched(task, Slice(topic, partition, at, at + 1, [at], [key], [event], [now]))
    if not len(output.predictions):
        raise _not_an_event(" and ".join(output.reasons))
    return Explained(
        "supposed to come next",
        msgspec.json.decode(output.predictions.values[0] or b"", type=Prediction),
        why,
        None if past.manifest is None else str(past.manifest),
        records,
        None,
        site.pipeline.kind == "binary",
    )


def keyed_like(pipeline: Pipeline, event: bytes) -> bytes | None:
    """The key that a record with this value has; None where it has none.

    Raises:
        AuditError: it is no event to this pipeline.
    """
    decoded = _decoded(pipeline, Slice("", 0, 0, 1, [0], [None], [event], [0]))
    for reject in decoded.rejects:
        raise _not_an_event(reject.detail)
    field = pipeline.events.key
    value = None if field is None else listed(decoded.columns[field])[0]
    return None if value is None else text(value).encode()


def _not_an_event(why: str) -> AuditError:
    return AuditError(f"--event: {why}", "a worker would turn it away", "what thalweg check shows")


def _decoded(pipeline: Pipeline, event: Slice) -> Decoded:
    return decoder_of(pipeline).decode(event)


def _fields(pipeline: Pipeline, event: Slice) -> dict[str, Any]:
    columns = _decoded(pipeline, event).columns
    return {name: listed(column)[0] for name, column in columns.items() if len(column)}
