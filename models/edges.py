"""Where numbers are cut into bins: quantiles of what was learned, either class with its share.

At one fraud in a hundred payments, the plain quantiles of an amount all lie among genuine ones: the
few amounts that tell the classes apart share the last bin. So the quantiles are those of a mixture
in which the rare class weighs as much as it is declared to.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import fused
from models.protocol import State

__all__ = ["Edges", "cut_anew", "empty", "note", "place", "restored", "state"]

_SAMPLE = 8_192
_FIRST = 50
_GROWTH = 1.5

_kernel = fused()


class Edges(NamedTuple):
    """Edges of the bins of d numbers, and the samples they are made of.

    Of each class every s-th event is kept; when the sample is full every second one of it goes, and
    s doubles: a systematic sample of all there was, the same for any cut of the stream.

    Attributes:
        cuts: float64[d, bins - 1], ascending; beyond all numbers until enough was learned.
        sample: float64[2, k, d], of either class; NaN where a number was missing.
        seen: int64[2, 3], of either class how many events are in the sample, how many there were,
            and every how many-th is kept.
        learned: int64[2], events in all, and at how many the cuts are made anew.
    """

    cuts: NDArray[np.float64]
    sample: NDArray[np.float64]
    seen: NDArray[np.int64]
    learned: NDArray[np.int64]


def empty(numbers: int, bins: int) -> Edges:
    """Of that many numbers, of which nothing is known."""
    return Edges(
        np.full((numbers, bins - 1), np.finfo(np.float64).max),
        np.empty((2, _SAMPLE, numbers)),
        np.array([[0, 0, 1], [0, 0, 1]], np.int64),
        np.array([0, _FIRST], np.int64),
    )


def state(edges: Edges) -> State:
    """What later cuts depend on."""
    negatives, positives = (edges.sample[label, : edges.seen[label, 0]].copy() for label in (0, 1))
    return {
        "cuts": edges.cuts.copy(),
        "negatives": negatives,
        "positives": positives,
        "seen": edges.seen.copy(),
        "learned": edges.learned.copy(),
    }


def restored(state: State) -> Edges:
    """Those that `state` was made of."""
    numbers, cuts = state["cuts"].shape
    edges = empty(numbers, cuts + 1)
    for label, kept in enumerate((state["negatives"], state["positives"])):
        edges.sample[label, : len(kept)] = kept
    for name in ("cuts", "seen", "learned"):
        getattr(edges, name)[:] = state[name]
    return edges


def cut_anew(edges: Edges, share: float) -> None:
    """Make all cuts anew, and say when next: after half as many labels again.

    Args:
        edges: whose sample is to be cut.
        share: of the positive class in the mixture; the class that was never seen has none.
    """
    edges.learned[1] = int(edges.learned[0] * _GROWTH) + 1
    for number, cuts in enumerate(edges.cuts):
        classes = [edges.sample[label, : edges.seen[label, 0], number] for label in (0, 1)]
        negatives, positives = (values[~np.isnan(values)] for values in classes)
        if not len(negatives) + len(positives):
            continue
        weight = share if len(negatives) else 1.0
        if not len(positives):
            weight = 0.0
        values = np.concatenate((negatives, positives))
        order = np.argsort(values, kind="stable")
        of_positive = np.cumsum(order >= len(negatives))
        of_negative = np.arange(1, len(values) + 1) - of_positive
        below = (1.0 - weight) * (of_negative / max(len(negatives), 1))
        below += weight * (of_positive / max(len(positives), 1))
        wanted = np.arange(1, len(cuts) + 1) / (len(cuts) + 1)
        at = np.minimum(np.searchsorted(below, wanted), len(values) - 1)
        cuts[:] = values[order[at]]


@_kernel
def place(edges: Edges, number: int, value: float) -> int:
    """The bin of a value, how many cuts lie below it; the one behind the last if it is missing."""
    low, high = 0, int(edges.cuts.shape[1])
    if value != value:
        return high + 1
    while low < high:
        middle = (low + high) >> 1
        if edges.cuts[number, middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@_kernel
def note(edges: Edges, label: int, values: NDArray[np.float64]) -> bool:
    """Learn the numbers of an event, float64[d], labelled 0 or 1; whether cuts are due anew."""
    seen, sample = edges.seen[label], edges.sample[label]
    if seen[1] % seen[2] == 0:
        if seen[0] == len(sample):
            seen[0] >>= 1
            seen[2] *= 2
            for k in range(seen[0]):
                for number in range(len(values)):
                    sample[k, number] = sample[2 * k, number]
        if seen[1] % seen[2] == 0:
            for number in range(len(values)):
                sample[seen[0], number] = values[number]
            seen[0] += 1
    seen[1] += 1
    edges.learned[0] += 1
    return bool(edges.learned[0] >= edges.learned[1])
