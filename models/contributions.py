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
from models.hashing import MISSING, token
from models.linear_learner import Weighed
from models.memory import Memory
from models.named import entries, named
from models.protocol import SCORE, Plan, Scores
from models.sharing import publishing
from models.sliding import Sliding

__all__ = ["Contribution", "Explanation", "Witness", "explained"]


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
        weight: that stood there when the row was scored; NaN where it has more than one.
        amount: what it adds to the log-odds, or to the predicted number.
        usual: what such a number usually is; None where the model does not know.
    """

    feature: str
    category: tuple[str | None, ...]
    x: float
    bucket: int
    weight: float
    amount: float
    usual: float | None = None


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


class Witness:
    """Runs a learner's plans, and notes what makes a score right before it is made.

    One plan learns labels before a score and behind it: neither the weights before the plan nor
    those after it are the ones that made the score.

    Args:
        learner: does the work; of several, the one that publishes tells what makes a row's score,
            by ``moment(row, rows)``.

    Attributes:
        seen: of the first row that the last plan scored; None: it scored none.
    """

    def __init__(self, learner: Any) -> None:
        self.seen: Any = None
        self._learner = learner

    def run(self, plan: Plan, rows: Any) -> Scores:
        """Carry out the plan; the answers are the learner's."""
        answers: Scores = self._learner.run(self._up_to_the_score(plan, rows), rows)
        return answers

    def weigh(self, plan: Plan, rows: Any) -> tuple[Scores, NDArray[np.float64]]:
        """The same, with what each entry added to the scores."""
        answers: tuple[Scores, NDArray[np.float64]] = self._learner.weigh(
            self._up_to_the_score(plan, rows), rows
        )
        return answers

    def _up_to_the_score(self, plan: Plan, rows: Any) -> Plan:
        """What is left of a plan when everything before its first score is done, and noted."""
        op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
        self.seen = None
        before = next(iter(np.flatnonzero(op == SCORE).tolist()), None)
        if before is None:
            return plan
        at = np.arange(len(op))
        self._learner.run(plan.only(at < before), rows)
        self.seen = publishing(self._learner).moment(int(row[before]), rows)
        return plan.only(at >= before)


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
    figures = {name for it in features if isinstance(it, Sliding) for name in it.names}
    usual = np.full(len(weighed.x), np.nan) if weighed.usual is None else weighed.usual
    columns = weighed.x, weighed.bucket, weighed.weight, weighed.adds, usual
    contributions = []
    for entry, x, bucket, weight, adds, known in zip(
        made, *(column.tolist() for column in columns), strict=True
    ):
        categories = entry.categories
        if entry.name in figures:
            own = token(entry.name, (), seed) & (weighed.buckets - 1)
            there = not math.isnan(x) if bucket < 0 else own == bucket
            categories = () if there else (MISSING,)
        contributions.append(
            Contribution(
                entry.name,
                tuple(map(_shown, categories)),
                x,
                bucket,
                weight,
                adds,
                None if math.isnan(known) else known,
            )
        )
    return Explanation(contributions, weighed.bias)


def _shown(category: str) -> str | None:
    return None if category == MISSING else category
