"""A learner for each source of labels, their answers averaged.

Investigators judge the few payments with the highest scores within a day; chargebacks and silence
judge all of them, weeks later. Pooled, the many old labels drown the few new ones, and the new ones
are no fair sample of anything. So each has a learner of its own.

Source: Dal Pozzolo, Boracchi, Caelen, Alippi, Bontempi 2015, "Credit Card Fraud Detection and
Concept-Drift Adaptation with Delayed Supervised Information", IJCNN; and 2018, "Credit Card Fraud
Detection: A Realistic Modeling and a Novel Learning Strategy", IEEE TNNLS 29 (8), section IV.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from models import kernels
from models.column import where_known
from models.compiled import fused
from models.kernels import sigmoid
from models.protocol import LEARN, Kind, Learner, Model, Plan, Scores, State, Target
from models.wrapped import as_model

__all__ = ["Average", "BySource", "BySourceLearner"]

Average = Literal["probability", "log-odds"]
"""What is averaged."""

# Nearer to 0 and 1 a probability counts as this one: its log-odds stay finite.
_SUREST = 1e-15

_ROWS = ("kind", "form", "bits", "seed", "slots")


class BySource:
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
        self.models: dict[str, Model] = {name: as_model(given) for name, given in models.items()}
        self.sources = tuple(self.models)
        self.whole = whole
        self.average: Average = average
        self.weights = dict.fromkeys(self.sources, 1.0) | dict(weights or {})
        self._check()
        first = self.models[whole]
        self.kind: Kind = first.kind
        self.form = first.form
        self.weighs = all(getattr(model, "weighs", False) for model in self.models.values())
        if self.form == "hashed":
            self.bits: int = getattr(first, "bits", 0)
            self.seed: int = getattr(first, "seed", 0)
            self.slots: bool = getattr(first, "slots", False)

    def describe(self) -> Mapping[str, Any]:
        """Every model, and how they are averaged."""
        return {
            "model": type(self).__name__,
            "sources": [[name, model.describe()] for name, model in self.models.items()],
            "whole": self.whole,
            "weights": [self.weights[name] for name in self.sources],
            "average": self.average,
        }

    def accepts(self, target: Target) -> str | None:
        """Why this label cannot be learned; None: it can."""
        return self.models[self.whole].accepts(target)

    def probe(self, x: Mapping[str, Any], target: Target) -> None:
        """Try each River estimator on one event; see `models.adapter.RiverModel.probe`."""
        for model in self.models.values():
            model.probe(x, target)  # type: ignore[attr-defined]  # named models have it

    def new(self, seed: int) -> BySourceLearner:
        """A fresh learner; its parts have seeds of their own."""
        parts = {name: model.new(seed + n) for n, (name, model) in enumerate(self.models.items())}
        weights = [self.weights[name] for name in self.sources]
        return BySourceLearner(self.kind, parts, self.whole, weights, self.average)

    def _check(self) -> None:
        models, name = list(self.models.values()), type(self).__name__
        if len(models) < 2 or self.whole not in self.models:
            raise ValueError(
                f"{name}({{{', '.join(map(repr, self.models))}}}, {self.whole!r}): it averages "
                "the models of at least two sources, and one of them learns every event; write "
                f'{name}({{"investigator": Logistic(), "chargeback": Logistic()}}, "chargeback")'
            )
        alike = {tuple(getattr(it, n, 0) for n in _ROWS) for it in models}
        if len(alike) > 1:
            raise ValueError(
                f"{name}: its models differ in what they predict or read ({', '.join(_ROWS)}: "
                f"{' and '.join(map(str, sorted(alike)))}), and they read the same rows; give all "
                "of them the same bits= and seed="
            )
        if models[0].kind not in ("binary", "regression"):
            raise ValueError(
                f"{name}: {models[0].kind} answers cannot be averaged; write models of two classes"
            )
        if self.average not in get_args(Average):
            raise ValueError(f'{name}(average={self.average!r}): write "probability" or "log-odds"')
        if self.average == "log-odds" and models[0].kind != "binary":
            raise ValueError(
                f'{name}(average="log-odds"): a {models[0].kind} has none; leave average= out'
            )
        for source, weight in self.weights.items():
            if source not in self.models or not (weight > 0 and math.isfinite(weight)):
                raise ValueError(
                    f"{name}(weights={{{source!r}: {weight!r}}}): each weight is a positive number "
                    f"for one of {', '.join(self.sources)}; write weights={{{self.whole!r}: 2.0}}"
                )


class BySourceLearner:
    """Several learners at work: implements `models.protocol.Learner` over the rows of all."""

    def __init__(
        self,
        kind: Kind,
        parts: Mapping[str, Learner[Any]],
        whole: str,
        weights: Sequence[float],
        average: Average,
    ) -> None:
        self.kind = kind
        self._parts = parts
        self._whole = whole
        self._weights = np.array(weights, np.float64)
        self._log_odds = average == "log-odds"
        self._learned = np.zeros(len(parts), np.int64)

    def run(self, plan: Plan, rows: Any) -> Scores:
        """Carry out the plan, strictly in order; answer its `SCORE` steps."""
        learns = np.frombuffer(plan.op, np.int8) == LEARN
        value = np.empty(int(np.count_nonzero(~learns)))
        answers = np.empty((len(self._parts), len(value)))
        learned = np.empty(answers.shape, np.int64)
        for number, part in enumerate(self._parts.values()):
            steps = np.ones(len(learns), np.bool_)
            if plan.source is not None:
                steps[learns] = plan.source == number
            answers[number] = part.run(plan.only(steps), rows).value
            before = self._learned[number] + np.cumsum(steps & learns)
            learned[number] = before[~learns]
            self._learned[number] += np.count_nonzero(steps & learns)
        _pool(answers, learned, self._weights, self._log_odds, value)
        if self.kind != "binary":
            return Scores(value, None)
        return Scores(value, where_known(value > 0.5, ~np.isnan(value)))

    def state(self) -> State:
        """The states of all, and how much each has learned."""
        parts = {name: part.state() for name, part in self._parts.items()}
        return {"learned": self._learned.copy(), "parts": parts}

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""
        for name, part in self._parts.items():
            part.restore(state["parts"][name])
        self._learned = state["learned"].copy()

    def summary(self) -> Mapping[str, float]:
        """The figures of the model that learns every event, and how much was ``learned_from_…``."""
        counts = dict(zip(self._parts, self._learned.tolist(), strict=True))
        found = {f"learned_from_{name}": float(learned) for name, learned in counts.items()}
        return {**self._parts[self._whole].summary(), **found}


@fused(kernels)
def _pool(
    answers: NDArray[np.float64],
    learned: NDArray[np.int64],
    weights: NDArray[np.float64],
    log_odds: bool,
    value: NDArray[np.float64],
) -> None:
    """The weighted average of each column of answers, over those who have one and have learned."""
    for n in range(answers.shape[1]):
        learner = False
        for k in range(len(weights)):
            learner |= learned[k, n] > 0 and not math.isnan(answers[k, n])
        total = weight = 0.0
        for k in range(len(weights)):
            answer = answers[k, n]
            if math.isnan(answer) or (learner and learned[k, n] == 0):
                continue
            if log_odds:
                answer = min(max(answer, _SUREST), 1.0 - _SUREST)
                answer = math.log(answer / (1.0 - answer))
            total += weights[k] * answer
            weight += weights[k]
        value[n] = total / weight if weight > 0.0 else math.nan
        if log_odds and weight > 0.0:
            value[n] = sigmoid(value[n])
