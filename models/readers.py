"""Carries a feature out over whole columns: the fast twin of `models.named`, equal to the bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.bags import Bag
from models.clock import LABELS, elapsed, ordinals
from models.column import Columns
from models.compiled import compiled
from models.feature import Feature
from models.features import Clock, Cross, Hashed, Number
from models.hashing import MISSING, fold, signs, token
from models.memory import Memory
from models.scaling import Scale, numbers, rescale
from models.sliding import Sliding

__all__ = ["Part", "Reader", "reader"]


class Part(NamedTuple):
    """What a feature, or one part of a clock, adds to each of n rows.

    Attributes:
        columns: how many it has.
        lengths: int64[n], entries of each row, of a single column; none: one of each column.
        tokens: uint32, those of the entries, row by row; none: they are numbers in slots.
        values: float64, the same, with the tokens' signs in them; none, where there are no
            `lengths`: the signs themselves.
    """

    columns: int
    lengths: NDArray[np.int64]
    tokens: NDArray[np.uint32]
    values: NDArray[np.float64]


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
    part = _numeric([feature.name], feature.scale, seed, memory, slots)

    def read(columns: Columns) -> Sequence[Part]:
        return (part(numbers(columns[feature.field])[:, np.newaxis]),)

    return read


def _category(feature: Hashed | Cross, seed: int) -> Reader:
    name = np.array([token(feature.name, (), seed)], np.uint32)
    fields = feature.fields

    def read(columns: Columns) -> Sequence[Part]:
        tokens = name
        for field in fields:
            tokens = fold(tokens, columns[field])
        return (Part(1, _ONE_EACH, tokens, _SIGNS),)

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
            Part(1, _ONE_EACH, table[ordinals(part, days, seconds)], _SIGNS)
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
        return (Part(1, np.array(lengths, np.int64), tokens, values),)

    return read


def _sliding(feature: Sliding, seed: int, memory: Memory, slots: bool) -> Reader:
    part = _numeric(feature.names, feature.scale, seed, memory, slots)
    feature.enter(memory)

    def read(columns: Columns) -> Sequence[Part]:
        return (part(feature.figures(columns, memory)),)

    return read


def _numeric(
    names: Sequence[str], scale: Scale | None, seed: int, memory: Memory, slots: bool
) -> Callable[[NDArray[np.float64]], Part]:
    """How numbers of these names, float64[n, names], become a part; they are overwritten."""
    moments = [memory.moments(name) for name in names] if scale == "standard" else []
    own = np.array([token(name, (), seed) for name in names], np.uint32)
    missing = np.array([token(name, (MISSING,), seed) for name in names], np.uint32)
    sign = signs(missing)

    def part(block: NDArray[np.float64]) -> Part:
        block = np.ascontiguousarray(block)
        rescale(block, scale, moments)
        values, tokens = block.reshape(-1), _IN_SLOT
        if not slots:
            tokens = np.empty(len(values), np.uint32)
            _fill_gaps(values, tokens, own, missing, sign)
        return Part(len(names), _ONE_EACH, tokens, values)

    return part


@compiled
def _fill_gaps(
    values: NDArray[np.float64],
    tokens: NDArray[np.uint32],
    own: NDArray[np.uint32],
    missing: NDArray[np.uint32],
    sign: NDArray[np.float64],
) -> None:
    """The token of each number, row by row; a missing one has its own, and the sign as its value.

    The last three are those of each column.
    """
    for column in range(len(own)):
        for place in range(column, len(values), len(own)):
            gap = math.isnan(values[place])
            tokens[place] = missing[column] if gap else own[column]
            if gap:
                values[place] = sign[column]
