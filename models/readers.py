"""Carries a feature out over whole columns: the fast twin of `models.named`, equal to the bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.bags import Bag
from models.clock import LABELS, elapsed, ordinals
from models.column import Column, Columns
from models.compiled import compiled
from models.feature import Feature
from models.features import Clock, Cross, Hashed, Number
from models.hashing import MISSING, fold, sign, signs, token
from models.memory import Memory
from models.scaling import Scale, numbers, scaled
from models.sliding import Sliding

__all__ = ["Part", "Reader", "reader"]


Part: TypeAlias = tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float64]]
"""What a feature, or one part of a clock, adds to each of n rows: lengths, tokens and values.

    int64[n], entries of each row; none: one each.
    uint32[sum(lengths)], the rows' tokens laid end to end; none: it is a number in a slot.
    float64[sum(lengths)], with the tokens' signs in them; none: the signs themselves.
"""

_ONE_EACH, _IN_SLOT, _SIGNS = np.empty(0, np.int64), np.empty(0, np.uint32), np.empty(0)

Reader: TypeAlias = Callable[[Columns], Sequence[Part]]
"""Reads a feature off columns of one length."""


def reader(feature: Feature, seed: int, memory: Memory, *, slots: bool = False) -> Reader:
    """How to read a feature, with hashes of that seed; `memory` is kept up to date.

    With `slots`, a number is no token with a weight of its own, but a value in a slot of the row,
    NaN where it is missing.
    """
    match feature:
        case Number():
            return _number(feature, seed, memory, slots)
        case Hashed() | Cross():
            return _category(feature, seed)
        case Clock():
            return _clock(feature, seed)
        case Bag():
            return _bag(feature, seed, memory)
        case Sliding():
            return _sliding(feature, seed, memory, slots)
    raise TypeError(f"models.readers does not know how to read a {type(feature).__name__}")


def _number(feature: Number, seed: int, memory: Memory, slots: bool) -> Reader:
    part = _numeric(feature.name, feature.scale, seed, memory, slots)

    def read(columns: Columns) -> Sequence[Part]:
        return (part(columns[feature.field]),)

    return read


def _category(feature: Hashed | Cross, seed: int) -> Reader:
    name = np.array([token(feature.name, (), seed)], np.uint32)
    fields = feature.fields

    def read(columns: Columns) -> Sequence[Part]:
        tokens = name
        for field in fields:
            tokens = fold(tokens, columns[field])
        return ((_ONE_EACH, tokens, _SIGNS),)

    return read


def _clock(feature: Clock, seed: int) -> Reader:
    # The token of each label, and last, where ordinal -1 finds it, that of a missing date.
    tables = {
        part: np.array(
            [token(f"{feature.name}.{part}", (label,), seed) for label in (*LABELS[part], MISSING)],
            np.uint32,
        )
        for part in feature.parts
    }

    def read(columns: Columns) -> Sequence[Part]:
        days, seconds = elapsed(columns[feature.field])
        return [
            (_ONE_EACH, table[ordinals(part, days, seconds)], _SIGNS)
            for part, table in tables.items()
        ]

    return read


def _bag(feature: Bag, seed: int, memory: Memory) -> Reader:
    name = np.array([token(feature.name, (), seed)], np.uint32)

    def read(columns: Columns) -> Sequence[Part]:
        lengths: list[int] = []
        found: list[str | None] = []
        counts: list[float] = []
        for elements in feature.read(columns, memory)[feature.name]:
            present = [None] if elements is None else elements
            lengths.append(len(present))
            found.extend(present)
            counts.extend(present.values() if isinstance(present, dict) else [1.0] * len(present))
        tokens = fold(name, found)
        values = np.nan_to_num(numbers(counts), copy=False) * signs(tokens)
        return ((np.array(lengths, np.int64), tokens, values),)

    return read


def _sliding(feature: Sliding, seed: int, memory: Memory, slots: bool) -> Reader:
    parts = [_numeric(name, feature.scale, seed, memory, slots) for name in feature.names]
    feature.enter(memory)

    def read(columns: Columns) -> Sequence[Part]:
        found = feature.figures(columns, memory)
        return [part(figures) for part, figures in zip(parts, found, strict=True)]

    return read


def _numeric(
    name: str, scale: Scale | None, seed: int, memory: Memory, slots: bool
) -> Callable[[Column], Part]:
    """How numbers of that name become a part."""
    moments = memory.moments(name) if scale == "standard" else None
    own, missing = token(name, (), seed), token(name, (MISSING,), seed)

    def part(column: Column) -> Part:
        values = scaled(column, scale, moments)
        if slots:
            return _ONE_EACH, _IN_SLOT, values
        tokens = np.empty(len(values), np.uint32)
        _fill_gaps(values, tokens, own, missing, sign(missing))
        return _ONE_EACH, tokens, values

    return part


@compiled
def _fill_gaps(
    values: NDArray[np.float64], tokens: NDArray[np.uint32], own: int, missing: int, sign: float
) -> None:
    """The token of each number; a missing one has its own, and the sign as its value."""
    for row in range(len(values)):
        gap = math.isnan(values[row])
        tokens[row] = missing if gap else own
        if gap:
            values[row] = sign
