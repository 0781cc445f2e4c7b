"""Who lives and who sells where, and how much and how often they pay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CATEGORIES", "COUNTRIES", "Population"]

CATEGORIES = ("grocery", "restaurant", "fuel", "clothing", "travel", "electronics", "pharmacy")
COUNTRIES = ("FR", "BE", "DE", "AT", "IT")
"""Strips of equal width, from west to east: who lives near a border pays on both sides."""

_SIDE = 100.0
_CATEGORY_SHARE = (0.32, 0.2, 0.12, 0.12, 0.08, 0.08, 0.08)
_CHUNK = 256


@dataclass(frozen=True, slots=True)
class Population:
    """Customers and terminals, and who reaches what.

    Attributes:
        mean: float64[customers], mean amount; its standard deviation is half of it.
        rate: float64[customers], mean number of payments a day.
        terminal: int64, the terminals each customer reaches, laid end to end.
        first: int64[customers], where in `terminal` a customer's begin.
        reached: int64[customers], how many they are, at least one.
        category: int64[terminals], places in `CATEGORIES`.
        country: int64[terminals], places in `COUNTRIES`.
    """

    mean: NDArray[np.float64]
    rate: NDArray[np.float64]
    terminal: NDArray[np.int64]
    first: NDArray[np.int64]
    reached: NDArray[np.int64]
    category: NDArray[np.int64]
    country: NDArray[np.int64]

    @classmethod
    def settle(
        cls,
        draw: np.random.Generator,
        customers: int,
        terminals: int,
        radius: float,
        skew: float,
    ) -> Population:
        """A population drawn at random; see `streams.payments.World` for what the numbers mean."""
        homes = draw.random((2, customers)) * _SIDE
        shops = draw.random((2, terminals)) * _SIDE
        rate = draw.uniform(0, 4, customers)
        if skew:
            rate[0] = rate[1:].sum() * skew / (1 - skew)
        terminal, reached = _reach(homes, shops, radius)
        return cls(
            mean=draw.uniform(5, 100, customers),
            rate=rate,
            terminal=terminal,
            first=np.cumsum(reached) - reached,
            reached=reached,
            category=draw.choice(len(CATEGORIES), terminals, p=_CATEGORY_SHARE),
            country=(shops[0] * len(COUNTRIES) / _SIDE).astype(np.int64),
        )


def _reach(
    homes: NDArray[np.float64], shops: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The terminals within `radius` of each home, laid end to end, and how many each has.

    Args:
        homes: float64[2, customers].
        shops: float64[2, terminals].
    """
    terminals, reached = [], []
    for start in range(0, homes.shape[1], _CHUNK):
        x, y = homes[:, start : start + _CHUNK, None]
        distance = (x - shops[0]) ** 2 + (y - shops[1]) ** 2
        near = distance <= radius**2
        near[np.arange(len(near)), distance.argmin(axis=1)] = True
        terminals.append(np.nonzero(near)[1])
        reached.append(near.sum(axis=1))
    return np.concatenate(terminals), np.concatenate(reached)
