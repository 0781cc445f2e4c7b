"""The reasons of a score, for people: code, value, the usual value beside it, and plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from models.bags import Bag
from models.codes import code, columns
from models.contributions import Contribution, Explanation
from models.feature import Feature
from models.features import Number
from models.memory import Spread
from models.wording import said

__all__ = ["Reason", "reasons"]

_ROUNDING = 1e-9


class Reason(NamedTuple):
    """What one column of the features adds to a score.

    Attributes:
        code: of the column; see `models.codes`.
        feature: the column's name.
        fields: of the event that it is made of.
        value: the number, before it was scaled; the category, or several of a cross or a bag;
            None where it is missing.
        usual: the mean of such numbers before this event, or the median of those that were labelled
            negative, where the model knows that; None of others, and of categories.
        amount: what it adds to the log-odds, or to the predicted number.
        words: all of that in plain words.
        shares: what else in this event has the same bucket, and so the same weight.
    """

    code: str
    feature: str
    fields: tuple[str, ...]
    value: Any
    usual: float | None
    amount: float
    words: str
    shares: tuple[str, ...]


def reasons(
    explanation: Explanation,
    features: Sequence[Feature],
    event: Mapping[str, Any],
    before: Mapping[str, Spread],
    after: Mapping[str, Spread],
) -> list[Reason]:
    """One reason for each column, what adds most first, in either direction.

    Args:
        explanation: of the score.
        features: the row is made of.
        event: its fields by name.
        before: what standardised numbers had been before the event; see `Encoder.spreads`.
        after: the same with the event, by which its own numbers were standardised.
    """
    parts: dict[str, list[Contribution]] = {}
    for one in explanation.contributions:
        parts.setdefault(one.feature, []).append(one)
    crowd = _crowd(explanation.contributions)
    found = []
    for name, feature in columns(features):
        own = sorted(parts.get(name, ()), key=lambda one: -abs(one.amount))
        value = _value(feature, own, event, after.get(name))
        usual = _usual(own, before.get(name))
        others = {it for one in own for it in crowd[one.bucket] if it != _called(one)}
        found.append(
            Reason(
                code(name),
                name,
                feature.fields,
                value,
                usual,
                math.fsum(one.amount for one in own),
                said(feature, name, value, usual),
                tuple(sorted(others)),
            )
        )
    return sorted(found, key=lambda it: (-abs(it.amount), it.feature))


def _usual(own: Sequence[Contribution], spread: Spread | None) -> float | None:
    """What the model knows of such numbers, or else their mean."""
    if own and own[0].usual is not None:
        return own[0].usual
    return spread.mean if spread is not None and spread.seen else None


def _value(
    feature: Feature, own: Sequence[Contribution], event: Mapping[str, Any], spread: Spread | None
) -> Any:
    """What the column read of the event."""
    if isinstance(feature, Number):
        return event.get(feature.field)
    if isinstance(feature, Bag):
        there = list(dict.fromkeys(one.category[0] for one in own))
        return None if there == [None] else there
    if not own:
        return None
    category, x = own[0].category, own[0].x
    if not category:
        return _unscaled(x, getattr(feature, "scale", None), spread)
    return category if len(category) > 1 else category[0]


def _unscaled(x: float, scale: str | None, spread: Spread | None) -> float:
    """The number of which `models.scaling.scaled` made x, but for rounding."""
    if scale == "log":
        return math.copysign(math.expm1(abs(x)), x)
    if scale != "standard" or spread is None:
        return x
    value = spread.mean + x * spread.deviation
    size = max(abs(spread.mean), spread.deviation)
    return 0.0 if abs(value) < _ROUNDING * size else float(f"{value:.12g}")


def _called(one: Contribution) -> str:
    """An entry as people call it: ``shop = x``."""
    if not one.category:
        return one.feature
    return f"{one.feature} = {' × '.join('missing' if it is None else it for it in one.category)}"


def _crowd(contributions: Sequence[Contribution]) -> Mapping[int, set[str]]:
    crowd: dict[int, set[str]] = {}
    for one in contributions:
        crowd.setdefault(one.bucket, set()).add(_called(one))
    return crowd
