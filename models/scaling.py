"""Numbers as a model reads them: finite, and on a scale it can learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.column import Column
from models.compiled import compiled

__all__ = ["LARGEST", "Scale", "numbers", "rescale", "scaled", "unusable", "usable"]

LARGEST = 1e100
"""Beyond ±1e100 a number is refused as NaN and infinities are: its square could overflow."""

Scale: TypeAlias = Literal["log", "standard"]


def usable(value: Any) -> bool:
    """Whether a number, or each number of a dict, is finite and at most `LARGEST`; None is."""
    if isinstance(value, dict):
        return all(map(usable, value.values()))
    if isinstance(value, np.floating | np.integer):
        value = value.item()
    return not isinstance(value, int | float) or abs(value) <= LARGEST


def unusable(column: Column) -> list[int]:
    """Places of the values in a column of numbers, or of dicts of numbers, that are not `usable`.

    A clean column of numbers costs one pass over an array.
    """
    if isinstance(column, np.ndarray):
        if column.dtype == np.float64 and _all_usable(column):
            return []
        return (np.abs(column) > LARGEST).nonzero()[0].tolist()
    try:
        array = np.array(column, np.float64)
    except (TypeError, ValueError, OverflowError):
        suspects: Sequence[int] = range(len(column))
    else:
        suspects = np.flatnonzero(~(np.abs(array) <= LARGEST)).tolist()
    return [place for place in suspects if not usable(column[place])]


def numbers(column: Column) -> NDArray[np.float64]:
    """A column as float64[n], with NaN for None and for what is not `usable`."""
    try:
        array = np.array(column, np.float64)
    except OverflowError:  # an integer no float can hold
        array = np.array([v if usable(v) else None for v in column], np.float64)
    _drop_unusable(array)
    return array


def scaled(
    column: Column, scale: Scale | None, moments: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """A column of numbers on its scale: float64[n], NaN where a number is missing.

    Args:
        column: numbers, None where one is missing.
        scale: ``"log"``: sign(x)·log(1 + |x|). ``"standard"``: (x − mean) / standard deviation of
            all numbers so far, this one included, 0 while they are all equal. None: as they are.
        moments: count, mean and sum of squared deviations of what ``"standard"`` has seen so
            far, float64[3]; brought up to date.
    """
    array = numbers(column)
    rescale(array[:, np.newaxis], scale, () if moments is None else (moments,))
    return array


def rescale(
    block: NDArray[np.float64], scale: Scale | None, moments: Sequence[NDArray[np.float64]]
) -> None:
    """Put columns of numbers on their scale, in place, NaN where one is missing or not `usable`.

    Args:
        block: float64[n, k], without gaps in memory.
        scale: as of `scaled`.
        moments: of each column, as of `scaled`.
    """
    array = block.reshape(-1)
    _drop_unusable(array)
    if scale == "log":
        _log(array)
    elif scale == "standard":
        assert len(moments) == block.shape[1]
        together, variance = np.array(moments), np.empty_like(block)
        _center(block, together, variance)
        _divide(array, variance.reshape(-1))
        for own, new in zip(moments, together, strict=True):
            own[:] = new


@compiled
def _all_usable(array: NDArray[np.float64]) -> bool:
    good = True
    for row in range(len(array)):
        good &= not abs(array[row]) > LARGEST
    return good


@compiled
def _drop_unusable(array: NDArray[np.float64]) -> None:
    for row in range(len(array)):
        if not abs(array[row]) <= LARGEST:
            array[row] = np.nan


@compiled
def _log(array: NDArray[np.float64]) -> None:
    for row in range(len(array)):
        array[row] = math.copysign(math.log1p(abs(array[row])), array[row])


@compiled
def _center(
    block: NDArray[np.float64], moments: NDArray[np.float64], variance: NDArray[np.float64]
) -> None:
    """Subtract from each number the mean of all so far; what their variance is by then.

    Welford, *Note on a method for calculating corrected sums of squares* (1962), one by one. Row by
    row, for while one column waits for its division, the next one goes on.
    """
    for row in range(len(block)):
        for column in range(len(moments)):
            x = block[row, column]
            if math.isnan(x):
                variance[row, column] = 1.0
                continue
            count, mean, squares = moments[column, 0], moments[column, 1], moments[column, 2]
            count += 1.0
            delta = x - mean
            mean += delta / count
            squares += delta * (x - mean)
            moments[column, 0], moments[column, 1], moments[column, 2] = count, mean, squares
            block[row, column] = x - mean
            variance[row, column] = squares / count


@compiled
def _divide(array: NDArray[np.float64], variance: NDArray[np.float64]) -> None:
    """By standard deviations, several at a time; 0 where they are."""
    for place in range(len(array)):
        deviation = math.sqrt(variance[place])
        array[place] = array[place] / deviation if deviation > 0.0 else 0.0
