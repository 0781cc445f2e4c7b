"""A model that notices when it has become worse, and learns anew beside itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.ledger import Ledger
from models.losses import Losses
from models.novelty import NOVELTY_BINS, Novelty
from models.protocol import Plan, Scores, State
from models.sharing import Shared
from models.stability import SCORE_BINS, Stability, score_bins
from models.stretches import asking, joined, labels_only, stretches, taken
from models.wagers import Duel, Rise

__all__ = ["Adaptive", "AdaptiveLearner"]

_ROUNDS = 200
"""How often in a reference's length it is decided what to do."""

_SCHOOL = _ROUNDS // 4
"""Rounds that a new model learns before it is compared."""


class Adaptive(Shared):
    """A model, and another one that learns from scratch when the first has become worse.

    Each label is set against what was answered when its event came. When the losses have risen, a
    background model begins to learn the same labels. After a quarter of `reference` both are asked
    again right before each label is learned; as soon as the background's answers are better, by a
    test that is wrong with a chance of `alpha`, it takes the model's place. If it is not better
    after `reference` labels, it is dropped. The background costs as much as the model, while there
    is one.

    Args:
        model: any of our models, or a River classifier or regressor.
        background: what to begin with after an alarm; by default the model itself, untrained.
        reference: labels whose mean loss is what is usual; older ones fade. A quarter of them is
            passed over before, and nothing can be noticed until both are over.
        tolerance: by which share losses may rise without being worse.
        every: labels between two false alarms at least, on average, while losses stay within the
            tolerance.
        alpha: the chance that a background that is no better takes the model's place.

    Raises:
        TypeError: `model` or `background` is none.
        ValueError: they cannot read the same rows, or a number is out of its range.
    """

    def __init__(
        self,
        model: Any,
        background: Any = None,
        *,
        reference: int = 200_000,
        tolerance: float = 0.05,
        every: float = 300_000,
        alpha: float = 0.05,
        patience: int = 1_000_000,
    ) -> None:
        super().__init__(
            {"model": model, "background": model if background is None else background}
        )
        if not (type(reference) is int and reference >= _ROUNDS):
            raise ValueError(
                f"Adaptive(reference={reference!r}): what is usual is known from some hundred "
                "labels on; write reference=200_000, or as many labels as come in some weeks"
            )
        if not tolerance >= 0:
            raise ValueError(
                f"Adaptive(tolerance={tolerance!r}): it is the share by which losses may rise; "
                "write tolerance=0.05"
            )
        if not every >= 1:
            raise ValueError(
                f"Adaptive(every={every!r}): it counts the labels between two false alarms; "
                "write every=300_000"
            )
        if not 0 < alpha < 1:
            raise ValueError(
                f"Adaptive(alpha={alpha!r}): it is the chance of a wrong swap; write alpha=0.05"
            )
        if not (type(patience) is int and patience >= 1):
            raise ValueError(
                f"Adaptive(patience={patience!r}): it counts the events that a label is waited "
                "for; write patience=1_000_000"
            )
        Losses(self.kind, "Adaptive")
        self.reference = reference
        self.tolerance = tolerance
        self.every = every
        self.alpha = alpha
        self.patience = patience

    def describe(self) -> Mapping[str, Any]:
        """Both models, and every number."""
        return {
            "model": "Adaptive",
            "of": dict(self.models["model"].describe()),
            "background": dict(self.models["background"].describe()),
            "reference": self.reference,
            "tolerance": self.tolerance,
            "every": self.every,
            "alpha": self.alpha,
            "patience": self.patience,
        }

    def new(self, seed: int) -> AdaptiveLearner:
        """A fresh learner, without a background."""
        return AdaptiveLearner(self, seed)

    def fresh(self, again: bool, seed: int) -> Any:
        """A fresh learner of the model, or of the background."""
        return self.models["background" if again else "model"].new(seed)


