"""Verdicts: each label set against what was predicted before it was known.

A `Clerk` turns a slice of scores, decisions and labels into a structured array, one verdict a
label. It is the one place that depends on the order of labels: it remembers the label before, which
is what the no-change baseline answers, and numbers the classes as they appear.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.column import Column, listed
from models.compiled import compiled
from models.protocol import Kind, Target

__all__ = ["MAX_CLASSES", "UNKNOWN", "Clerk", "QualityError", "Verdicts", "clerk"]

Verdicts: TypeAlias = NDArray[np.void]
"""A structured array; the fields are those of the clerk's `fields`."""

UNKNOWN = -1
"""Stands in an int8 field for *there was no answer*; otherwise it holds 0 or 1."""

MAX_CLASSES = 100
"""Classes that are told apart; later ones are pooled under this number."""

_LARGEST = 1e150  # its square is still finite


class QualityError(ValueError):
    """A label, score or setting that quality cannot be measured with."""


class Clerk(Protocol):
    """Writes the verdicts of one kind of model.

    Every kind has the fields ``score`` and ``delay`` (float64, NaN: none).
    """

    fields: np.dtype[np.void]

    def judge(
        self,
        score: NDArray[np.float64],
        decision: Column | None,
        target: Column,
    ) -> Verdicts:
        """Set labels against what was predicted; the caller fills in ``delay``.

        Raises:
            QualityError: a label or decision is not one of this kind.
        """

    def state(self) -> Mapping[str, Any]:
        """Everything `restore` needs."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state made by `state` of a clerk of the same kind."""


def clerk(kind: Kind) -> Clerk:
    """The clerk for a kind of model."""
    if kind == "regression":
        return NumberClerk()
    return ClassClerk() if kind == "multiclass" else OutcomeClerk()


class OutcomeClerk:
    """Binary labels, of a classifier or of an anomaly detector.

    ``outcome`` is the label, ``decision`` the answer, ``unchanged`` whether the label equals the
    one before; all int8.
    """

    fields = np.dtype(
        [
            ("score", "f8"),
            ("delay", "f8"),
            ("outcome", "i1"),
            ("decision", "i1"),
            ("unchanged", "i1"),
        ]
    )

    def __init__(self) -> None:
        self._last = UNKNOWN

    def judge(
        self,
        score: NDArray[np.float64],
        decision: Column | None,
        target: Column,
    ) -> Verdicts:
        """See `Clerk.judge`; labels and decisions are 0 and 1 or booleans."""
        outcome = _checked(_numbers(target), gaps=False)
        answer = np.full(len(target), math.nan) if decision is None else _numbers(decision)
        verdicts = np.empty(len(target), self.fields)
        verdicts["score"] = score
        _judge(outcome, _checked(answer, gaps=True), self._last, verdicts)
        self._last = int(outcome[-1])
        return verdicts

    def state(self) -> Mapping[str, Any]:
        """See `Clerk.state`."""
        return {"last": self._last}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Clerk.restore`."""
        self._last = state["last"]


class NumberClerk:
    """Labels of a regression: ``target``, and ``previous``, the label before (NaN: none)."""

    fields = np.dtype([("score", "f8"), ("delay", "f8"), ("target", "f8"), ("previous", "f8")])

    def __init__(self) -> None:
        self._last = math.nan

    def judge(
        self,
        score: NDArray[np.float64],
        decision: Column | None,  # noqa: ARG002  # a number is its own decision
        target: Column,
    ) -> Verdicts:
        """See `Clerk.judge`; labels are numbers of magnitude below 1e150."""
        numbers = _numbers(target)
        if not np.all(np.abs(numbers) <= _LARGEST):
            bad = numbers[~(np.abs(numbers) <= _LARGEST)][0]
            raise QualityError(
                f"a label is {bad}: one such number would swallow every error after it; "
                "send labels that are not finite to the dead-letter topic"
            )
        verdicts = np.empty(len(target), self.fields)
        verdicts["score"] = np.where(np.abs(score) <= _LARGEST, score, math.nan)
        verdicts["target"] = numbers
        verdicts["previous"] = np.concatenate(([self._last], numbers[:-1]))
        self._last = float(numbers[-1])
        return verdicts

    def state(self) -> Mapping[str, Any]:
        """See `Clerk.state`."""
        return {"last": self._last}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Clerk.restore`."""
        self._last = state["last"]


class ClassClerk:
    """Labels of several classes.

    ``label`` is the class's number in order of appearance, ``correct`` whether the decision is that
    class, ``unchanged`` whether the label before was.
    """

    fields = np.dtype(
        [("score", "f8"), ("delay", "f8"), ("label", "i4"), ("correct", "i1"), ("unchanged", "i1")]
    )

    def __init__(self) -> None:
        self._numbers = _ClassNumbers()
        self._last: Target | None = None

    @property
    def classes(self) -> list[Target]:
        """The classes that have a number, in order of appearance."""
        return list(self._numbers)

    def judge(
        self,
        score: NDArray[np.float64],
        decision: Column | None,
        target: Column,
    ) -> Verdicts:
        """See `Clerk.judge`; classes are equal when Python says so."""
        verdicts = np.empty(len(target), self.fields)
        target = listed(target)
        decision = None if decision is None else listed(decision)
        verdicts["score"] = score
        verdicts["label"] = self.numbers(target)
        verdicts["correct"] = UNKNOWN if decision is None else _equal(decision, target)
        verdicts["unchanged"] = _equal(chain((self._last,), target), target)
        self._last = target[-1]
        return verdicts

    def translation(self, other: ClassClerk) -> NDArray[np.int32]:
        """int32[MAX_CLASSES + 1]: for each number that `other` gave, the one given here."""
        numbers = np.full(MAX_CLASSES + 1, MAX_CLASSES, np.int32)
        classes = other.classes
        numbers[: len(classes)] = self.numbers(classes)
        return numbers

    def numbers(self, classes: Iterable[Target]) -> NDArray[np.int32]:
        """The number of each class; new classes get the next one while there are numbers left."""
        return np.fromiter(map(self._numbers.__getitem__, classes), np.int32)

    def state(self) -> Mapping[str, Any]:
        """See `Clerk.state`."""
        return {"last": self._last, "classes": self.classes}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Clerk.restore`."""
        self._last = state["last"]
        self._numbers = _ClassNumbers()
        self.numbers(state["classes"])


