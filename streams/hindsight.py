"""What a backtest scored, decided and later learned, gathered to ask what else could have been."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.alerting import DAY
from models.column import Column, chosen, listed, whole_numbers
from models.digests import digests
from models.hashing import texts
from models.protocol import Target
from models.whatif import Past
from streams.codec import Decoder
from streams.decisions import AlertBudget, answers
from streams.errors import TeachingError, one_of
from streams.fields import field_called
from streams.schema import fields_of
from streams.slices import Slice
from streams.task import Output

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["Hindsight"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class _Answer(msgspec.Struct, gc=False):
    score: float | None
    decision: Target | None
    at: datetime
    offset: int


class Hindsight:
    """Gathers the slices of a backtest and what they brought; some 60 bytes an event.

    Args:
        pipeline: that is run, of a binary or an anomaly model.
        amount: the field with what an event is worth; None: all are worth 1.
        one_per: the field of whose values each has one alert a day; None: that of its budget.

    Raises:
        TeachingError: there are no frauds to be told, or no such field.
    """

    def __init__(self, pipeline: Pipeline, amount: str | None, one_per: str | None) -> None:
        if pipeline.kind not in ("binary", "anomaly") or pipeline.labels is None:
            raise TeachingError(
                f"what if, of the {pipeline.kind} pipeline {pipeline.name}",
                "it takes scores, and labels that say yes or no",
                "thalweg replay, which measures every kind",
            )
        fields = fields_of(pipeline.events.schema)
        if amount is not None:
            kind = field_called(fields, amount, f"--amount {amount!r}").type
            if kind not in (int, float):
                numbers = [name for name, field in fields.items() if field.type in (int, float)]
                raise TeachingError(
                    f"--amount {amount}, which is no number",
                    "it is what is lost with a fraud that is missed",
                    f"--amount {one_of(numbers)}" if numbers else "no --amount",
                )
        if one_per is None and isinstance(pipeline.decide, AlertBudget):
            one_per = pipeline.decide.one_per
        if one_per is not None:
            field_called(fields, one_per, f"--one-per {one_per!r}")
        self._pipeline, self._amount, self._one_per = pipeline, amount, one_per
        self._events = Decoder(pipeline.events.schema, pipeline.max_event_bytes)
        self._answers = msgspec.json.Decoder(_Answer)
        self._parts: list[dict[str, Column]] = []
        self._labels: list[tuple[NDArray[np.uint64], NDArray[np.bool_]]] = []
        by = pipeline.label_topic
        self._known = None if by is None else Decoder(by.schema, pipeline.max_event_bytes)

    def watch(self, records: Slice, output: Output) -> None:
        """Take in a slice, and what it brought."""
        if records.topic == self._pipeline.events.name:
            if len(output.predictions):
                self._scored(records, output)
        else:
            self._labelled(records)

    def past(self) -> Past:
        """All events whose label is known, in order of time.

        Where silence means something, these are the events of the days whose last had time for its
        label to come; of later ones only frauds would be known, and no genuine ones.
        """
        parts = self._parts
        if not parts:
            raise self._nothing("scored no event")
        columns: dict[str, NDArray[Any]] = {
            name: np.concatenate([np.asarray(part[name]) for part in parts])
            for name in parts[0]
            if name != "key"
        }
        fraud, known = columns.get("fraud"), np.ones(len(columns["score"]), np.bool_)
        if fraud is None:
            fraud, known = self._judged(columns["id"], columns["micros"])
        order = np.argsort(columns["micros"], kind="stable")
        order = order[known[order]]
        if not len(order):
            raise self._nothing("knows no label")
        keys: list[str | None] | None = None
        if self._one_per is not None:
            every = [key for part in parts for key in listed(part["key"])]
            keys = [every[place] for place in order.tolist()]
        return Past(
            columns["score"][order],
            columns["micros"][order],
            fraud[order].astype(np.bool_),
            columns["amount"][order],
            keys,
            columns["stopped"][order],
        )

    def _nothing(self, why: str) -> TeachingError:
        return TeachingError(
            f"what if, of {self._pipeline.name}, which {why}",
            "scores are held against the labels that came since",
            "topics or files with events whose labels are known",
        )

    def _scored(self, records: Slice, output: Output) -> None:
        pipeline, values = self._pipeline, output.predictions.values
        found = self._answers.decode_lines(b"\n".join(value or b"" for value in values))
        severest = True if pipeline.decide is None else answers(pipeline.decide)[-1]
        decoded = self._events.decode(records)
        offsets = chosen(whole_numbers(records.offsets), decoded.places)
        places = np.flatnonzero(np.isin(offsets, [it.offset for it in found]))
        nan = float("nan")
        part: dict[str, Column] = {
            "score": np.array([nan if it.score is None else it.score for it in found]),
            "micros": np.array([(it.at - _EPOCH) // _MICROSECOND for it in found], np.int64),
            "stopped": np.array([it.decision == severest for it in found], np.bool_),
            "amount": np.ones(len(found)),
        }

        def column(field: str) -> Column:
            return chosen(decoded.column(field), places)

        if self._amount is not None:
            part["amount"] = np.array([it or 0.0 for it in listed(column(self._amount))], float)
        if self._one_per is not None:
            part["key"] = texts(column(self._one_per))
        if pipeline.label_field is not None:
            part["fraud"] = np.array([bool(it) for it in listed(column(pipeline.label_field))])
        elif pipeline.events.id is not None:
            part["id"] = digests(texts(column(pipeline.events.id)))[:, 0]
        self._parts.append(part)

    def _labelled(self, records: Slice) -> None:
        by = self._pipeline.label_topic
        assert by is not None
        assert self._known is not None
        decoded = self._known.decode(records)
        ids = digests(texts(decoded.column(by.id)))[:, 0]
        values: Sequence[Any] = listed(decoded.column(by.value))
        self._labels.append((ids, np.array([bool(value) for value in values], np.bool_)))

    def _judged(
        self, ids: NDArray[np.uint64], micros: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The last label of each event, and whether it is known."""
        by = self._pipeline.label_topic
        assert by is not None
        fraud, known = np.zeros(len(ids), np.bool_), np.zeros(len(ids), np.bool_)
        if by.maturity is not None:
            known = micros // DAY < (micros.max() - by.maturity * 1e6) // DAY
            fraud[:] = bool(by.otherwise)
        if self._labels:
            named, values = map(np.concatenate, zip(*self._labels, strict=True))
            # Of labels for one event the last counts: the first of them in reverse.
            of, last = np.unique(named[::-1], return_index=True)
            place = np.minimum(np.searchsorted(of, ids), len(of) - 1)
            found = of[place] == ids
            fraud[found] = values[::-1][last][place[found]]
            if by.maturity is None:
                known = found
        return fraud, known
