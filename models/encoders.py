"""Encoders: events, given as columns, become the rows a model reads."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.column import EVENT_TIME, Column, Columns, chosen, listed
from models.compiled import compiled
from models.dictrows import DictRows
from models.feature import Feature, FeatureError
from models.features import Counts, Number
from models.hashing import MAX_BITS
from models.memory import Memory, Spread
from models.named import flat
from models.protocol import Plan, State
from models.readers import Part, reader
from models.rows import Rows
from models.scaling import LARGEST, unusable
from models.sliding import Sliding
from models.spill import Spill
from models.windows import Windows

__all__ = ["Encoder", "HashedEncoder", "NamedEncoder"]


class Encoder(Protocol):
    """Turns events into rows, one after another: how they are cut into batches is all the same.

    Attributes:
        fields: the event's fields it reads.
        truncated: by feature, how many events held more than its limit; a gauge, not state.
    """

    fields: tuple[str, ...]
    truncated: Mapping[str, int]

    def append(self, columns: Columns, n: int, rows: Any, plan: Plan | None = None) -> None:
        """Append the rows of `n` events, given as a column for each field.

        When they happened, which a `models.window.Window` asks for, stands in `EVENT_TIME`. `plan`
        scores these rows in order, and learns labels in between, which a
        `models.labelrate.LabelRate` asks for; None: nothing is learned.
        """

    def learn(self, plan: Plan) -> None:
        """Take the labels of a plan that scores nothing."""

    def drop_before(self, row: int) -> None:
        """Forget what is kept of rows below `row` for the time when their labels come."""

    def spill_to(self, spill: Spill) -> None:
        """Keep what is kept of events until their label comes in files from now on."""

    def unusable(self, columns: Columns) -> Mapping[int, str]:
        """By place, the events with a number no model can take (NaN, infinite, huge), and why.

        A row never holds such a number: one that is encoded all the same counts as missing.
        """

    def describe(self) -> Mapping[str, Any]:
        """All that rows depend on besides the events, for the pipeline's fingerprint."""

    def spreads(self) -> Mapping[str, Spread]:
        """What the numbers of each standardised column have been so far."""

    def summary(self) -> Mapping[str, int]:
        """A few gauges: what is remembered of the events, and what was lost."""

    @property
    def shared(self) -> Sequence[Windows]:
        """The windows that partitions share, in an order that follows from the features."""

    def state(self) -> State:
        """What later rows depend on."""

    def restore(self, state: State) -> None:
        """Take over the state of an encoder with the same description."""


class _Remembering:
    """What both encoders do with what they remember of the events."""

    def __init__(self) -> None:
        self._memory = Memory()
        self.truncated = self._memory.truncated

    def learn(self, plan: Plan) -> None:
        """Take the labels of a plan that scores nothing."""
        self._memory.learn(plan)

    def spreads(self) -> Mapping[str, Spread]:
        """What the numbers of each standardised column have been so far."""
        return self._memory.spreads()

    def drop_before(self, row: int) -> None:
        """Forget what is kept of rows below `row` for the time when their labels come."""
        self._memory.drop_before(row)

    def spill_to(self, spill: Spill) -> None:
        """Keep what is kept of events until their label comes in files from now on."""
        self._memory.spill_to(spill)

    def summary(self) -> Mapping[str, int]:
        """What its windows hold, and what they have lost."""
        return self._memory.summary()

    @property
    def shared(self) -> Sequence[Windows]:
        """The windows that partitions share, in an order that follows from the features."""
        return self._memory.shared

    def state(self) -> State:
        """The moments of standardised numbers, and the windows."""
        return self._memory.state()

    def restore(self, state: State) -> None:
        """Take over the moments of standardised numbers, and the windows."""
        self._memory.restore(state)


