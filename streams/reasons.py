"""Reasons beside a prediction: what added most to the score of an event that was decided upon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.codes import codes
from models.column import Column, listed
from models.compiled import compiled
from models.feature import Feature
from models.rows import Rows

__all__ = ["Reason", "Reasons", "positive"]


class Reason(msgspec.Struct, frozen=True, gc=False):
    """One reason of a published prediction.

    Attributes:
        code: of a column of the features; see `models.codes`.
        adds: what it adds to the log-odds.
    """

    code: str
    adds: float


class Reasons:
    """Finds the reasons of the positive decisions in a batch of events; of no others.

    Args:
        features: of the pipeline.
        most: how many reasons an event has at most.
    """

    def __init__(self, features: Sequence[Feature], most: int) -> None:
        self._codes = list(codes(features).values())
        self._most = most

    def column(
        self,
        encoder: Any,
        rows: Rows,
        first: int,
        adds: NDArray[np.float64],
        decisions: Column,
    ) -> ByteColumn:
        """The reasons of n events as JSON: an array of `Reason`, empty where nothing was decided.

        A reason is a column that raised the score; what raised it most comes first.

        Args:
            encoder: a `HashedEncoder` that has just encoded the events.
            rows: with their rows.
            first: the row of the first event.
            adds: float64, what each entry of these rows added to its score.
            decisions: n; those that are True are given reasons.
        """
        n = len(decisions)
        chosen = np.flatnonzero(positive(decisions))
        lengths, _, _ = rows.window(first, first + n)
        column, amount = _largest(
            chosen, np.cumsum(lengths) - lengths, encoder.lengths(chosen), adds,
            min(self._most, len(self._codes)),
        )  # fmt: skip
        found = [
            [Reason(self._codes[at], adds) for at, adds in zip(*both, strict=True) if at >= 0]
            for both in zip(column.tolist(), amount.tolist(), strict=True)
        ]
        lines = ByteColumn.lines(_encoder.encode_lines([[], *found]), 1 + len(found))
        places = np.zeros(n, np.int64)
        places[chosen] = np.arange(1, 1 + len(found))
        return lines.take(places)


def positive(decisions: Column) -> NDArray[np.bool_]:
    """Which decisions are True, bool[n]."""
    if isinstance(decisions, np.ndarray) and decisions.dtype == np.bool_:
        return decisions
    return np.array([it is True for it in listed(decisions)], np.bool_)


@compiled
def _largest(
    chosen: NDArray[np.int64],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    entries: NDArray[np.float64],
    most: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The columns that add most to each chosen row, and what they add; -1 where no more do.

    Args:
        chosen: int64[m], places of rows.
        starts: int64[n], where the entries of each row begin.
        lengths: int64[columns, m], how many entries of each column a chosen row has.
        entries: float64, what the entries of all rows add, laid end to end.
        most: how many are asked for.
    """
    columns, m = lengths.shape
    column, amount = np.full((m, most), -1, np.int64), np.zeros((m, most))
    adds = np.empty(columns)
    for row in range(m):
        at = starts[chosen[row]]
        for number in range(columns):
            adds[number] = 0.0
            for _ in range(lengths[number, row]):
                adds[number] += entries[at]
                at += 1
        for rank in range(most):
            best = -1
            for number in range(columns):
                if adds[number] > (0.0 if best < 0 else adds[best]):
                    best = number
            if best < 0:
                break
            column[row, rank], amount[row, rank] = best, adds[best]
            adds[best] = 0.0
    return column, amount


_encoder = msgspec.json.Encoder()