class _ClassNumbers(dict[Target, int]):
    def __missing__(self, key: Target) -> int:
        if len(self) == MAX_CLASSES:
            return MAX_CLASSES
        return self.setdefault(key, len(self))


def _equal(answers: Iterable[Target | None], target: Sequence[Target]) -> NDArray[np.int8]:
    """Whether each answer is the label; `UNKNOWN` where it is None."""
    return np.fromiter(
        (UNKNOWN if a is None else a == t for a, t in zip(answers, target, strict=False)),
        np.int8,
        len(target),
    )


def _numbers(values: Column) -> NDArray[np.float64]:
    """float64, NaN for None."""
    if isinstance(values, np.ndarray):
        return values.astype(np.float64)
    if str in set(map(type, values)):  # NumPy would read the text "1" as a number
        text = next(value for value in values if isinstance(value, str))
        raise QualityError(
            f"{text!r} is text where a number is measured: give labels as 0 and 1, "
            "or declare a multiclass model"
        )
    return np.asarray(values, np.float64)


def _checked(numbers: NDArray[np.float64], *, gaps: bool) -> NDArray[np.float64]:
    """The numbers, if all of them are 0 or 1, or NaN where there may be `gaps`."""
    if (place := _odd(numbers, gaps)) >= 0:
        raise QualityError(
            f"{numbers[place]:g} is no binary label: labels and decisions are 0 or 1, False or "
            "True; declare a multiclass model for more than two classes"
        )
    return numbers


@compiled
def _odd(numbers: NDArray[np.float64], gaps: bool) -> int:
    """The place of the first number that may not be there; -1 for none."""
    for n in range(len(numbers)):
        if numbers[n] not in (0.0, 1.0) and not (gaps and math.isnan(numbers[n])):
            return n
    return -1


@compiled
def _judge(
    outcome: NDArray[np.float64], answer: NDArray[np.float64], last: int, verdicts: Any
) -> None:
    """Write ``outcome``, ``decision`` and ``unchanged``; `last` is the outcome before, if any."""
    for n in range(len(verdicts)):
        label = int(outcome[n])
        verdicts[n].outcome = label
        verdicts[n].decision = UNKNOWN if math.isnan(answer[n]) else int(answer[n])
        verdicts[n].unchanged = UNKNOWN if last == UNKNOWN else int(last == label)
        last = label
