"""The rules for decisions: what a score can be decided by, and what a rule can decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.protocol import Kind
from streams.decisions import AlertBudget, Bands, Decide, Rule, answers
from streams.declare import Threshold
from streams.errors import DeclarationError
from streams.fields import ID_TYPES, field_for
from streams.schema import Field

__all__ = ["check_deciding"]

_MOST_RULES = 60


def check_deciding(
    decide: Decide | None,
    rules: Sequence[Any],
    explore: float,
    kind: Kind,
    fields: Mapping[str, Field],
    *,
    has_id: bool,
) -> None:
    """What is decided can be, of these events and scores."""
    if decide is None and (rules or explore):
        what = "rules=[…]" if rules else f"explore={explore}"
        raise DeclarationError(
            f"{what} without decide=",
            "it changes what is decided, and so far nothing is",
            'decide=Bands({"approve": 0.0, "decline": 0.8})',
        )
    if decide is not None:
        _check_scores(decide, kind)
        _check_rules(decide, rules, fields)
    if isinstance(decide, AlertBudget) and decide.one_per is not None:
        given = f"AlertBudget(one_per={decide.one_per!r})"
        types = (*ID_TYPES, bool)
        field_for(fields, decide.one_per, given, "what has one alert a day", types, required=False)
    if isinstance(explore, bool) or not isinstance(explore, int | float) or not 0 <= explore < 1:
        raise DeclarationError(
            f"explore={explore!r}",
            "it is the share of events that are let through to see what becomes of them",
            "explore=0.01",
        )
    if explore and not has_id:
        raise DeclarationError(
            f"explore={explore} of events without an id",
            "chance is drawn from the id, so that it is the same at every replay",
            'events=Topic(…, id="tx_id")',
        )


def _check_scores(decide: Decide, kind: Kind) -> None:
    """A threshold stands on a score that it can divide."""
    given = f"Threshold({decide.at})" if isinstance(decide, Threshold) else str(decide)
    if kind in ("regression", "multiclass"):
        what = "a number" if kind == "regression" else "a class"
        raise DeclarationError(
            f"decide={given} on a {kind} model",
            f"its answer is {what}, which no threshold turns into yes or no",
            "decide=None",
        )
    if kind != "binary":
        return
    if isinstance(decide, Bands):
        lowest, *above = decide.thresholds.values()
        if lowest != 0 or not all(0 < at < 1 for at in above):
            raise DeclarationError(
                f"decide={given}",
                "the score is a probability: the first band begins at 0, the others between 0 and "
                "1, or no event would come into one",
                'decide=Bands({"approve": 0.0, "step up": 0.3, "decline": 0.8})',
            )
        return
    if not 0 < (decide.at if isinstance(decide, Threshold) else decide.first) < 1:
        raise DeclarationError(
            f"decide={given}",
            "the score is a probability: every event would be decided alike",
            "decide=Threshold(0.5)"
            if isinstance(decide, Threshold)
            else f"decide=AlertBudget(per_day={decide.per_day}, first=0.5)",
        )


def _check_rules(decide: Decide, rules: Sequence[Any], fields: Mapping[str, Field]) -> None:
    possible, names = answers(decide), set[str]()
    if isinstance(rules, str) or not isinstance(rules, Sequence) or len(rules) > _MOST_RULES:
        raise DeclarationError(
            f"rules={rules!r}"[:80],
            f"rules stand in a list, at most {_MOST_RULES}",
            'rules=[Rule("huge", when=Field("amount") > 5_000, then=…)]',
        )
    for rule in rules:
        if not isinstance(rule, Rule):
            raise DeclarationError(
                f"rules=[…, {rule!r}, …]",
                "a rule has a name, a condition and a decision",
                'rules=[Rule("huge", when=Field("amount") > 5_000, then=…)]',
            )
        if rule.name in names:
            raise DeclarationError(
                f"two rules are called {rule.name!r}",
                "nobody could tell which of them has fired",
                f'Rule("{rule.name} 2", …)',
            )
        names.add(rule.name)
        rule.when.check(fields)
        if rule.then not in possible or type(rule.then) not in map(type, possible):
            raise DeclarationError(
                f"Rule({rule.name!r}, then={rule.then!r})",
                f"decide= comes to {' or '.join(map(repr, possible))}, and so does a rule",
                f"Rule({rule.name!r}, …, then={possible[-1]!r})",
            )
