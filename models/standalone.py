"""A compiled model as a River estimator: its `learn_one` is a plan of one step."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from models.protocol import Kind, Plan, Target
from models.rows import Rows
from models.targets import refusal

__all__ = ["Standalone"]


class Standalone(ABC):
    """What the declarations of our models share: a learner of their own, used outside of a task.

    Hyper-parameters cannot change after construction; `clone` makes a model with others.

    Attributes:
        slots: whether the rows it reads have their numbers in slots; see
            `models.encoders.HashedEncoder`.
        weighs: whether a label can count more or less than others.
        mixes: whether learners of several partitions can learn as one; see `models.mixing`.
    """

    kind: ClassVar[Kind]
    form: ClassVar[Literal["hashed"]] = "hashed"
    slots: ClassVar[bool] = False
    weighs: ClassVar[bool] = False
    mixes: ClassVar[bool] = False
    seed: int

    _own: tuple[Any, Rows] | None = None

    @abstractmethod
    def describe(self) -> Mapping[str, Any]:
        """Every hyper-parameter; equal where two models learn the same from the same rows."""

    @abstractmethod
    def new(self, seed: int) -> Any:
        """A fresh `models.protocol.Learner`."""

    @abstractmethod
    def _entries(self, x: Mapping[Any, Any]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The row of one event, given as a dict."""

    def accepts(self, target: Target) -> str | None:
        """Why this label cannot be learned; None: it can."""
        return refusal(self.kind, target)

    def learn_one(self, x: Mapping[Any, Any], y: Target) -> None:
        """Learn one event outside a task."""
        if reason := self.accepts(y):
            raise ValueError(f"{type(self).__name__}.learn_one: {reason}")
        self._step(x, y)

    def _step(self, x: Mapping[Any, Any], y: Target | None = None) -> float:
        """Score one event, or learn it where there is a label."""
        if self._own is None:
            self._own = self.new(self.seed), Rows()
        learner, rows = self._own
        index, value = self._entries(x)
        row = rows.append(np.array([len(index)]), index, value)
        plan = Plan()
        if y is None:
            plan.score(row)
        else:
            plan.learn(row, y)
        scores = learner.run(plan, rows)
        rows.drop_before(rows.next)
        return float(scores.value[0]) if y is None else math.nan

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__ and name in inspect.signature(type(self)).parameters:
            raise AttributeError(
                f"{name} of a {type(self).__name__} is fixed once it is made; "
                f"write model.clone({{{name!r}: {value!r}}})"
            )
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        own = None if self._own is None else self._own[0].state()
        return {**self.__dict__, "_own": own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _own=None)
        if state["_own"] is not None:
            self._own = self.new(self.seed), Rows()
            self._own[0].restore(state["_own"])
