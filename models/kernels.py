"""The compiled arithmetic of the linear models: one call walks a whole plan.

Only +, −, ×, ÷ and √ are used, which IEEE 754 defines to the bit, and their order is fixed by the
code: a plan gives the same bits on every machine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import intrinsics
from models.compiled import compiled, fused
from models.intrinsics import prefetch
from models.protocol import LEARN

__all__ = [
    "ADAGRAD", "ALL_GOOD", "FTRL_PROXIMAL", "GRADIENT", "note", "sigmoid", "touched", "walk",
]  # fmt: skip

GRADIENT, ADAGRAD, FTRL_PROXIMAL = 0, 1, 2

ALL_GOOD = -1

# A step whose squared gradient could reach this is not taken: no sum of such squares overflows.
_STEEPEST = 1e150

# Between these margins a probability is strictly between 0 and 1, and its logarithm finite.
_WIDEST = 35.0

# Steps from asking for a row's weights until they are read: some hundred nanoseconds' worth.
_AHEAD = 8

# exp(-r) for |r| ≤ ln(2)/2: fourteen terms leave an error below 2⁻⁵⁶.
_T = tuple((-1.0) ** i / math.factorial(i) for i in range(14))
_HALVES = 2.0 ** -np.arange(64.0)
_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01  # ln 2 to 32 bits: its product with a small k is exact
_LN2_LOW = 1.90821492927058770002e-10


@compiled
def sigmoid(margin: float) -> float:
    """The probability 1 / (1 + exp(-margin)), within 4 units in the last place.

    The exponential is made here (Cody and Waite 1980, range reduction by ln 2 in two parts), as
    C libraries differ in its last bit. Margins beyond ±35 count as ±35.
    """
    size = abs(margin)
    if not size < _WIDEST:
        size = _WIDEST
    k = int(size * _LOG2_E + 0.5)
    r = (size - k * _LN2_HIGH) - k * _LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (_T[0] + r * _T[1]) + r2 * (_T[2] + r * _T[3])
    middle = (_T[4] + r * _T[5]) + r2 * (_T[6] + r * _T[7])
    high = (_T[8] + r * _T[9]) + r2 * (_T[10] + r * _T[11])
    top = _T[12] + r * _T[13]
    half: float = _HALVES[k]
    tail = ((low + r4 * middle) + (r4 * r4) * (high + r4 * top)) * half
    return 1.0 / (1.0 + tail) if margin >= 0 else tail / (1.0 + tail)


@compiled
def _step(
    table: NDArray[np.float64],
    at: np.unsignedinteger[Any],
    gradient: float,
    rule: int,
    rate: float,
    smooth: float,
    l1: float,
    l2: float,
) -> None:
    """Move one weight against its gradient; see `walk` for the columns of `table`."""
    weight = table[at, 0]
    if rule == FTRL_PROXIMAL:
        before = math.sqrt(table[at, 2])
        table[at, 2] += gradient * gradient
        root = math.sqrt(table[at, 2])
        pull = table[at, 1] + gradient - (root - before) * rate * weight
        table[at, 1] = pull
        stiffness = (smooth + root) * rate + l2
        if pull > l1:
            table[at, 0] = (l1 - pull) / stiffness
        elif pull < -l1:
            table[at, 0] = (-l1 - pull) / stiffness
        else:
            table[at, 0] = 0.0
        return
    if rule == ADAGRAD:
        table[at, 1] += gradient * gradient
        rate /= math.sqrt(table[at, 1]) + smooth
    weight -= rate * gradient
    if l1 > 0.0 or l2 > 0.0:
        shrink = rate * l1
        if weight > shrink:
            weight -= shrink
        elif weight < -shrink:
            weight += shrink
        else:
            weight = 0.0
        weight /= 1.0 + rate * l2
    table[at, 0] = weight


@compiled
def note(
    table: NDArray[np.float64],
    at: np.unsignedinteger[Any],
    evidence: float,
    fresh: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Add to the evidence a line of a table has learned from; see `walk`."""
    if evidence > 0.0:
        before = table[at, -1]
        if before >= 0.0:
            fresh[counts[3]] = at
            counts[3] += 1
        table[at, -1] = -(abs(before) + evidence)


