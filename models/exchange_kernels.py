"""The compiled arithmetic of `models.exchange`: what one delta does to a model.

As in `models.kernels`, only operations that IEEE 754 defines to the bit are used, in a fixed order.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import intrinsics, kernels
from models.compiled import fused
from models.intrinsics import prefetch
from models.kernels import ADAGRAD, FTRL_PROXIMAL, GRADIENT, sigmoid

__all__ = ["Rule", "aim", "farthest", "fold", "look", "settle", "told"]

MIX, CLOCK, BASE, BASE_CLOCK, HELD = range(5)
"""Columns of the mixed model: see `models.exchange.Exchange`."""

_kernel = fused(intrinsics, kernels)

_AHEAD = 24  # lines: each takes a few nanoseconds, and a line that is far away some hundred
_LEAST = 2.0**-96  # of evidence
_EARLY = 0.01  # below it the series of 1 - exp(-τ) is exact to the last bits with five terms


class Rule(NamedTuple):
    """How the model's lines are learned, and how they are mixed.

    Attributes:
        rule, rate, smooth, l1, l2: as of `models.kernels.walk`.
        saturating: by evidence; else the values of a delta are changes, of which each counts
            `share`.
        band: how far a line may be from its base before that is told.
    """

    rule: int
    rate: float
    smooth: float
    l1: float
    l2: float
    saturating: bool
    band: float


@_kernel
def pull(rule: Rule, evidence: float, before: float, after: float, l2: float) -> float:
    """The share 1 - exp(-τ) of its way that a line goes while its clock goes on.

    τ is the evidence times the rate between both times of the clock: Σg², or the number of labels.
    """
    if rule.rule == ADAGRAD:
        way = 2.0 * rule.rate * evidence
        time = way / (math.sqrt(before) + math.sqrt(after) + 2.0 * rule.smooth)
    elif rule.rule == FTRL_PROXIMAL:
        roots = math.sqrt(before) + math.sqrt(after)
        time = 2.0 * evidence / ((2.0 * rule.smooth + roots) * rule.rate + 2.0 * l2)
    elif rule.smooth > 0.0:
        time = 2.0 * rule.rate * evidence / max(math.sqrt(before) + math.sqrt(after), 1.0)
    else:
        time = rule.rate * evidence
    if time < _EARLY:
        inner = 1.0 - time / 4.0 * (1.0 - time / 5.0)
        return time * (1.0 - time / 2.0 * (1.0 - time / 3.0 * inner))
    left = sigmoid(-time)  # exp(-τ) / (1 + exp(-τ))
    return (1.0 - 2.0 * left) / (1.0 - left)


@_kernel
def position(rule: Rule, table: NDArray[np.float64], at: int) -> float:
    """Where a line is: its weight, of FTRL as it is before l1 cuts it."""
    if rule.rule != FTRL_PROXIMAL:
        return float(table[at, 0])
    l2 = rule.l2 if at != len(table) - 1 else 0.0
    return float(-table[at, 1] / ((rule.smooth + math.sqrt(table[at, 2])) * rule.rate + l2))


@_kernel
def _clock(rule: Rule, table: NDArray[np.float64], at: int) -> float:
    if rule.rule == GRADIENT:
        return 0.0
    return float(table[at, 1] if rule.rule == ADAGRAD else table[at, 2])


@_kernel
def _move(rule: Rule, table: NDArray[np.float64], at: int, by: float, clock: float) -> None:
    """Move a line, and its clock on; nothing at all is changed where both are 0."""
    if by == 0.0 and clock == 0.0:
        return
    if rule.rule != FTRL_PROXIMAL:
        table[at, 0] += by
        if rule.rule == ADAGRAD:
            table[at, 1] = max(table[at, 1] + clock, 0.0)
        return
    here = position(rule, table, at) + by
    table[at, 2] = max(table[at, 2] + clock, 0.0)
    l1, l2 = (rule.l1, rule.l2) if at != len(table) - 1 else (0.0, 0.0)
    stiffness = (rule.smooth + math.sqrt(table[at, 2])) * rule.rate + l2
    gathered = -here * stiffness
    table[at, 1] = gathered
    if gathered > l1:
        table[at, 0] = (l1 - gathered) / stiffness
    elif gathered < -l1:
        table[at, 0] = (-l1 - gathered) / stiffness
    else:
        table[at, 0] = 0.0


@_kernel
def look(
    rule: Rule, table: NDArray[np.float64], mix: NDArray[np.float64], fresh: NDArray[np.int32]
) -> int:
    """Keep of the fresh lines those beyond the band, in front, and answer how many they are."""
    width, columns = table.shape[1], mix.shape[1]
    kept = 0
    for k in range(len(fresh)):
        soon = np.int64(fresh[min(k + _AHEAD, len(fresh) - 1)])
        prefetch(table, soon * width)
        prefetch(mix, soon * columns)
        prefetch(mix, soon * columns + HELD)
        at = fresh[k]
        if abs(position(rule, table, at) - mix[at, BASE]) > rule.band:
            fresh[kept] = at
            kept += 1
        else:
            table[at, -1] = abs(table[at, -1])
    return kept


@_kernel
def farthest(rule: Rule, table: NDArray[np.float64], mix: NDArray[np.float64]) -> float:
    """How far from its base the line is that is farthest, of those with evidence to be told."""
    most = 0.0
    for at in range(len(table)):
        if table[at, -1] != 0.0:
            most = max(most, abs(position(rule, table, at) - mix[at, BASE]))
    return most


@_kernel
def settle(rule: Rule, table: NDArray[np.float64], mix: NDArray[np.float64]) -> None:
    """Have every line stand where the mixed model's does, on no evidence of one's own."""
    for at in range(len(table)):
        table[at, :] = 0.0
        _move(rule, table, at, mix[at, MIX], mix[at, CLOCK])
        mix[at, BASE], mix[at, BASE_CLOCK], mix[at, HELD] = mix[at, MIX], mix[at, CLOCK], 0.0


@_kernel
def told(
    rule: Rule,
    table: NDArray[np.float64],
    mix: NDArray[np.float64],
    line: NDArray[np.int64],
    change: NDArray[np.float64],
    evidence: NDArray[np.float64],
    clock: NDArray[np.float64],
) -> None:
    """How far lines went from their base, on what; they are held from now on."""
    width, columns = table.shape[1], mix.shape[1]
    for k in range(len(line)):
        soon = line[min(k + _AHEAD, len(line) - 1)]
        prefetch(table, soon * width)
        prefetch(mix, soon * columns)
        prefetch(mix, soon * columns + HELD)
        at = line[k]
        change[k] = position(rule, table, at) - mix[at, BASE]
        evidence[k] = max(abs(table[at, -1]), _LEAST)
        clock[k] = max(_clock(rule, table, at) - mix[at, BASE_CLOCK], 0.0)
        table[at, -1] = 0.0
        mix[at, HELD] = 1.0


@_kernel
def aim(
    rule: Rule,
    mix: NDArray[np.float64],
    line: NDArray[np.int64],
    change: NDArray[np.float64],
    evidence: NDArray[np.float64],
    clock: NDArray[np.float64],
    labels: NDArray[np.int64],
) -> None:
    """Make each change the place that the line was on its way to.

    Args:
        evidence, clock: as they will be read, so that the errors of both cancel.
        labels: int64[2], of all learners, at the base and now.
    """
    for k in range(len(line)):
        at = line[k]
        l2 = rule.l2 if at != len(mix) - 1 else 0.0
        before = mix[at, BASE_CLOCK]
        share = _share(rule, evidence[k], before, before + clock[k], l2, labels)
        change[k] = mix[at, BASE] + change[k] / share


@_kernel
def _share(
    rule: Rule,
    evidence: float,
    before: float,
    after: float,
    l2: float,
    labels: NDArray[np.int64],
) -> float:
    if rule.rule == GRADIENT:
        return pull(rule, evidence, float(labels[0]), float(labels[1]), l2)
    return pull(rule, evidence, before, after, l2)


@_kernel
def fold(
    rule: Rule,
    table: NDArray[np.float64],
    mix: NDArray[np.float64],
    line: NDArray[np.int64],
    value: NDArray[np.float64],
    evidence: NDArray[np.float64],
    clock: NDArray[np.float64],
    share: float,
    labels: NDArray[np.int64],
    own: bool,
    fresh: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Fold a delta into the mixed model, and move the learner's own lines along.

    Args:
        table: the learner's lines, the last column their evidence since they were told last.
        mix: float64[lines, 5], see `models.exchange.Exchange`.
        line, value, evidence, clock: of the delta.
        share: how much of a change counts, where it is not for the evidence to say.
        labels: int64[4]: of all learners in the log before this delta and with it; and what the
            first two were as it was told.
        own: whether it is the learner's own that has come back.
        fresh, counts: as of `models.kernels.walk`.
    """
    width, columns = table.shape[1], mix.shape[1]
    for k in range(len(line)):
        soon = line[min(k + _AHEAD, len(line) - 1)]
        prefetch(table, soon * width)
        prefetch(mix, soon * columns)
        prefetch(mix, soon * columns + HELD)
        at = line[k]
        l2 = rule.l2 if at != len(table) - 1 else 0.0
        before, grown = mix[at, CLOCK], share * clock[k]
        moved = share * value[k]
        if rule.saturating:
            went = _share(rule, evidence[k], before, before + clock[k], l2, labels[:2])
            moved = went * (value[k] - mix[at, MIX])
        mix[at, MIX] += moved
        mix[at, CLOCK] += grown
        base, base_clock = mix[at, BASE], mix[at, BASE_CLOCK]
        if own:
            expected = base + value[k]
            if rule.saturating:
                after = base_clock + clock[k]
                went = _share(rule, evidence[k], base_clock, after, l2, labels[2:])
                expected = base + went * (value[k] - base)
            ahead = mix[at, CLOCK] - (base_clock + clock[k])
            _move(rule, table, at, mix[at, MIX] - expected, ahead)
            mix[at, HELD] = 0.0
        else:
            # Told or about to be: it waits for its own delta, so that none counts for two.
            away, own_evidence = abs(position(rule, table, at) - base), abs(table[at, -1])
            if mix[at, HELD] != 0.0 or (own_evidence > 0.0 and away > rule.band):
                continue
            left = 1.0
            if rule.saturating and own_evidence > 0.0:
                now = _clock(rule, table, at)
                left -= _share(rule, own_evidence, base_clock, now, l2, labels[:2])
            _move(rule, table, at, left * (mix[at, MIX] - base), mix[at, CLOCK] - base_clock)
            # Held back by its own evidence, it may be beyond the band by now.
            away = abs(position(rule, table, at) - mix[at, MIX])
            if table[at, -1] > 0.0 and away > rule.band:
                table[at, -1] = -own_evidence
                fresh[counts[3]] = at
                counts[3] += 1
        mix[at, BASE] = mix[at, MIX]
        mix[at, BASE_CLOCK] = mix[at, CLOCK]
