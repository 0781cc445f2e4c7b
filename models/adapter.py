"""Any River estimator as a model: the same protocol, one event after another in Python."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import river
from river import base

from models.attribution import Asked
from models.column import listed
from models.dictrows import DictRows
from models.estimators import ModelError, described, kinds, last_step, seeded
from models.pickles import dump, load
from models.protocol import SCORE, Kind, Plan, Scores, State, Target
from models.targets import refusal

__all__ = ["ModelError", "RiverLearner", "RiverModel", "adapt"]

Features: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = tuple[float, Target | None]

_SILENCE: Answer = (math.nan, None)


def adapt(estimator: Any, kind: Kind | None = None) -> RiverModel:
    """Make a model of a River classifier, regressor, anomaly detector, or pipeline of them.

    Every partition starts with an untrained copy. Parts without a seed are given one.

    Args:
        estimator: the River estimator; it is only read.
        kind: what to predict. A classifier is taken as a binary one unless ``"multiclass"`` is
            asked for, which it has to be able to.

    Raises:
        ModelError: not such an estimator, or not able to predict `kind`.
    """
    possible = kinds(estimator)
    if kind is None:
        kind = possible[0]
    if kind not in possible:
        raise ModelError(_other_kind(estimator, kind, possible))
    return RiverModel(estimator.clone(), kind)


@dataclass(frozen=True, slots=True, eq=False)
class RiverModel:
    """A River estimator as declared; made by `adapt`."""

    estimator: Any
    kind: Kind
    form: ClassVar[Literal["named"]] = "named"

    def describe(self) -> Mapping[str, Any]:
        """River's version, the kind, and the estimator with all its parameters."""
        return {
            "model": "River",
            "river": river.__version__,
            "kind": self.kind,
            "estimator": described(self.estimator),
        }

    @property
    def weighs(self) -> bool:
        """Whether its last step learns a label with a weight, ``learn_one(x, y, w=…)``."""
        learn = getattr(last_step(self.estimator), "learn_one", None)
        return learn is not None and "w" in inspect.signature(learn).parameters

    def accepts(self, target: Target) -> str | None:
        """Why this label cannot be learned; None: it can."""
        return refusal(self.kind, target)

    def new(self, seed: int) -> RiverLearner:
        """A fresh learner; equal seeds give equal learners."""
        return RiverLearner(self, seed)

    def probe(self, x: Features, target: Target) -> None:
        """Try the estimator on one event, to fail when a pipeline is loaded and not hours later.

        Raises:
            ModelError: it cannot score, learn or keep such an event.
        """
        learner = self.new(0)
        try:
            learner.score(x)
            learner.learn(x, target)
            learner.score(x)
        except Exception as error:
            raise ModelError(_misfit(self.estimator, x, error)) from error
        try:
            learner.restore(learner.state())
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"{self.estimator} cannot be kept in a checkpoint: {error}. Write functions with "
                "'def' at the top of a module that can be imported; a lambda cannot be kept"
            ) from error