@fused(intrinsics)
def walk(
    op: NDArray[np.int8],
    row: NDArray[np.int64],
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
    base: int,
    indptr: NDArray[np.int64],
    index: NDArray[np.int32],
    value: NDArray[np.float64],
    table: NDArray[np.float64],
    counts: NDArray[np.int64],
    logistic: bool,
    intercept: bool,
    rule: int,
    rate: float,
    smooth: float,
    l1: float,
    l2: float,
    score: NDArray[np.float64],
    adds: NDArray[np.float64],
    fresh: NDArray[np.int32] | None = None,
) -> int:
    """Carry out a plan on a linear model, one step after another.

    The entries of a row act one after another too: where two of them share a bucket, both add to
    the margin, and the second one's step starts from the weight the first one left. All of a row's
    steps use the residual from before the row.

    Args:
        op, row, target, weight: the plan, `target` with one number for each `LEARN`; so `weight`,
            by which its gradient is multiplied, or empty where each counts once.
        base, indptr, index, value: the rows, see `models.rows.Rows`.
        table: float64[buckets + 1, width], the last line for the intercept. Column 0 is the weight;
            AdaGrad keeps Σg² in column 1, FTRL its z and n in columns 1 and 2.
        counts: int64[2], labels learned and labels skipped; both are added to.
        logistic: answer with a probability instead of the margin itself.
        intercept: learn it. It is never penalised.
        rule, rate, smooth: the optimizer and its knobs, see `models.optimizers`.
        l1, l2: penalties. For GRADIENT and ADAGRAD a row carries the penalty of the weights it
            touches, as an exact forward-backward step: w ← soft(w − ηg, η·l1) / (1 + η·l2) with the
            weight's own rate η (Duchi and Singer 2009, "Efficient Online and Batch Learning Using
            Forward Backward Splitting", JMLR 10, section 5). Other weights keep theirs. FTRL's are
            its own, in closed form.
        score: float64[n], receives the answers of the `SCORE` steps; NaN for one that is not
            finite. A label whose step would not be finite is skipped and changes nothing.
        adds: receives what each entry of a row added to its margin as it was scored, laid end to
            end; or empty, where nobody asks.
        fresh: of a learner that mixes, see `models.exchange`: receives the lines that are learned
            for the first time since they were looked at, and the table has a column more, the
            last, for the evidence each line has learned from: Σ curvature·|x|·‖x‖₁, with a minus
            while the line is fresh. `counts` then goes on with the labels that other learners have
            learned, and how many lines are fresh.

    Returns:
        `ALL_GOOD`, or the number of the step whose row names a bucket the table does not have.
    """
    last = np.uint32(len(table) - 1)
    margin, answer, energy, norm = 0.0, 0.0, 0.0, 0.0
    scored = learned = noted = 0
    current = -1  # the row margin, answer and energy stand for, until a step is taken
    width = table.shape[1]
    for k in range(len(op)):
        soon = row[min(k + _AHEAD, len(op) - 1)] - base
        for j in range(indptr[soon], indptr[soon + 1]):
            prefetch(table, index[j] * width)
        start, stop = indptr[row[k] - base], indptr[row[k] - base + 1]
        if row[k] != current:
            margin, energy, norm = 0.0, 1.0, 1.0
            for j in range(start, stop):
                at = np.uint32(index[j])
                if at >= last:
                    return k
                margin += table[at, 0] * value[j]
                energy += value[j] * value[j]
                if fresh is not None:
                    norm += abs(value[j])
            margin += table[last, 0]
            answer = sigmoid(margin) if logistic else margin
            current = row[k]
        if op[k] != LEARN:
            score[scored] = answer if math.isfinite(margin) else math.nan
            scored += 1
            if len(adds):
                for j in range(start, stop):
                    adds[noted] = table[np.uint32(index[j]), 0] * value[j]
                    noted += 1
            continue
        residual = answer - target[learned]
        importance = 1.0
        if len(weight) > 0:
            importance = weight[learned]
            residual *= importance
        learned += 1
        if not (math.isfinite(margin) and residual * residual * energy < _STEEPEST):
            counts[1] += 1
            continue
        counts[0] += 1
        pace = rate
        if rule == GRADIENT and smooth > 0.0:
            pace = rate / math.sqrt(counts[0] if fresh is None else counts[0] + counts[2])
        for j in range(start, stop):
            at = np.uint32(index[j])
            _step(table, at, residual * value[j], rule, pace, smooth, l1, l2)
        if intercept:
            _step(table, last, residual, rule, pace, smooth, 0.0, 0.0)
        if fresh is not None:
            curve = importance * norm
            if logistic:
                curve *= answer * (1.0 - answer)
            own = l2 if rule != FTRL_PROXIMAL else 0.0
            for j in range(start, stop):
                note(table, np.uint32(index[j]), curve * abs(value[j]) + own, fresh, counts)
            if intercept:
                note(table, last, curve, fresh, counts)
        current = -1
    return ALL_GOOD


@compiled
def touched(table: NDArray[np.float64]) -> NDArray[np.int32]:
    """Lines of the table that hold anything but zeros, in order."""
    lines, width = table.shape
    found = np.empty(lines, np.int32)
    n = 0
    for at in range(lines):
        for column in range(width):
            if table[at, column] != 0.0:
                found[n] = at
                n += 1
                break
    return found[:n].copy()
