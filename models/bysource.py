"""A learner for each source of labels, their answers averaged.

Investigators judge the few payments with the highest scores within a day; chargebacks and silence
judge all of them, weeks later. Pooled, the many old labels drown the few new ones, and the new ones
are no fair sample of anything. So each has a learner of its own.

Source: Dal Pozzolo, Boracchi, Caelen, Alippi, Bontempi 2015, "Credit Card Fraud Detection and
Concept-Drift Adaptation with Delayed Supervised Information", IJCNN; and 2018, "Credit Card Fraud
Detection: A Realistic Modeling and a Novel Learning Strategy", IEEE TNNLS 29 (8), section IV.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np

from models.averaging import Average, Averaging, AveragingLearner
from models.protocol import LEARN, Kind, Learner, Plan, Scores, State

__all__ = ["BySource", "BySourceLearner"]


class BySource(Averaging):
    """The average of models, one for each source of labels.

    For a pipeline with ``Labels(source=…)``. The model of `whole` learns every event, once: by a
    label of its own source; or, as the event matures, by what other sources said of it, or as what
    silence means. Any other model learns the labels of its own source, as they come, and no others.
    A label without a source is learned by all.

    A model that has not learned anything yet has no say, unless none has.

    Args:
        models: by the name of their source; all of one kind, for two classes or a number; where
            they read hashed features, with the same bits and seed.
        whole: name of the source whose model learns every event.
        weights: how much each source's answer counts, by name; equally, where there are none.
        average: what is averaged; for a regression, ``"probability"`` means the prediction itself.

    Raises:
        ValueError: models that do not go together; the text says what to write instead.

    >>> from models import Logistic
    >>> model = BySource({"investigator": Logistic(), "chargeback": Logistic()}, "chargeback")
    >>> model.sources
    ('investigator', 'chargeback')
    """

    def __init__(
        self,
        models: Mapping[str, Any],
        whole: str,
        *,
        weights: Mapping[str, float] | None = None,
        average: Average = "probability",
    ) -> None:
        name = type(self).__name__
        if len(models) < 2 or whole not in models:
            raise ValueError(
                f"{name}({{{', '.join(map(repr, models))}}}, {whole!r}): it averages the models of "
                "at least two sources, and one of them learns every event; write "
                f'{name}({{"investigator": Logistic(), "chargeback": Logistic()}}, "chargeback")'
            )
        super().__init__(models, weights)
        if average not in get_args(Average):
            raise ValueError(f'{name}(average={average!r}): write "probability" or "log-odds"')
        if average == "log-odds" and self.kind != "binary":
            raise ValueError(
                f'{name}(average="log-odds"): a {self.kind} has none; leave average= out'
            )
        self.sources = tuple(self.models)
        self.whole = whole
        self.average: Average = average

    def describe(self) -> Mapping[str, Any]:
        """Every model, and how they are averaged."""
        return {
            "model": type(self).__name__,
            "sources": [[name, model.describe()] for name, model in self.models.items()],
            "whole": self.whole,
            "weights": list(self.weights.values()),
            "average": self.average,
        }

    def new(self, seed: int) -> BySourceLearner:
        """A fresh learner."""
        weights = list(self.weights.values())
        return BySourceLearner(self.kind, self.parts(seed), self.whole, weights, self.average)


class BySourceLearner(AveragingLearner):
    """Several learners at work: implements `models.protocol.Learner` over the rows of all."""

    def __init__(
        self,
        kind: Kind,
        parts: Mapping[str, Learner[Any]],
        whole: str,
        weights: Sequence[float],
        average: Average,
    ) -> None:
        super().__init__(kind, parts, weights, average)
        self._whole = whole
        self._learned = np.zeros(len(parts), np.int64)

    def run(self, plan: Plan, rows: Any) -> Scores:
        """Carry out the plan, strictly in order; answer its `SCORE` steps."""
        learns = np.frombuffer(plan.op, np.int8) == LEARN
        answers = np.empty((len(self._parts), int(np.count_nonzero(~learns))))
        learned = np.empty(answers.shape, np.int64)
        for number, part in enumerate(self._parts.values()):
            steps = np.ones(len(learns), np.bool_)
            if plan.source is not None:
                steps[learns] = plan.source == number
            answers[number] = part.run(plan.only(steps), rows).value
            before = self._learned[number] + np.cumsum(steps & learns)
            learned[number] = before[~learns]
            self._learned[number] += np.count_nonzero(steps & learns)
        fresh = learned == 0
        answers[fresh & (~fresh & ~np.isnan(answers)).any(axis=0)] = np.nan
        return self._averaged(answers)

    def state(self) -> State:
        """The states of all, and how much each has learned."""
        return {"learned": self._learned.copy(), **super().state()}

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""
        super().restore(state)
        self._learned = state["learned"].copy()

    def summary(self) -> Mapping[str, float]:
        """The figures of the model that learns every event, and how much was ``learned_from_…``."""
        counts = dict(zip(self._parts, self._learned.tolist(), strict=True))
        found = {f"learned_from_{name}": float(learned) for name, learned in counts.items()}
        return {**self._parts[self._whole].summary(), **found}
