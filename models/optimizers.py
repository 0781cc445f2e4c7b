"""How a linear model takes a step: the declarations; the arithmetic is in `models.kernels`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from models.kernels import ADAGRAD, FTRL_PROXIMAL, GRADIENT

__all__ = ["FTRL", "SGD", "AdaGrad", "Optimizer"]


@dataclass(frozen=True, slots=True)
class SGD:
    """Plain stochastic gradient descent, one rate for all weights.

    Attributes:
        lr: learning rate, > 0.
        schedule: ``"constant"``, or ``"sqrt"`` for lr/√t at the t-th label (Zinkevich 2003,
            "Online Convex Programming and Generalized Infinitesimal Gradient Ascent").
    """

    lr: float = 0.01
    schedule: Literal["constant", "sqrt"] = "constant"

    rule: ClassVar[int] = GRADIENT
    width: ClassVar[int] = 1

    def __post_init__(self) -> None:
        _positive(self, "lr")
        if self.schedule not in ("constant", "sqrt"):
            raise ValueError(
                f"SGD(schedule={self.schedule!r}): there is no such schedule; "
                'write SGD(schedule="constant") or SGD(schedule="sqrt")'
            )

    @property
    def first(self) -> float:
        """About the length of a weight's first step."""
        return self.lr

    def knobs(self) -> tuple[float, float]:
        """The two numbers the kernel reads."""
        return self.lr, float(self.schedule == "sqrt")

    def describe(self) -> Mapping[str, Any]:
        """Name and hyper-parameters."""
        return _describe(self)


@dataclass(frozen=True, slots=True)
class AdaGrad:
    """A rate of its own for every weight, lr / (√Σg² + eps).

    Source: Duchi, Hazan, Singer 2011, "Adaptive Subgradient Methods", JMLR 12, with a diagonal
    matrix.

    Attributes:
        lr: learning rate, > 0: the length of the first step of every weight.
        eps: > 0, keeps the first division finite.
    """

    lr: float = 0.05
    eps: float = 1e-8

    rule: ClassVar[int] = ADAGRAD
    width: ClassVar[int] = 2

    def __post_init__(self) -> None:
        _positive(self, "lr", "eps")

    @property
    def first(self) -> float:
        """About the length of a weight's first step."""
        return self.lr

    def knobs(self) -> tuple[float, float]:
        """The two numbers the kernel reads."""
        return self.lr, self.eps

    def describe(self) -> Mapping[str, Any]:
        """Name and hyper-parameters."""
        return _describe(self)


@dataclass(frozen=True, slots=True)
class FTRL:
    """Follow the regularised leader, proximal: sparse weights at AdaGrad's accuracy.

    Source: McMahan et al. 2013, "Ad Click Prediction: a View from the Trenches", algorithm 1.

    Attributes:
        alpha: learning rate, > 0.
        beta: > 0, slows the first steps of every weight.
        l1: ≥ 0, weights whose gathered gradient stays below it are exactly zero.
        l2: ≥ 0, pulls weights towards zero.
    """

    alpha: float = 0.05
    beta: float = 1.0
    l1: float = 0.0
    l2: float = 0.0

    rule: ClassVar[int] = FTRL_PROXIMAL
    width: ClassVar[int] = 3

    def __post_init__(self) -> None:
        _positive(self, "alpha", "beta")
        for name, penalty in (("l1", self.l1), ("l2", self.l2)):
            check_penalty("FTRL", name, penalty)

    @property
    def first(self) -> float:
        """About the length of a weight's first step."""
        return self.alpha

    def knobs(self) -> tuple[float, float]:
        """The two numbers the kernel reads."""
        return 1.0 / self.alpha, self.beta

    def describe(self) -> Mapping[str, Any]:
        """Name and hyper-parameters."""
        return _describe(self)


Optimizer: TypeAlias = SGD | AdaGrad | FTRL


def check_penalty(owner: str, name: str, penalty: float) -> None:
    """Refuse a penalty that is not a finite number ≥ 0."""
    if not (math.isfinite(penalty) and penalty >= 0):
        raise ValueError(
            f"{owner}({name}={penalty!r}): a penalty is a finite number ≥ 0; "
            f"write {owner}({name}=0.0) for none"
        )


def _positive(optimizer: Optimizer, *names: str) -> None:
    for name in names:
        number = getattr(optimizer, name)
        if not (math.isfinite(number) and number > 0):
            owner = type(optimizer).__name__
            usual = getattr(type(optimizer)(), name)
            raise ValueError(
                f"{owner}({name}={number!r}): {name} has to be a finite number > 0; "
                f"try {owner}({name}={usual})"
            )


def _describe(optimizer: Optimizer) -> Mapping[str, Any]:
    return {"name": type(optimizer).__name__, **asdict(optimizer)}