class AdaptiveLearner:
    """An `Adaptive` at work: implements `models.protocol.Learner` over the rows of its models.

    What is to be done is decided at the end of each round, a fixed number of labels: where plans
    are cut makes no difference.

    Attributes:
        published: the learner whose scores are published.
        reference: labels until an alarm is possible.
        alarms: how often the losses had risen.
        swaps: how often a background took the model's place.
    """

    def __init__(self, model: Adaptive, seed: int) -> None:
        self.kind = model.kind
        self.reference = model.reference
        self._model, self._seed = model, seed
        self._round = model.reference // _ROUNDS
        self._left = self._round
        self._learned = self.alarms = self.swaps = 0
        self.published = model.fresh(False, seed)
        self._background: Any = None
        self._trial = 0
        self._losses = Losses(model.kind, "Adaptive")
        self._duel = Duel(self._losses.bound)
        self._ledger = Ledger(self._losses, 1, model.patience)
        window = model.reference // 10
        self._shifts = {
            "scores": Stability(SCORE_BINS, window),
            "inputs": Stability(NOVELTY_BINS, window),
            "labels": Stability(self._losses.groups, window),
        }
        self._novelty = Novelty(2**model.bits if model.form == "hashed" else 0)
        self._rise = Rise(self._losses.groups, model.reference, model.tolerance, model.every)

    @property
    def memory(self) -> int | None:
        """Bytes of the weight table; a background has as much again."""
        return getattr(self.published, "memory", None)

    def run(self, plan: Plan, rows: Any) -> Scores:
        """Carry out the plan, strictly in order; answer its `SCORE` steps."""
        parts = []
        for part in stretches(plan, self._left, self._round):
            parts.append(self._carry_out(part, rows))
            self._left -= len(part.target)
            if not self._left:
                self._left = self._round
                self._decide()
        return joined(parts)

    def _carry_out(self, plan: Plan, rows: Any) -> Scores:
        labels = self._losses.labels(plan)
        if self._background is None:
            scores: Scores = self.published.run(plan, rows)
        else:
            scores = self._compare(plan, rows, labels)
        self._shifts["scores"].take(score_bins(self.kind, scores.value))
        self._shifts["inputs"].take(self._novelty.bins(plan, rows))
        costs = self._ledger.take(plan, [scores], labels)
        self._shifts["labels"].take(costs.group)
        self._rise.take(costs.loss[:, 0], costs.group)
        self._learned += len(labels)
        return scores

    def _compare(self, plan: Plan, rows: Any, labels: NDArray[np.float64]) -> Scores:
        """Have both answer right before each label: of its event only one was asked."""
        asked, before_labels = asking(plan)
        scores = self.published.run(asked, rows)
        others = self._background.run(labels_only(plan), rows)
        if self._trial >= _SCHOOL:
            champion = self._losses.answers(taken(scores, before_labels))
            challenger = self._losses.answers(others)
            self._duel.take(self._losses.of(champion, labels), self._losses.of(challenger, labels))
        return taken(scores, ~before_labels)

    def _decide(self) -> None:
        if self._background is None:
            if self._rise.evidence >= 1:
                self.alarms += 1
                self._background = self._model.fresh(True, self._seed)
                self._duel, self._trial = Duel(self._losses.bound), 0
            return
        self._trial += 1
        better = self._duel.evidence >= 1 / self._model.alpha
        if better:
            self.swaps += 1
            self.published = self._background
        if better or self._trial == _ROUNDS:
            self._background = None
            self._rise.restart()

    def state(self) -> State:
        """Both learners, the answers that wait for their label, and what is usual."""
        return {
            "published": self.published.state(),
            "background": None if self._background is None else self._background.state(),
            "losses": self._losses.state(),
            "duel": self._duel.state(),
            "ledger": self._ledger.state(),
            "rise": self._rise.state(),
            "novelty": self._novelty.state(),
            "shifts": {name: shift.state() for name, shift in self._shifts.items()},
            "counts": [self._left, self._trial, self._learned, self.alarms, self.swaps],
        }

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""
        counts = map(int, state["counts"])
        self._left, self._trial, self._learned, self.alarms, self.swaps = counts
        self.published = self._model.fresh(self.swaps > 0, self._seed)
        self.published.restore(state["published"])
        self._background = None
        if state["background"] is not None:
            self._background = self._model.fresh(True, self._seed)
            self._background.restore(state["background"])
        self._losses.restore(state["losses"])
        self._duel.restore(state["duel"])
        self._ledger.restore(state["ledger"])
        self._rise.restore(state["rise"])
        self._novelty.restore(state["novelty"])
        for name, shift in self._shifts.items():
            shift.restore(state["shifts"][name])

    def summary(self) -> Mapping[str, float]:
        """The published learner's, and how it stands with drift.

        ``drift_evidence`` (1: an alarm), ``drift_alarms`` and ``drift_swaps`` so far,
        ``background`` (1 while one learns) and ``background_evidence``, its e-value. What nothing
        is done about: ``shift_scores`` and ``shift_inputs``, the stability index of the last window
        of a tenth of `reference` events, and ``label_rate_ratio``, the share of positives in it to
        that before.
        """
        return {
            **self.published.summary(),
            "learned": float(self._learned),
            "drift_evidence": self._rise.evidence,
            "drift_alarms": float(self.alarms),
            "drift_swaps": float(self.swaps),
            "background": float(self._background is not None),
            "shift_scores": self._shifts["scores"].index,
            "shift_inputs": self._shifts["inputs"].index,
            "label_rate_ratio": self._shifts["labels"].ratio(self._losses.groups - 1),
            "background_evidence": self._duel.evidence if self._background is not None else 0.0,
        }
