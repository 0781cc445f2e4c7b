"""An ensemble: models that learn the same labels, and answer with the mean of their log-odds.

Where models err in ways of their own, their mean errs less than they do.

Source: Genest, Zidek 1986, "Combining Probability Distributions: A Critique and an Annotated
Bibliography", Statistical Science 1 (1), section 3.2, the logarithmic opinion pool; Heskes 1998,
"Selecting Weighting Factors in Logarithmic Opinion Pools", NIPS 10, on why it helps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.averaging import Average, Averaging, AveragingLearner
from models.linear_learner import Weighed
from models.protocol import SCORE, Plan, Scores
from models.rows import Rows

__all__ = ["Averaged", "AveragedLearner", "WeighedLearner"]


class Averaged(Averaging):
    """The mean of models' log-odds; of regressions, of their predictions.

    Every model learns every label. One that has no answer has no say, unless none has. It costs as
    much as all of them together. Where each knows what features add to its score, so does the
    ensemble: the mean of what they add.

    Args:
        models: by name, two or more; all of one kind, for two classes or a number; where they read
            hashed features, with the same bits and seed.
        weights: how much each one's answer counts, by name; 1 where nothing is said.

    Raises:
        TypeError: one of them is no model.
        ValueError: they do not go together; the text says what to write instead.

    >>> from models import Pairwise
    >>> model = Averaged({"coarse": Pairwise(bins=(6,)), "slow": Pairwise(bins=(24,), l2=0.01)})
    >>> model.weights
    {'coarse': 1.0, 'slow': 1.0}
    """

    def __init__(
        self, models: Mapping[str, Any], *, weights: Mapping[str, float] | None = None
    ) -> None:
        if len(models) < 2:
            raise ValueError(
                f"Averaged({{{', '.join(map(repr, models))}}}): there is nothing to average; write "
                'Averaged({"one": Logistic(), "other": Logistic(optimizer=FTRL())}), or the model '
                "alone"
            )
        super().__init__(models, weights)

    def describe(self) -> Mapping[str, Any]:
        """Every model, with its weight."""
        return {
            "model": type(self).__name__,
            "models": [[name, dict(model.describe())] for name, model in self.models.items()],
            "weights": list(self.weights.values()),
        }

    def new(self, seed: int) -> AveragedLearner:
        """A fresh learner; one that knows what features add where its parts do."""
        parts = self.parts(seed)
        tells = all(hasattr(part, "weigh") for part in parts.values())
        learner = WeighedLearner if tells else AveragedLearner
        average: Average = "log-odds" if self.kind == "binary" else "probability"
        return learner(self.kind, parts, list(self.weights.values()), average)


class AveragedLearner(AveragingLearner):
    """An ensemble at work: implements `models.protocol.Learner` over the rows of its models."""

    def run(self, plan: Plan, rows: Any) -> Scores:
        """Carry out the plan, strictly in order; answer its `SCORE` steps."""
        return self._averaged(_stacked([part.run(plan, rows) for part in self._parts.values()]))

    def summary(self) -> Mapping[str, float]:
        """Labels ``learned``, and the figures of each, ``weights_…`` of its name."""
        figures = {name: part.summary() for name, part in self._parts.items()}
        learned = max(found["learned"] for found in figures.values())
        return {"learned": learned} | {
            f"{figure}_{name}": value
            for name, found in figures.items()
            for figure, value in found.items()
        }


class WeighedLearner(AveragedLearner):
    """The same, of learners that know what each entry of a row adds to their log-odds."""

    _parts: Mapping[str, Any]

    def weigh(self, plan: Plan, rows: Rows) -> tuple[Scores, NDArray[np.float64]]:
        """The same as `run`, and what each entry of each row scored added to the mean."""
        op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
        told = [part.weigh(plan, rows) for part in self._parts.values()]
        answers = _stacked([scores for scores, _ in told])
        shares = self._shares(answers).repeat(rows.lengths(row[op == SCORE]), axis=1)
        return self._averaged(answers), _mean([adds for _, adds in told], shares)

    def moment(self, row: int, rows: Rows) -> Weighed:
        """A row, and what would score it now."""
        plan = Plan()
        plan.score(row)
        answers = _stacked([part.run(plan, rows) for part in self._parts.values()])
        seen: list[Weighed] = [part.moment(row, rows) for part in self._parts.values()]
        shares = self._shares(answers)
        bias = _mean([np.array([one.bias]) for one in seen], shares)
        usual = [one.usual for one in seen if one.usual is not None]
        return seen[0]._replace(
            weight=_mean([one.weight for one in seen], shares),
            adds=_mean([one.adds for one in seen], shares),
            bias=float(bias[0]),
            taken=max(one.taken for one in seen),
            usual=usual[0] if usual else None,
        )

    def _shares(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each answer in the mean of its column, float64[parts, n]; 0 for one that is none."""
        weights = np.where(np.isnan(answers), 0.0, self._weights[:, np.newaxis])
        together = weights.sum(axis=0)
        return weights / np.where(together > 0.0, together, np.nan)


def _stacked(scores: Sequence[Scores]) -> NDArray[np.float64]:
    return np.stack([one.value for one in scores])


def _mean(
    numbers: Sequence[NDArray[np.float64]], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The weighted mean of arrays; what has no share is passed over, even if it is NaN."""
    parts = np.where(shares == 0.0, 0.0, np.stack(numbers)) * shares
    mean: NDArray[np.float64] = parts.sum(axis=0)
    return mean
