"""Tallies: what a set of verdicts amounts to, in numbers that add up.

A tally holds integer counts and exact sums only. It depends on which verdicts it was given, not on
their order, slices or parts: the tally of a group is the merge of its partitions' tallies.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.confidence import Confidence
from models.delays import Delays
from models.exact import ExactSums
from models.intervals import beside, logit, normal, wilson
from models.protocol import Kind, State
from models.ranking import Ranking, average_precision
from models.verdicts import MAX_CLASSES, UNKNOWN, Verdicts

__all__ = ["ClassTally", "NumberTally", "OutcomeTally", "Table", "Tally", "tally"]


class Part(Protocol):
    """Something that adds up."""

    def merge(self, other: Any) -> None:
        """Count what `other`, of the same make, counted."""

    def state(self) -> State:
        """Everything `restore` needs."""

    def restore(self, state: Any) -> None:
        """Take over a state made by `state`."""


class Table:
    """Counts of verdicts by one or two integer properties."""

    __slots__ = ("count",)

    def __init__(self, *shape: int) -> None:
        self.count: NDArray[np.int64] = np.zeros(shape, np.int64)

    def add(self, *places: NDArray[np.integer[Any] | np.bool_]) -> None:
        """Count one verdict at each place, given by its coordinates."""
        flat = np.ravel_multi_index([place.astype(np.intp) for place in places], self.count.shape)
        self.count += np.bincount(flat, minlength=self.count.size).reshape(self.count.shape)

    def merge(self, other: Table) -> None:
        """Count what `other` counted."""
        self.count += other.count

    def state(self) -> State:
        """Everything `restore` needs."""
        return {"count": self.count.copy()}

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a table of the same shape."""
        self.count[...] = state["count"]


