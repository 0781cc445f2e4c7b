"""A hashed linear model at work in one partition, that learns as one with those of the others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.deltas import Decode, decode
from models.exchange import Exchange
from models.linear_learner import LinearLearner
from models.mixing import Mixing
from models.optimizers import Optimizer
from models.protocol import LEARN, SCORE, Kind, State
from models.rows import Rows

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
    def under_way(self) -> bytes:
        """The delta that it published and that has not come back; empty: none."""
        return self._exchange.under_way

    def look(self) -> bool:
        """Whether it has learned enough to publish; never while a delta is under way."""
        return self._exchange.look()

    def publish(self) -> bytes:
        """What it has to tell by now, whenever it would look; under way until it is folded."""
        return self._exchange.publish()

    def fold(self, sender: int, delta: bytes, decoded: Decode = decode) -> None:
        """Take over the delta that comes next in the log, of this or another partition."""
        self._exchange.fold(sender, delta, decoded)

    def branch(self) -> None:
        """Be the learner of another partition, with what all know and nothing of its own."""
        self._exchange.branch()

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

    def _carry_out(
        self,
        rows: Rows,
        op: NDArray[np.int8],
        row: NDArray[np.int64],
        target: NDArray[np.float64],
        weight: NDArray[np.float64],
        value: NDArray[np.float64],
        adds: NDArray[np.float64],
    ) -> None:
        """As `LinearLearner`'s, with a look behind every so many labels."""
        exchange, learns = self._exchange, np.flatnonzero(op == LEARN)
        step = label = 0
        while not exchange.under_way and label + exchange.until_look <= len(target):
            then = label + exchange.until_look
            following = int(learns[then - 1]) + 1
            steps, labels, scores = (
                slice(step, following),
                slice(label, then),
                slice(step - label, following - then),
            )
            super()._carry_out(
                rows, op[steps], row[steps], target[labels], weight[labels], value[scores], adds
            )
            if len(adds):
                adds = adds[rows.entries(row[steps][op[steps] == SCORE]) :]
            step, label = following, then
            if exchange.look():
                exchange.publish()
        rest = target[label:], weight[label:], value[step - label :], adds
        super()._carry_out(rows, op[step:], row[step:], *rest)

    def _empty(self) -> NDArray[np.float64]:
        return np.zeros((2**self._bits + 1, self._optimizer.width + 1))
