"""The compiled arithmetic of `models.pairwise`: one call walks a plan.

As in `models.kernels`, only operations that IEEE 754 defines to the bit are used, in a fixed order.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import edges as cutting
from models import kernels
from models.compiled import fused
from models.edges import Edges, note, place
from models.kernels import sigmoid
from models.protocol import LEARN

__all__ = ["Work", "divide", "read", "walk"]

_kernel = fused(cutting, kernels)

# A step whose squared gradient could reach this is not taken: no sum of such squares overflows.
_STEEPEST = 1e150


class Work(NamedTuple):
    """A model at work, with room for what a step needs.

    The ensemble's m members have bins of their own. A member's lines are, in this order: of each
    pair of numbers one for each pair of their bins, of each number one for each bin, of each bucket
    of the categories one, and the intercept.

    Attributes:
        lines: float64[all lines, 2]: weight, and AdaGrad's Σg².
        begin: int64[m], the first of each member's lines.
        buckets: int64[m], the first of those of its categories.
        intercept: int64[m], the last of its lines.
        sizes: int64[m], how many bins a member has, with one for what is missing.
        group: int64[m, finest + 1], to which of a member's bins each of the finest belongs.
        numbers: float64[d], of the row at hand; NaN for one that is missing.
        bins: int64[d], the finest bins of these.
        cells: int64[m, d(d + 1)/2], the lines of the row's pairs and numbers.
        margins: float64[m], log-odds of the row.
        weights: float64[d(d + 1)/2], scratch; `squares` likewise.
        shares: float64[d], what each number adds to the members' log-odds together.
        counts: int64[2], labels learned and labels skipped.
        at: int64[4], steps done, scores given, labels met, entries divided.
    """

    lines: NDArray[np.float64]
    begin: NDArray[np.int64]
    buckets: NDArray[np.int64]
    intercept: NDArray[np.int64]
    sizes: NDArray[np.int64]
    group: NDArray[np.int64]
    numbers: NDArray[np.float64]
    bins: NDArray[np.int64]
    cells: NDArray[np.int64]
    margins: NDArray[np.float64]
    weights: NDArray[np.float64]
    squares: NDArray[np.float64]
    shares: NDArray[np.float64]
    counts: NDArray[np.int64]
    at: NDArray[np.int64]


@_kernel
def read(
    work: Work,
    edges: Edges,
    index: NDArray[np.int32],
    value: NDArray[np.float64],
    start: int,
    stop: int,
) -> bool:
    """Find the lines of a row and the members' margins; whether the model has all that it names.

    Args:
        work: receives them.
        edges: of the numbers.
        index, value: entries of rows: a bucket and its value, or -1, -2, … and the first, second, …
            number.
        start, stop: where the row's entries are.
    """
    numbers, members = len(work.numbers), len(work.sizes)
    for number in range(numbers):
        work.numbers[number] = np.nan
    for j in range(start, stop):
        if index[j] < 0:
            if -1 - index[j] >= numbers:
                return False
            work.numbers[-1 - index[j]] = value[j]
        elif index[j] >= work.intercept[0] - work.buckets[0]:
            return False
    for number in range(numbers):
        work.bins[number] = place(edges, number, work.numbers[number])
    for m in range(members):
        # Two sums, as one addition need not wait for the other's end.
        even, odd = work.lines[work.intercept[m], 0], 0.0
        line, size, k = work.begin[m], work.sizes[m], 0
        for one in range(numbers):
            first = work.group[m, work.bins[one]] * size
            for other in range(one):
                cell = line + first + work.group[m, work.bins[other]]
                work.cells[m, k] = cell
                if k & 1:
                    odd += work.lines[cell, 0]
                else:
                    even += work.lines[cell, 0]
                line += size * size
                k += 1
        for one in range(numbers):
            cell = line + work.group[m, work.bins[one]]
            work.cells[m, k] = cell
            odd += work.lines[cell, 0]
            line += size
            k += 1
        for j in range(start, stop):
            if index[j] >= 0:
                even += work.lines[work.buckets[m] + index[j], 0] * value[j]
        work.margins[m] = even + odd
    return True


@_kernel
def divide(
    work: Work,
    index: NDArray[np.int32],
    value: NDArray[np.float64],
    start: int,
    stop: int,
    adds: NDArray[np.float64],
    at: int,
) -> None:
    """What each entry of the row that was read adds to the mean of the members' log-odds.

    Half of what a pair adds is either number's: their Shapley values, as with every product.

    Args:
        work, index, value, start, stop: as of `read`.
        adds: receives it, from place `at` on.
    """
    members = len(work.sizes)
    for number in range(len(work.numbers)):
        work.shares[number] = 0.0
    for m in range(members):
        k = 0
        for one in range(len(work.numbers)):
            for other in range(one):
                half = 0.5 * work.lines[work.cells[m, k], 0]
                work.shares[one] += half
                work.shares[other] += half
                k += 1
        for one in range(len(work.numbers)):
            work.shares[one] += work.lines[work.cells[m, k], 0]
            k += 1
    for j in range(start, stop):
        together = 0.0
        if index[j] < 0:
            together = work.shares[-1 - index[j]]
        else:
            for m in range(members):
                together += work.lines[work.buckets[m] + index[j], 0] * value[j]
        adds[at + j - start] = together / members


@_kernel
def _learn(
    work: Work,
    target: float,
    importance: float,
    index: NDArray[np.int32],
    value: NDArray[np.float64],
    start: int,
    stop: int,
    rate: float,
    smooth: float,
    l2: float,
    l2_alone: float,
) -> None:
    """Take each member's own step for the row that was read."""
    for m in range(len(work.sizes)):
        residual = importance * (sigmoid(work.margins[m]) - target)
        cells, square = work.cells[m], residual * residual
        pairs = len(cells) - len(work.numbers)
        # Apart from each other, so that the processor takes several roots at once.
        for k in range(len(cells)):
            work.weights[k] = work.lines[cells[k], 0]
            work.squares[k] = work.lines[cells[k], 1] + square
        for k in range(pairs):
            pace = rate / (math.sqrt(work.squares[k]) + smooth)
            work.weights[k] = (work.weights[k] - pace * residual) / (1.0 + pace * l2)
        for k in range(pairs, len(cells)):
            pace = rate / (math.sqrt(work.squares[k]) + smooth)
            work.weights[k] = (work.weights[k] - pace * residual) / (1.0 + pace * l2_alone)
        for k in range(len(cells)):
            work.lines[cells[k], 0] = work.weights[k]
            work.lines[cells[k], 1] = work.squares[k]
        for j in range(start, stop):
            if index[j] >= 0:
                _step(work, work.buckets[m] + index[j], residual * value[j], rate, smooth, l2)
        _step(work, work.intercept[m], residual, rate, smooth, 0.0)


