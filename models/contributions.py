"""What each feature of an event adds to the score that a hashed linear model gives it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.column import EVENT_TIME
from models.feature import Feature
from models.features import Window
from models.hashing import MISSING, token
from models.linear_learner import LinearLearner
from models.memory import Memory
from models.named import entries, named
from models.protocol import SCORE, Plan, Scores
from models.rows import Rows
from models.sharing import publishing

__all__ = ["Contribution", "Explanation", "Weighed", "Witness", "explained"]


_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class Contribution(NamedTuple):
    """One entry of a row.

    Attributes:
        feature: its name; of a clock with its part, ``at.hour``.
        category: what was hashed with the name: one value, or several for a cross, None for one
            that is missing; a number has none.
        x: what the row holds: the number on its scale; or how often there is the category, with
            the sign of its hash.
        bucket: of the weight table.
        weight: that stood there when the row was scored.
    """

    feature: str
    category: tuple[str | None, ...]
    x: float
    bucket: int
    weight: float

    @property
    def amount(self) -> float:
        """What it adds to the log-odds, or to the predicted number."""
        return self.weight * self.x


class Explanation(NamedTuple):
    """A score, taken apart.

    Attributes:
        contributions: of each entry of the row, in its order.
        bias: the intercept.
    """

    contributions: list[Contribution]
    bias: float

    @property
    def margin(self) -> float:
        """The sum of all: log-odds, or the predicted number."""
        return math.fsum([self.bias, *(one.amount for one in self.contributions)])


class Weighed(NamedTuple):
    """A row with its weights.

    Attributes:
        bucket: int32[k].
        x: float64[k].
        weight: float64[k].
        bias: the intercept.
        buckets: how many there are.
    """

    bucket: NDArray[np.int32]
    x: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: float
    buckets: int


class Witness:
    """Runs a learner's plans, and notes the weights right before a row is scored.

    One plan learns labels before a score and behind it: neither the weights before the plan nor
    those after it are the ones that made the score.

    Args:
        learner: does the work; of several, the one that publishes is asked for its weights.

    Attributes:
        seen: the first row that the last plan scored; None: it scored none.
    """

    def __init__(self, learner: Any) -> None:
        self.seen: Weighed | None = None
        self._learner = learner

    def run(self, plan: Plan, rows: Rows) -> Scores:
        """Carry out the plan; the answers are the learner's."""
        op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
        self.seen = None
        before = next(iter(np.flatnonzero(op == SCORE).tolist()), len(op))
        head, tail = Plan(), Plan()
        # Whatever comes before the first score is learned: it has a target each.
        head.extend(op[:before], row[:before], plan.target[:before])
        tail.extend(op[before:], row[before:], plan.target[before:])
        answers: Scores = self._learner.run(head, rows)
        if len(tail):
            _, index, value = rows.window(int(row[before]), int(row[before]) + 1)
            published: LinearLearner = publishing(self._learner)
            weight, bias = published.weights(index)
            buckets = published.buckets
            self.seen = Weighed(index.copy(), value.copy(), weight, bias, buckets)
            answers = self._learner.run(tail, rows)
        return answers


def explained(
    weighed: Weighed, features: Sequence[Feature], event: Mapping[str, Any], seed: int = 0
) -> Explanation:
    """Which feature made each entry of a row.

    Args:
        weighed: the row, with the weights that scored it.
        features: it was made of, by `models.encoders.HashedEncoder`.
        event: it was made of, its fields by name.
        seed: of the hashes.
    """
    # What depends on the events before is in the row: the value of a standardised number, and of
    # a window's figure also whether there is one.
    made = entries(named(features, {EVENT_TIME: _ANY_TIME, **event}, Memory()))
    figures = {name for it in features if isinstance(it, Window) for name in it.columns}
    columns = (weighed.x.tolist(), weighed.bucket.tolist(), weighed.weight.tolist())
    contributions = []
    for entry, x, bucket, weight in zip(made, *columns, strict=True):
        categories = entry.categories
        if entry.name in figures:
            there = token(entry.name, (), seed) & (weighed.buckets - 1) == bucket
            categories = () if there else (MISSING,)
        contributions.append(
            Contribution(entry.name, tuple(map(_shown, categories)), x, bucket, weight)
        )
    return Explanation(contributions, weighed.bias)


def _shown(category: str) -> str | None:
    return None if category == MISSING else category
