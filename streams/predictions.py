"""What is answered for each event, as lines of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import repeat
from types import MappingProxyType

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.column import Column, listed
from models.protocol import Target
from models.textcolumn import TextColumn
from streams.eventtimes import EventTimes
from streams.jsontext import booleans, instants, quoted, spelled, woven
from streams.reasons import Reason

__all__ = ["Prediction", "lines"]

_NOTHING: Mapping[str, ByteColumn] = MappingProxyType({})

_FEW = 40
"""Up to so many, msgspec has written their structs before the passes have begun."""


class Prediction(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One line of the predictions topic.

    Attributes:
        id: the event's id; None when the pipeline declares none.
        key: the event's key, as text; it is the Kafka key as well.
        score: probability, value or anomaly score; None while the model has no answer.
        decision: by the pipeline's rule, or else the model's own answer.
        model: the pipeline's name and fingerprint.
        learned: how many labels this partition had learned when it scored the event.
        at: event time.
        partition: of the events topic.
        offset: of the event in that partition.
        reasons: what added most to the score of an event that was decided upon, where the pipeline
            asks for it; written before `partition`.
    """

    id: str | None
    key: str | None
    score: float | None
    decision: Target | None
    model: str
    learned: int
    at: datetime
    partition: int
    offset: int
    reasons: tuple[Reason, ...] = ()


def lines(
    ids: TextColumn | None,
    keys: ByteColumn,
    score: NDArray[np.float64],
    decision: Column,
    model: str,
    learned: NDArray[np.int64],
    at: EventTimes,
    partition: int,
    offsets: NDArray[np.int64],
    extra: Mapping[str, ByteColumn] = _NOTHING,
) -> ByteColumn:
    """A column of predictions, each as msgspec would encode the `Prediction`, byte for byte.

    Args:
        ids: n; None where the pipeline declares none.
        keys: n; bytes that are no UTF-8 become replacement characters.
        score: float64[n], NaN where there is no answer.
        decision: n.
        model: of all of them.
        learned: int64[n].
        at: n.
        partition: of all of them.
        offsets: int64[n].
        extra: further fields by name, n JSON values each, to stand behind `at`.
    """
    if len(offsets) <= _FEW and not extra:
        times = at.given or listed(at.micros.view("datetime64[us]"))
        structs = map(
            Prediction,
            repeat(None) if ids is None else ids.tolist(),
            keys.texts(),
            score.tolist(),
            listed(decision),
            repeat(model),
            learned.tolist(),
            times,
            repeat(partition),
            offsets.tolist(),
        )
        return spelled(list(structs))
    columns = {
        b'"key":': quoted(_utf8(keys)),
        b'"score":': spelled(score.tolist()),
        b'"decision":': _decisions(decision),
        b'"model":%b,"learned":' % msgspec.json.encode(model): TextColumn.of_integers(learned).utf8,
        b'"at":': instants(at.micros) if at.given is None else spelled(at.given),
        **{b'"%b":' % name.encode(): values for name, values in extra.items()},
        b'"partition":%d,"offset":' % partition: TextColumn.of_integers(offsets).utf8,
    }
    if ids is not None:
        columns = {b'"id":': quoted(ids.utf8), **columns}
    opening = b"{" if ids is not None else b'{"id":null,'
    first, *others = columns
    pieces = [opening + first, *(b"," + name for name in others), b"}"]
    return woven(pieces, columns.values())


def _utf8(keys: ByteColumn) -> ByteColumn:
    if keys.is_ascii:
        return keys
    return TextColumn.of(keys.texts()).utf8


def _decisions(column: Column) -> ByteColumn:
    if isinstance(column, np.ndarray) and column.dtype == np.bool_:
        return booleans(column)
    return spelled(listed(column))