class HashedEncoder(_Remembering):
    """Hashes features into buckets, whole columns at a time; see `models.hashing`.

    Five categories, two numbers and two parts of a date cost 0.6 µs an event in batches of 4,096.

    Args:
        features: what a row is made of.
        bits: of a bucket's number.
        seed: of the hashes.
        slots: give numbers slots instead of buckets: entry -1 of a row is its first number, -2 the
            second, NaN where one is missing.
    """

    def __init__(
        self, features: Sequence[Feature], bits: int, seed: int = 0, *, slots: bool = False
    ) -> None:
        if not 1 <= bits <= MAX_BITS:
            raise FeatureError(
                f"bits={bits}",
                f"a row addresses 2^bits buckets; bits is from 1 to {MAX_BITS}",
                "bits=20",
            )
        super().__init__()
        self.features = tuple(features)
        self.fields = _fields(features)
        self.bits = bits
        self.seed = seed
        self._numbers = _numbers(features)
        self._slots = slots
        self._readers = [reader(it, seed, self._memory, slots=slots) for it in features]
        self._lengths: list[tuple[int, NDArray[np.int64]]] = []

    def append(self, columns: Columns, n: int, rows: Rows, plan: Plan | None = None) -> None:
        """Append the rows of `n` events, given as a column for each field."""
        self._memory.plan = plan
        parts = [part for read in self._readers for part in read(columns)]
        _lay_out(parts, self.bits, *rows.extend(_lengths(parts, n)))
        self._lengths = [(part.columns, part.lengths) for part in parts]

    def lengths(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many entries each column has in rows of the last batch, int64[columns, places]."""
        return np.vstack(
            [
                each[places] if len(each) else np.ones((columns, len(places)), np.int64)
                for columns, each in self._lengths
            ]
        )

    def unusable(self, columns: Columns) -> Mapping[int, str]:
        """By place, the events with a number no model can take, and why."""
        return _unusable(columns, self._numbers)

    def describe(self) -> Mapping[str, Any]:
        """Form, bits, seed and features, and where numbers are, if not in buckets."""
        features = [feature.describe() for feature in self.features]
        described = {"form": "hashed", "bits": self.bits, "seed": self.seed, "features": features}
        return {**described, "numbers": "slots"} if self._slots else described


class NamedEncoder(_Remembering):
    """Gives each event to a River estimator as a dict of features by name; see `models.named.flat`.

    With ``features=None`` it is the event itself: all of `fields`, as they are.
    """

    def __init__(self, features: Sequence[Feature] | None, fields: Sequence[str] = ()) -> None:
        super().__init__()
        self.features = None if features is None else tuple(features)
        self.fields = tuple(fields) if features is None else _fields(features)
        for feature in self.features or ():
            feature.enter(self._memory)

    def append(self, columns: Columns, n: int, rows: DictRows, plan: Plan | None = None) -> None:
        """Append the dicts of `n` events, given as a column for each field."""
        self._memory.plan = plan
        listed_columns: dict[str, Column] = {field: listed(columns[field]) for field in self.fields}
        if self.features is None:
            rows.append(_dicts(listed_columns, n))
            return
        if EVENT_TIME in columns:
            listed_columns[EVENT_TIME] = columns[EVENT_TIME]
        values: dict[str, Sequence[Any]] = {}
        for feature in self.features:
            # One object for each name, whatever the slice: a pickle tells the same from equal ones.
            found = feature.read(listed_columns, self._memory)
            values |= {sys.intern(name): column for name, column in found.items()}
        dicts = _dicts(values, n)
        plain = all(_FLAT.issuperset(map(type, column)) for column in values.values())
        rows.append(dicts if plain else list(map(flat, dicts)))

    def spreads(self) -> Mapping[str, Spread]:
        """What the numbers of each standardised column have been so far."""
        return self._memory.spreads()

    def unusable(self, columns: Columns) -> Mapping[int, str]:
        """By place, the events with a number no model can take, and why."""
        if self.features is not None:
            return _unusable(columns, _numbers(self.features))
        return _unusable(columns, [field for field in self.fields if _has_numbers(columns[field])])

    def describe(self) -> Mapping[str, Any]:
        """Form, fields and features."""
        features = self.features and [feature.describe() for feature in self.features]
        return {"form": "named", "fields": self.fields, "features": features}


_FLAT = frozenset((float, int, bool, str))
"""Types of values that `flat` leaves as they are."""


def _fields(features: Iterable[Feature]) -> tuple[str, ...]:
    """The fields that features read, each once."""
    return tuple(dict.fromkeys(field for feature in features for field in feature.fields))


def _dicts(columns: Columns, n: int) -> list[dict[str, Any]]:
    """Columns as n dicts."""
    if not columns:
        return [{} for _ in range(n)]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _numbers(features: Iterable[Feature]) -> tuple[str, ...]:
    """The fields that are read as numbers, each once."""
    fields: list[str] = []
    for feature in features:
        if isinstance(feature, Number | Counts):
            fields += feature.fields
        elif isinstance(feature, Sliding):
            fields += feature.numbers
    return tuple(dict.fromkeys(fields))


def _has_numbers(column: Column) -> bool:
    if isinstance(column, np.ndarray):
        return column.dtype.kind in "if"
    return isinstance(next((v for v in column if v is not None), None), int | float | dict)


def _unusable(columns: Columns, fields: Iterable[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for field in fields:
        if places := unusable(columns[field]):
            for place, value in zip(places, listed(chosen(columns[field], places)), strict=True):
                found[place] = f"{field} is {value!r}: not finite, or beyond ±{LARGEST:g}"
    return found


def _lengths(parts: Sequence[Part], n: int) -> NDArray[np.int64]:
    """How many entries the rows have that parts make."""
    lengths = np.full(n, sum(part.columns for part in parts if not len(part.lengths)))
    for part in parts:
        if len(part.lengths):
            lengths += part.lengths
    return lengths


def _lay_out(
    parts: Sequence[Part],
    bits: int,
    place: NDArray[np.int64],
    index: NDArray[np.int32],
    value: NDArray[np.float64],
) -> None:
    """Write the buckets and values of parts into rows that begin at these places."""
    mask = (1 << bits) - 1
    numbers = 0
    for columns, each, tokens, values in parts:
        if len(each):
            _place_some(each, tokens, values, mask, place, index, value)
        elif len(tokens):
            _place(columns, tokens, values, mask, place, index, value)
        else:
            _put(columns, numbers, values, place, index, value)
            numbers += columns


@compiled
def _place(
    columns: int,
    tokens: NDArray[np.uint32],
    values: NDArray[np.float64],
    mask: int,
    place: NDArray[np.int64],
    index: NDArray[np.int32],
    value: NDArray[np.float64],
) -> None:
    """Write so many entries where each row has its next free place, and move that on."""
    signs = len(values) == 0
    for column in range(columns):
        for row in range(len(place)):
            token = tokens[row * columns + column]
            index[place[row]] = token & mask
            if signs:
                value[place[row]] = -1.0 if token >> 31 else 1.0
            else:
                value[place[row]] = values[row * columns + column]
            place[row] += 1


@compiled
def _place_some(
    lengths: NDArray[np.int64],
    tokens: NDArray[np.uint32],
    values: NDArray[np.float64],
    mask: int,
    place: NDArray[np.int64],
    index: NDArray[np.int32],
    value: NDArray[np.float64],
) -> None:
    """The same where each row has as many entries as `lengths` says, and their values are given."""
    source = 0
    for row in range(len(place)):
        for _ in range(lengths[row]):
            index[place[row]] = tokens[source] & mask
            value[place[row]] = values[source]
            place[row] += 1
            source += 1


@compiled
def _put(
    columns: int,
    before: int,
    values: NDArray[np.float64],
    place: NDArray[np.int64],
    index: NDArray[np.int32],
    value: NDArray[np.float64],
) -> None:
    """The same of numbers in slots, of which there are so many before them."""
    for column in range(columns):
        for row in range(len(place)):
            index[place[row]] = -1 - before - column
            value[place[row]] = values[row * columns + column]
            place[row] += 1
