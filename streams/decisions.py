"""How a score becomes a decision: a budget of alerts, bands, and rules beside the model."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from streams.conditions import Condition
from streams.declare import Declaration, Threshold
from streams.errors import DeclarationError

__all__ = ["RESERVED", "AlertBudget", "Bands", "Decide", "Rule", "answers"]

RESERVED = ("score", "budget", "earlier alert", "exploration")
"""What a prediction may say it was decided by, besides rules; no rule has such a name."""


@dataclass(frozen=True)
class AlertBudget(Declaration):
    """Decide True, an alert, for the events most worth one, so many a day; docs/deciding.md.

    Attributes:
        per_day: alerts a day of event time, UTC.
        one_per: a field of whose values each has one alert a day; None: no such rule.
        first: the threshold of the first day, before any other was learned.
        partitions: of the events topic: each has its share of the budget.
    """

    per_day: int
    one_per: str | None = None
    first: float = 0.5
    partitions: int = 1

    def __post_init__(self) -> None:
        for name in ("per_day", "partitions"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise DeclarationError(
                    f"AlertBudget({name}={value!r})",
                    "it counts: a whole number, at least 1",
                    "AlertBudget(per_day=100, partitions=1)",
                )
        if self.per_day < self.partitions:
            raise DeclarationError(
                f"AlertBudget(per_day={self.per_day}, partitions={self.partitions})",
                "each partition decides by itself, and some would have no alert to give",
                f"AlertBudget(per_day={self.partitions}, partitions={self.partitions}), or fewer "
                "partitions",
            )
        if type(self.first) not in (int, float) or not math.isfinite(self.first):
            raise DeclarationError(
                f"AlertBudget(per_day={self.per_day}, first={self.first!r})",
                "scores are compared with it on the first day, so it is a finite number",
                f"AlertBudget(per_day={self.per_day}, first=0.5)",
            )

    def share(self, partition: int) -> int:
        """Alerts a day of one partition.

        Raises:
            DeclarationError: there is no such partition.
        """
        self.check_partitions(partition + 1, exact=False)
        whole, rest = divmod(self.per_day, self.partitions)
        return whole + (partition < rest)

    def check_partitions(self, count: int, *, exact: bool = True) -> None:
        """Refuse a number of partitions that is not the one declared, or with `exact`, is more."""
        if count > self.partitions or (exact and count != self.partitions):
            raise DeclarationError(
                f"AlertBudget(per_day={self.per_day}, partitions={self.partitions}) of events in "
                f"{count}{'' if exact else ' or more'} partitions",
                "each partition decides by itself, with its share of the budget",
                f"AlertBudget(per_day={self.per_day}, partitions={count})",
            )

    def describe(self) -> Mapping[str, object]:
        """What it decides by, for the fingerprint."""
        return {
            "rule": "alert budget",
            "per_day": self.per_day,
            "one_per": self.one_per,
            "first": float(self.first),
            "partitions": self.partitions,
        }


@dataclass(frozen=True)
class Bands(Declaration):
    """Decide a text: the last band, in rising order, whose threshold the score reaches.

    ``Bands({"approve": 0.0, "step up": 0.3, "decline": 0.8})``

    Attributes:
        thresholds: by name of the band, rising; what is below the first belongs to it as well.
    """

    thresholds: Mapping[str, float]

    def __post_init__(self) -> None:
        given, example = self.thresholds, 'Bands({"approve": 0.0, "step up": 0.3, "decline": 0.8})'
        if not isinstance(given, Mapping) or len(given) < 2:
            raise DeclarationError(
                f"Bands({given!r})", "it takes two bands to decide between", example
            )
        object.__setattr__(self, "thresholds", dict(given))
        for name, at in given.items():
            if not isinstance(name, str) or not name:
                raise DeclarationError(
                    f"a band called {name!r}", "its name is the decision: a text", example
                )
            if type(at) not in (int, float) or not math.isfinite(at):
                raise DeclarationError(
                    f"Bands({{…, {name!r}: {at!r}}})",
                    "scores are compared with it, so it is a finite number",
                    example,
                )
        if list(given.values()) != sorted(set(given.values())):
            rising = dict(sorted(given.items(), key=lambda band: band[1]))
            raise DeclarationError(
                f"Bands({dict(given)})",
                "bands rise: each threshold is above the one before",
                f"Bands({rising})"
                if len(set(given.values())) == len(given)
                else "another threshold for each",
            )

    def codes(self, score: NDArray[np.float64]) -> NDArray[np.int64]:
        """The number of each score's band, from 1 on; 0 where there is no score."""
        _, *above = self.thresholds.values()
        found = np.searchsorted(np.array(above), score, side="right") + 1
        found[np.isnan(score)] = 0
        return found

    def describe(self) -> Mapping[str, object]:
        """What it decides by, for the fingerprint."""
        bands = [[name, float(at)] for name, at in self.thresholds.items()]
        return {"rule": "bands", "thresholds": bands}


@dataclass(frozen=True)
class Rule(Declaration):
    """What is decided whatever the score decides: the first rule that fires has the last word.

    Attributes:
        name: what a prediction and the metrics call it.
        when: the condition on which it fires.
        then: the decision: one that ``decide=`` can come to.
        shadow: whether it is only counted and noted.
    """

    name: str
    when: Condition
    then: bool | str
    shadow: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[\w .:-]{1,60}", self.name):
            raise DeclarationError(
                f"Rule({self.name!r}, …)",
                "its name stands in predictions and metrics: up to 60 letters, digits, spaces, "
                "'.', ':', '_' and '-'",
                'Rule("huge amount", …)',
            )
        if self.name in RESERVED:
            raise DeclarationError(
                f"Rule({self.name!r}, …)",
                "a prediction says that of what was decided without a rule",
                f'Rule("{self.name} rule", …)',
            )
        if not isinstance(self.when, Condition):
            raise DeclarationError(
                f"Rule({self.name!r}, when={self.when!r})",
                "a rule fires on a condition, which is declared and not coded",
                f'Rule("{self.name}", when=Field("amount") > 5_000, then=…)',
            )

    def describe(self) -> Mapping[str, object]:
        """All of it, for the fingerprint."""
        return {
            "name": self.name,
            "when": self.when.describe(),
            "then": self.then,
            "shadow": self.shadow,
        }


Decide: TypeAlias = Threshold | AlertBudget | Bands


def answers(decide: Decide) -> tuple[bool | str, ...]:
    """All that can be decided, the mildest first."""
    return tuple(decide.thresholds) if isinstance(decide, Bands) else (False, True)
