"""Carries a feature out over whole columns: the fast twin of `models.named`, equal to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.bags import Bag
from models.clock import LABELS, elapsed, ordinals
from models.column import Columns
from models.feature import Feature
from models.features import Clock, Cross, Hashed, Number
from models.hashing import MISSING, fold, sign, signs, token
from models.memory import Memory
from models.scaling import numbers, scaled

__all__ = ["Part", "Reader", "reader"]


class Part(NamedTuple):
    """What a feature, or one part of a clock, adds to each of n rows.

    Attributes:
        lengths: int64[n], entries of each row; None: one each.
        tokens: uint32[sum(lengths)], the rows' tokens laid end to end.
        values: float64[sum(lengths)], with the tokens' signs in them; none: the signs themselves.
    """

    lengths: NDArray[np.int64] | None
    tokens: NDArray[np.uint32]
    values: NDArray[np.float64]


_SIGNS = np.empty(0)

Reader: TypeAlias = Callable[[Columns], Iterator[Part]]
"""Reads a feature off columns of one length."""


def reader(feature: Feature, seed: int, memory: Memory) -> Reader:
    """How to read a feature, with hashes of that seed; `memory` is kept up to date."""
    match feature:
        case Number():
            return _number(feature, seed, memory)
        case Hashed() | Cross():
            return _category(feature, seed)
        case Clock():
            return _clock(feature, seed)
        case Bag():
            return _bag(feature, seed, memory)
    raise TypeError(f"models.readers does not know how to read a {type(feature).__name__}")


def _number(feature: Number, seed: int, memory: Memory) -> Reader:
    moments = memory.moments(feature.name) if feature.scale == "standard" else None
    own = token(feature.name, (), seed)
    missing = token(feature.name, (MISSING,), seed)

    def read(columns: Columns) -> Iterator[Part]:
        values = scaled(columns[feature.field], feature.scale, moments)
        tokens = np.full(len(values), own, np.uint32)
        gaps = np.isnan(values)
        tokens[gaps], values[gaps] = missing, sign(missing)
        yield Part(None, tokens, values)

    return read


def _category(feature: Hashed | Cross, seed: int) -> Reader:
    name = token(feature.name, (), seed)

    def read(columns: Columns) -> Iterator[Part]:
        tokens = np.full(len(columns[feature.fields[0]]), name, np.uint32)
        for field in feature.fields:
            fold(tokens, columns[field])
        yield Part(None, tokens, _SIGNS)

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

    def read(columns: Columns) -> Iterator[Part]:
        days, seconds = elapsed(columns[feature.field])
        for part, table in tables.items():
            tokens = table[ordinals(part, days, seconds)]
            yield Part(None, tokens, _SIGNS)

    return read


def _bag(feature: Bag, seed: int, memory: Memory) -> Reader:
    name = token(feature.name, (), seed)

    def read(columns: Columns) -> Iterator[Part]:
        lengths: list[int] = []
        found: list[str | None] = []
        counts: list[float] = []
        for elements in feature.read(columns, memory)[feature.name]:
            present = [None] if elements is None else elements
            lengths.append(len(present))
            found.extend(present)
            counts.extend(present.values() if isinstance(present, dict) else [1.0] * len(present))
        tokens = np.full(len(found), name, np.uint32)
        fold(tokens, found)
        values = np.nan_to_num(numbers(counts), copy=False) * signs(tokens)
        yield Part(np.array(lengths, np.int64), tokens, values)

    return read
