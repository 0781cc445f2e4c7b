"""A hashed linear model at work in one partition, that learns as one with those of the others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.exchange import Exchange
from models.linear_learner import LinearLearner
from models.mixing import Mixing
from models.optimizers import Optimizer
from models.protocol import Kind, State

__all__ = ["MixedLinearLearner"]


class MixedLinearLearner(LinearLearner):
    """Implements `models.protocol.Mixer` over `Rows`."""

    def __init__(
        self,
        kind: Kind,
        bits: int,
        optimizer: Optimizer,
        l1: float,
        l2: float,
        intercept: bool,
        partition: int,
        mixing: Mixing,
    ) -> None:
        super().__init__(kind, bits, optimizer, l1, l2, intercept)
        self._exchange = Exchange(self._table, optimizer, (l1, l2), partition, mixing)
        self._counts, self._fresh = self._exchange.counts, self._exchange.fresh

    @property
    def memory(self) -> int:
        """Bytes of its own weights and of the mixed ones; untouched pages cost nothing yet."""
        return super().memory + self._exchange.memory

    @property
    def under_way(self) -> bool:
        """Whether a delta of its own has not come back."""
        return self._exchange.under_way

    def look(self) -> bool:
        """Whether it has learned enough to publish; never while a delta is under way."""
        return self._exchange.look()

    def publish(self) -> bytes:
        """What the last look found; under way until it is folded."""
        return self._exchange.publish()

    def fold(self, sender: int, delta: bytes) -> None:
        """Take over the delta that comes next in the log, of this or another partition."""
        self._exchange.fold(sender, delta)

    def state(self) -> State:
        """Its own weights and the mixed ones, as far as they are touched, and the counts."""
        return {**super().state(), "exchange": self._exchange.state()}

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""
        super().restore(state)
        self._exchange.restore(state["exchange"], self._table, self._counts)

    def summary(self) -> Mapping[str, float]:
        """As `LinearLearner`'s, and as `models.exchange.Exchange`'s."""
        return {**super().summary(), **self._exchange.summary()}

    def _empty(self) -> NDArray[np.float64]:
        return np.zeros((2**self._bits + 1, self._optimizer.width + 1))