class Tally(ABC):
    """The figures of one kind of model over some set of labels."""

    def __init__(self, **parts: Part) -> None:
        self._parts: Mapping[str, Part] = parts

    @abstractmethod
    def add(self, verdicts: Verdicts) -> None:
        """Count verdicts made by the clerk of the same kind."""

    @abstractmethod
    def measures(self, budget: float) -> dict[str, float]:
        """The figures by name, always the same names; NaN where one is not defined yet.

        Args:
            budget: share of the scores that can be acted on.
        """

    def merge(self, other: Tally) -> None:
        """Count what `other`, of the same kind, counted."""
        for name, part in self._parts.items():
            part.merge(other._parts[name])

    def state(self) -> State:
        """Everything `restore` needs."""
        return {name: part.state() for name, part in self._parts.items()}

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a tally of the same kind."""
        for name, part in self._parts.items():
            part.restore(state[name])


def tally(kind: Kind) -> Tally:
    """An empty tally for a kind of model."""
    if kind == "regression":
        return NumberTally()
    if kind == "multiclass":
        return ClassTally()
    return OutcomeTally(probability=kind == "binary")


class OutcomeTally(Tally):
    """Binary labels against probabilities, or against anomaly scores (``probability=False``).

    Attributes:
        ranking: the labels by score.
    """

    def __init__(self, *, probability: bool) -> None:
        self.ranking = Ranking(unbounded=not probability)
        self._confusion = Table(3, 2)  # decision (unknown, 0, 1) by outcome
        self._unchanged = Table(3, 2)  # unknown, no, yes, by outcome
        self._delays = Delays()
        self._confidence = Confidence() if probability else None
        parts: dict[str, Part] = (
            {} if self._confidence is None else {"confidence": self._confidence}
        )
        super().__init__(
            ranking=self.ranking,
            confusion=self._confusion,
            unchanged=self._unchanged,
            delays=self._delays,
            **parts,
        )

    def add(self, verdicts: Verdicts) -> None:
        """See `Tally.add`."""
        self._confusion.add(verdicts["decision"] - UNKNOWN, verdicts["outcome"])
        self._unchanged.add(verdicts["unchanged"] - UNKNOWN, verdicts["outcome"])
        self._delays.add(verdicts["delay"])
        finite = np.isfinite(verdicts["score"])
        answered = verdicts if finite.all() else verdicts[finite]
        self.ranking.add(answered["score"], answered["outcome"])
        if self._confidence is not None:
            self._confidence.add(answered["score"], answered["outcome"])

    def measures(self, budget: float) -> dict[str, float]:
        """See `Tally.measures`."""
        (_, _), (true_negatives, missed), (false_alerts, caught) = self._confusion.count.tolist()
        negatives, positives = self._confusion.count.sum(axis=0).tolist()
        labels = negatives + positives
        decided = true_negatives + missed + false_alerts + caught
        ranking, top = self.ranking, self.ranking.at_budget(budget)
        auc, average_precision = ranking.auc(), ranking.average_precision()
        figures = {
            "labels": labels,
            "answered": ranking.positives + ranking.negatives,
            "decided": decided,
            "positives": positives,
            "alerts": false_alerts + caught,
            "base_rate": _ratio(positives, labels),
            "auc": auc,
            **beside("auc", logit(auc, ranking.auc_error())),
            "average_precision": average_precision,
            **beside("average_precision", logit(average_precision, ranking.precision_error())),
            "precision_at_budget": top.precision,
            **beside("precision_at_budget", wilson(top.precision * top.actions, top.actions)),
            "precision_at_budget_ceiling": top.ceiling,
            "recall_at_budget": top.recall,
            "recall_at_budget_ceiling": top.recall_ceiling,
            "accuracy": _ratio(true_negatives + caught, decided),
            "precision": _ratio(caught, false_alerts + caught),
            **beside("precision", wilson(caught, false_alerts + caught)),
            "recall": _ratio(caught, missed + caught),
            **beside("recall", wilson(caught, missed + caught)),
            "false_alerts_per_caught": _ratio(false_alerts, caught),
            "f1": _ratio(2 * caught, false_alerts + missed + 2 * caught),
            "no_change_average_precision": self._no_change(),
            "majority_accuracy": _ratio(max(positives, negatives), labels),
            "no_change_accuracy": _share(self._unchanged),
        }
        if self._confidence is not None:
            figures |= self._confidence.measures()
            figures["prior_log_loss"] = _entropy(positives, negatives)
        return figures | self._delays.measures()

    def _no_change(self) -> float:
        """Average precision of a baseline whose score is the label before."""
        _, (fell, rose), (still_no, still_yes) = self._unchanged.count.tolist()
        return average_precision(np.array([rose, still_yes]), np.array([still_no, fell]))


class ClassTally(Tally):
    """Labels of several classes against the predicted class and the probability it was given.

    The confidence figures judge the claim *my class is right with this probability*; they are not
    the log loss of the whole distribution, which a prediction does not carry.
    """

    def __init__(self) -> None:
        self.classes = Table(MAX_CLASSES + 1, 3)  # label by decision (unknown, wrong, right)
        self._unchanged = Table(3)
        self._answered = Table(2)
        self._delays = Delays()
        self._confidence = Confidence()
        super().__init__(
            classes=self.classes,
            unchanged=self._unchanged,
            answered=self._answered,
            delays=self._delays,
            confidence=self._confidence,
        )

    def renumbered(self, numbers: NDArray[np.int32]) -> ClassTally:
        """The same tally where class `k` is class ``numbers[k]``."""
        renumbered = ClassTally()
        renumbered.merge(self)
        renumbered.classes.count[...] = 0
        np.add.at(renumbered.classes.count, numbers, self.classes.count)
        return renumbered

    def add(self, verdicts: Verdicts) -> None:
        """See `Tally.add`."""
        self.classes.add(verdicts["label"], verdicts["correct"] - UNKNOWN)
        self._unchanged.add(verdicts["unchanged"] - UNKNOWN)
        self._delays.add(verdicts["delay"])
        finite = np.isfinite(verdicts["score"])
        self._answered.add(finite)
        claims = verdicts[finite & (verdicts["correct"] != UNKNOWN)]
        self._confidence.add(claims["score"], claims["correct"])

    def measures(self, budget: float) -> dict[str, float]:  # noqa: ARG002  # nothing is ranked
        """See `Tally.measures`."""
        named = self.classes.count[:MAX_CLASSES]
        support = named.sum(axis=1)
        wrong, right = self.classes.count[:, 1].sum(), self.classes.count[:, 2].sum()
        labels = int(self.classes.count.sum())
        judged = named[:, 1] + named[:, 2]
        recalls = named[judged > 0, 2] / judged[judged > 0]
        figures = {
            "labels": labels,
            "answered": int(self._answered.count[1]),
            "decided": int(wrong + right),
            "classes": int(np.count_nonzero(support)),
            "pooled_labels": labels - int(support.sum()),
            "accuracy": _ratio(int(right), int(wrong + right)),
            **beside("accuracy", wilson(int(right), int(wrong + right))),
            "balanced_accuracy": float(recalls.mean()) if len(recalls) else math.nan,
            "majority_accuracy": _ratio(int(support.max()), labels),
            "no_change_accuracy": _share(self._unchanged),
        }
        claims = {f"confidence_{name}": it for name, it in self._confidence.measures().items()}
        return figures | claims | self._delays.measures()


class NumberTally(Tally):
    """Numbers against predicted numbers."""

    def __init__(self) -> None:
        self._answered = Table(2)
        self._preceded = Table(2)
        self._sums = ExactSums(
            ["error", "absolute_error", "squared_error", "target", "squared_target", "change"]
        )
        self._delays = Delays()
        super().__init__(
            answered=self._answered, preceded=self._preceded, sums=self._sums, delays=self._delays
        )

    def add(self, verdicts: Verdicts) -> None:
        """See `Tally.add`."""
        self._delays.add(verdicts["delay"])
        known = np.isfinite(verdicts["previous"])
        self._preceded.add(known)
        self._sums.add("change", np.abs(verdicts["target"] - verdicts["previous"])[known])
        finite = np.isfinite(verdicts["score"])
        self._answered.add(finite)
        target = verdicts["target"][finite]
        error = verdicts["score"][finite] - target
        self._sums.add("error", error)
        self._sums.add("absolute_error", np.abs(error))
        self._sums.add("squared_error", error * error)
        self._sums.add("target", target)
        self._sums.add_squares("squared_target", target)

    def measures(self, budget: float) -> dict[str, float]:  # noqa: ARG002  # nothing is ranked
        """See `Tally.measures`; ``r2`` is of the answered labels, against their own mean."""
        unanswered, answered = self._answered.count.tolist()
        preceded = int(self._preceded.count[1])
        figures: dict[str, float] = {"labels": unanswered + answered, "answered": answered}
        undefined = dict.fromkeys(
            ("mae", "mae_low", "mae_high", "rmse", "bias", "r2", "mean_rmse"), math.nan
        )
        return (
            figures
            | (self._errors(answered) if answered else undefined)
            | {"no_change_mae": float(self._sums["change"] / preceded) if preceded else math.nan}
            | self._delays.measures()
        )

    def _errors(self, answered: int) -> dict[str, float]:
        squared = float(self._sums["squared_error"] / answered)
        absolute = float(self._sums["absolute_error"] / answered)
        spread = math.sqrt(max(squared - absolute * absolute, 0.0) / answered)
        mean = self._sums["target"] / answered
        # Exact: no digit is lost where the mean is large beside the spread.
        variance = max(float(self._sums["squared_target"] / answered - mean * mean), 0.0)
        return {
            "mae": absolute,
            **beside("mae", normal(absolute, spread)),
            "rmse": math.sqrt(squared),
            "bias": float(self._sums["error"] / answered),
            "r2": 1.0 - squared / variance if variance else math.nan,
            "mean_rmse": math.sqrt(variance),
        }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _share(unchanged: Table) -> float:
    """How often a baseline that knew the label before was right."""
    _, wrong, right = unchanged.count.reshape(3, -1).sum(axis=1).tolist()
    return _ratio(right, wrong + right)


def _entropy(positives: int, negatives: int) -> float:
    """Log loss of a score that is always the share of positives."""
    total = positives + negatives
    if not total:
        return math.nan
    shares = (positives / total, negatives / total)
    return -sum(share * math.log(share) for share in shares if share)
