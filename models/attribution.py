"""How much each field of an event adds to a score: Shapley values of leaving fields out.

A field that is left out takes with it all features that are made of it. A cross needs all of its
fields, so do the figures of a window: as the Shapley value of a product is shared equally by its
factors, a linear model has these values in closed form (`shares`). Of any other model they are
found by asking it again without some of the fields (`attributed`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from models.feature import Feature

__all__ = ["Asked", "Attribution", "attributed", "shares"]

_EXACT = 10
"""Up to so many fields all 2ⁿ ways to leave some out are tried."""

_ORDERS = 64
"""In so many random orders, and each backwards, more fields than that are put in."""


class Asked(NamedTuple):
    """A model that can be asked again about an event.

    Attributes:
        ask: its score of a row; None where it has no answer.
        x: the row, by name.
    """

    ask: Callable[[Mapping[str, Any]], float | None]
    x: Mapping[str, Any]


class Attribution(NamedTuple):
    """A score, divided among the fields of an event.

    Attributes:
        amounts: what each field adds, by name.
        base: what the model says of an event without any field; with `amounts` it is the score.
        error: the largest standard error of an amount; 0 where all ways were tried.
        asked: how often the model was asked.
    """

    amounts: Mapping[str, float]
    base: float
    error: float
    asked: int


def shares(
    amounts: Iterable[tuple[str, float]], features: Sequence[Feature]
) -> Mapping[str, float]:
    """What each field adds to a sum over features, largest first.

    Args:
        amounts: what columns add, with their names; one may come several times.
        features: that they are of. What is made of several fields is divided among them equally.
    """
    owners = {name: feature.fields for feature in features for name in feature.names}
    parts: dict[str, list[float]] = {field: [] for fields in owners.values() for field in fields}
    for name, amount in amounts:
        for field in owners[name]:
            parts[field].append(amount / len(owners[name]))
    return _ranked({field: math.fsum(found) for field, found in parts.items()})


def attributed(asked: Asked, features: Sequence[Feature] | None) -> Attribution | None:
    """Divide a score among the fields of its event; None where the model can't do without them.

    Exact for up to ten fields. Beyond that the mean over 128 orders, the same ones each time, in
    which fields are put in one by one: Castro, Gómez and Tejada, *Polynomial calculation of the
    Shapley value based on sampling* (2009). Either way the amounts add up to the score.

    Args:
        asked: the model and the row.
        features: the row is made of; None: of the fields as they are.
    """
    needs = _needs(asked.x, features)
    fields = list(dict.fromkeys(field for needed in needs.values() for field in needed))
    game = _Game(asked, needs, fields)
    every = (1 << len(fields)) - 1
    try:
        base = game.value(0)
        amounts, error = _exact(game) if len(fields) <= _EXACT else _sampled(game)
        game.value(every)
    except _NoAnswerError:
        return None
    ranked = _ranked(dict(zip(fields, amounts, strict=True)))
    return Attribution(ranked, base, error, len(game.known))


class _NoAnswerError(Exception):
    """Without some of the fields, the model has no answer."""


class _Game:
    """What the model says where only some fields are in: a bit of `kept` for each."""

    def __init__(
        self, asked: Asked, needs: Mapping[str, Sequence[str]], fields: Sequence[str]
    ) -> None:
        self.known: dict[int, float] = {}
        self.players = len(fields)
        self._asked = asked
        bit = {field: 1 << place for place, field in enumerate(fields)}
        self._needs = {key: sum(bit[field] for field in set(of)) for key, of in needs.items()}

    def value(self, kept: int) -> float:
        if kept not in self.known:
            x = {key: it for key, it in self._asked.x.items() if not self._needs[key] & ~kept}
            try:
                answer = self._asked.ask(x)
            except Exception as error:  # whatever an estimator raises for want of a field
                raise _NoAnswerError from error
            if answer is None or not math.isfinite(answer):
                raise _NoAnswerError
            self.known[kept] = answer
        return self.known[kept]


def _exact(game: _Game) -> tuple[list[float], float]:
    n = game.players
    weights = [1 / (n * math.comb(n - 1, size)) for size in range(n)]
    amounts = [
        math.fsum(
            weights[kept.bit_count()] * (game.value(kept | 1 << player) - game.value(kept))
            for kept in range(1 << n)
            if not kept >> player & 1
        )
        for player in range(n)
    ]
    return amounts, 0.0


def _sampled(game: _Game) -> tuple[list[float], float]:
    random, n = np.random.default_rng(0), game.players
    found = np.zeros((_ORDERS, n))
    for sample in found:
        order = random.permutation(n).tolist()
        for players in (order, order[::-1]):
            sets = [0]
            for player in players:
                sets.append(sets[-1] | 1 << player)
            for player, (before, after) in zip(players, pairwise(sets), strict=True):
                sample[player] += (game.value(after) - game.value(before)) / 2
    error = found.std(axis=0, ddof=1).max() / math.sqrt(_ORDERS)
    return found.mean(axis=0).tolist(), float(error)


def _needs(x: Iterable[str], features: Sequence[Feature] | None) -> dict[str, Sequence[str]]:
    """The fields that each key of a row is made of."""
    if features is None:
        return {key: (key,) for key in x}
    owners = {name: feature.fields for feature in features for name in feature.names}
    # An element of a bag has a key of its own, tags=red, and no name of a feature has a "=".
    return {key: owners[key.partition("=")[0]] for key in x}


def _ranked(amounts: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(amounts.items(), key=lambda it: (-abs(it[1]), it[0])))