@_kernel
def _step(work: Work, line: int, gradient: float, rate: float, smooth: float, l2: float) -> None:
    work.lines[line, 1] += gradient * gradient
    pace = rate / (math.sqrt(work.lines[line, 1]) + smooth)
    work.lines[line, 0] = (work.lines[line, 0] - pace * gradient) / (1.0 + pace * l2)


@_kernel
def walk(
    work: Work,
    edges: Edges,
    op: NDArray[np.int8],
    row: NDArray[np.int64],
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
    base: int,
    indptr: NDArray[np.int64],
    index: NDArray[np.int32],
    value: NDArray[np.float64],
    rate: float,
    smooth: float,
    l2: float,
    l2_alone: float,
    score: NDArray[np.float64],
    adds: NDArray[np.float64],
) -> bool:
    """Carry out a plan from step ``work.at[0]`` on, until cuts are due anew, or to its end.

    Args:
        work: the model.
        edges: of its numbers.
        op, row, target, weight: the plan, `target` with one number for each `LEARN`; so `weight`,
            or without any, where each counts once.
        base, indptr, index, value: the rows, see `models.rows.Rows` and `read`.
        rate, smooth: of AdaGrad.
        l2, l2_alone: as in `models.kernels.walk`; the second of the bins of single numbers.
        score: float64[n], receives the answers of the `SCORE` steps: the probability at the mean of
            the members' log-odds; NaN for one that is not finite.
        adds: receives what each entry added to it, see `divide`, of one row behind the other; or
            empty, where nobody asks.

    Returns:
        False: the row of the step at hand does not fit the model.
    """
    while work.at[0] < len(op):
        k = work.at[0]
        start, stop = indptr[row[k] - base], indptr[row[k] - base + 1]
        if not read(work, edges, index, value, start, stop):
            return False
        work.at[0] += 1
        margin = 0.0
        for m in range(len(work.sizes)):
            margin += work.margins[m]
        margin /= len(work.sizes)
        if op[k] != LEARN:
            score[work.at[1]] = sigmoid(margin) if math.isfinite(margin) else math.nan
            work.at[1] += 1
            if len(adds):
                divide(work, index, value, start, stop, adds, work.at[3])
                work.at[3] += stop - start
            continue
        label = target[work.at[2]]
        importance = weight[work.at[2]] if len(weight) > 0 else 1.0
        work.at[2] += 1
        energy = 1.0
        for j in range(start, stop):
            if index[j] >= 0:
                energy += value[j] * value[j]
        if not (math.isfinite(margin) and importance * importance * energy < _STEEPEST):
            work.counts[1] += 1
            continue
        work.counts[0] += 1
        _learn(work, label, importance, index, value, start, stop, rate, smooth, l2, l2_alone)
        if note(edges, 1 if label > 0.5 else 0, work.numbers):
            return True
    return True