class RiverLearner:
    """A River estimator at work: implements `models.protocol.Learner` over `DictRows`.

    Scores and learns exactly as `river.evaluate.progressive_val_score` does, a slice at a time but
    one event after another: River's ``learn_many`` takes one step of a gradient for a whole batch,
    and its ``predict_proba_many`` would miss what is learned between two events of a slice, so that
    results would depend on where slices are cut. An anomaly detector learns from every event right
    after scoring it; labels then only count, for there is nothing in one that it could learn.
    """

    def __init__(self, model: RiverModel, seed: int) -> None:
        self.kind: Kind = model.kind
        self._model = model
        self._take(seeded(model.estimator, seed))
        self._learned = 0
        self._not_finite = 0

    def run(self, plan: Plan, rows: DictRows) -> Scores:
        """Carry out the plan, strictly in order; answer its `SCORE` steps."""
        targets = iter(listed(plan.target))
        weights = repeat(None) if plan.weight is None else iter(plan.weight.tolist())
        answers: list[Answer] = []
        for op, row in zip(plan.op, plan.row, strict=True):
            x = rows[row]
            try:
                if op == SCORE:
                    answers.append(self.score(x))
                else:
                    self.learn(x, next(targets), next(weights))
            except Exception as error:
                fields = {name: type(value).__name__ for name, value in x.items()}
                error.add_note(f"in row {row} of {self._model.estimator}, with the fields {fields}")
                raise
        value = np.array([value for value, _ in answers], np.float64)
        if self.kind in ("regression", "anomaly"):
            return Scores(value, None)
        return Scores(value, [decision for _, decision in answers])

    def score(self, x: Features) -> Answer:
        """Score and decision for one event; NaN and None where there is no finite answer."""
        answer = self._answer(x)
        if answer is None:
            return _SILENCE
        if math.isfinite(answer[0]):
            return answer
        self._not_finite += 1
        return _SILENCE

    def learn(self, x: Features, target: Target, weight: float | None = None) -> None:
        """Learn one label, counted `weight` times where there is one."""
        if self.kind == "binary":
            target = bool(target)
        if self.kind != "anomaly" and weight is None:
            self._estimator.learn_one(x, target)
        elif self.kind != "anomaly":
            self._estimator.learn_one(x, target, w=weight)
        self._learned += 1

    def moment(self, row: int, rows: DictRows) -> Asked:
        """A row, and a copy of the estimator that can be asked about it, and parts of it, again."""
        copy = self._model.new(0)
        copy.restore(self.state())
        x = rows[row]
        return Asked(copy.asking(dict(x)), x)

    def asking(self, x: Features) -> Callable[[Features], float | None]:
        """Its score of any row, without learning; of several classes, that of the one of `x`."""
        if self.kind == "regression":
            return lambda part: float(self._estimator.predict_one(part))
        if self.kind == "anomaly":
            return lambda part: float(self._estimator.score_one(part))
        _, decision = self._classify(x)
        wanted = True if self.kind == "binary" else decision

        def ask(part: Features) -> float | None:
            probability, _ = self._classify(part)
            return (
                float(probability.get(wanted, 0.0)) if probability and wanted is not None else None
            )

        return ask

    def state(self) -> State:
        """The pickled estimator with what is needed to read it safely, and the counts."""
        return {
            **dump(self._estimator),
            "learned": self._learned,
            "not_finite": self._not_finite,
        }

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""
        self._take(load(state, self._model.estimator))
        self._learned, self._not_finite = state["learned"], state["not_finite"]

    def summary(self) -> Mapping[str, float]:
        """Labels ``learned``, and scores that were ``not_finite`` and so not given."""
        return {"learned": float(self._learned), "not_finite": float(self._not_finite)}

    def _take(self, estimator: Any) -> None:
        self._estimator = estimator
        # River's own predict_one is the likeliest class of predict_proba_one: no need to ask twice.
        plain = getattr(type(last_step(estimator)), "predict_one", None)
        self._decides = plain is not base.Classifier.predict_one
        answers: dict[Kind, Callable[[Features], Answer | None]] = {
            "binary": self._binary,
            "multiclass": self._multiclass,
            "regression": self._regression,
            "anomaly": self._anomaly,
        }
        self._answer = answers[self.kind]

    def _binary(self, x: Features) -> Answer | None:
        probability, decision = self._classify(x)
        return (probability.get(True, 0.0), decision) if probability else None

    def _multiclass(self, x: Features) -> Answer | None:
        probability, decision = self._classify(x)
        return None if decision is None else (probability.get(decision, 0.0), decision)

    def _classify(self, x: Features) -> tuple[Mapping[Target, float], Target | None]:
        """Probability of each class, and the decision; a class without a probability has 1."""
        try:
            probability: Mapping[Target, float] = self._estimator.predict_proba_one(x)
        except NotImplementedError:
            decision: Target | None = self._estimator.predict_one(x)
            return ({} if decision is None else {decision: 1.0}), decision
        if self._decides:
            return probability, self._estimator.predict_one(x)
        return probability, max(probability, key=probability.__getitem__, default=None)

    def _regression(self, x: Features) -> Answer | None:
        prediction = self._estimator.predict_one(x)
        return None if prediction is None else (float(prediction), None)

    def _anomaly(self, x: Features) -> Answer | None:
        score = self._estimator.score_one(x)
        self._estimator.learn_one(x)
        return float(score), None


def _other_kind(estimator: Any, kind: Kind, possible: tuple[Kind, ...]) -> str:
    name = str(estimator)
    if kind == "multiclass" and possible == ("binary",):
        return (
            f"{name} tells two classes apart, and kind='multiclass' asks for more: write "
            f"multiclass.OneVsRestClassifier({name}(…)), or a tree.HoeffdingTreeClassifier()"
        )
    return (
        f"{name} cannot be a {kind} model; write adapt({name}(…), kind={possible[0]!r}), "
        f"or an estimator made for {kind}"
    )


def _misfit(estimator: Any, x: Features, error: Exception) -> str:
    said = f"{type(error).__name__}: {error}"
    for name, value in x.items():
        if isinstance(value, str):
            return (
                f"{estimator} cannot take the features ({said}). The field {name!r} holds text, "
                f"for example {value!r}: put preprocessing.OneHotEncoder() or "
                "preprocessing.FeatureHasher() in front, or leave the field out of the features"
            )
    return (
        f"{estimator} cannot take the features {dict(x)!r} ({said}): choose features it can read, "
        "or another estimator"
    )
