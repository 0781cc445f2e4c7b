"""Evidence as the capital of a gambler: tests that may be looked at whenever one likes.

A gambler who bets against a hypothesis that is true does not get rich: the chance that the capital
ever grows a hundredfold is at most one in a hundred, however often one looks (Ville's inequality).

Only +, −, × and ÷: the same bits on every machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.protocol import State

__all__ = ["Duel", "Rise"]

_STAKES = 0.5 ** np.arange(1.0, 13.0)
_MOST = 0.5
_RISEN_BY = 0.5
_RICHEST = 1e100


class Duel:
    """Whether a challenger's losses are smaller than a champion's, on average since it began.

    Several gamblers stake different shares of their capital, as nobody knows the best one before.
    The capital of a gambler is ∏ (1 + stake · dᵢ / bound), where dᵢ is the champion's loss less
    the challenger's; the ``evidence`` is the mean of all gamblers' capital. For a fixed stake it
    is at most a martingale times exp(stake · Σ E[dᵢ | what was before] / bound). So the chance that
    it ever exceeds 1/alpha while the challenger's expected losses, summed so far, are not smaller
    is at most alpha: whatever the dependence between labels, and however often one looks. (The
    null hypothesis of Choe and Ramdas 2023, "Comparing Sequential Forecasters", Operations
    Research 72; betting on bounded means: Waudby-Smith and Ramdas 2024, JRSS B 86.)

    Args:
        bound: of the losses, from 0.
    """

    def __init__(self, bound: float) -> None:
        self._bound = bound
        self._capital = np.ones(len(_STAKES))
        self._gained = np.zeros(1)

    @property
    def evidence(self) -> float:
        """The e-value: from 1/alpha on the challenger is better, but for a chance of alpha."""
        return sum(self._capital.tolist()) / len(_STAKES)

    @property
    def gained(self) -> float:
        """The champion's losses less the challenger's, summed."""
        return float(self._gained[0])

    def take(self, champion: NDArray[np.float64], challenger: NDArray[np.float64]) -> None:
        """Bet on further labels, float64[k] losses of each of the two."""
        _bet(champion - challenger, self._bound, _STAKES, self._capital, self._gained)

    def state(self) -> State:
        """Everything `restore` needs."""
        return {"capital": self._capital.copy(), "gained": self._gained.copy()}

    def restore(self, state: State) -> None:
        """Take over a state made by `state`."""
        self._capital, self._gained = state["capital"].copy(), state["gained"].copy()


class Rise:
    """Whether numbers from 0 on have risen on average, in one of several groups.

    Each number is of a group, and counts as 0 in the others: a group's mean rises when its numbers
    grow, and when there are more of them. It is compared with the mean over the last `reference`
    numbers, of which older ones fade. As long as the next number is expected to be at most
    `tolerance` above that, a false alarm comes once in `every` numbers at most, on average: an
    e-CUSUM, max(capital, 1) · (1 + stake · (x / ((1 + tolerance) · mean) - 1)) (Shin, Ramdas and
    Rinaldo 2024, "E-detectors: a Nonparametric Framework for Sequential Change Detection", New
    England Journal of Statistics in Data Science 2, sections 2 and 4). The stake is the one that
    wins most quickly where numbers of their usual mean square have risen by half.

    Nothing is said of the first `reference` numbers. A quarter of them is passed over, for a model
    that begins is worse than it will be.
    """

    def __init__(self, groups: int, reference: int, tolerance: float, every: float) -> None:
        self._reference = reference
        self._level = 1.0 + tolerance
        self._every = every
        self._capital = np.zeros(groups)
        self._moments = np.zeros((groups, 2))
        self._seen = 0

    @property
    def evidence(self) -> float:
        """1 or more: an alarm; of the group where there is most of it."""
        return float(self._capital.max()) / (self._every * len(self._capital))

    def take(self, numbers: NDArray[np.float64], group: NDArray[np.int64]) -> None:
        """Bet on further numbers, float64[k], each of a group, int64[k]."""
        _watch(
            numbers,
            group,
            self._seen,
            self._reference,
            self._level,
            self._capital,
            self._moments,
        )
        self._seen += len(numbers)

    def restart(self) -> None:
        """Forget all that was seen: from now on it is to be compared with what comes."""
        self._seen = 0
        self._capital[:] = 0.0
        self._moments[:] = 0.0

    def state(self) -> State:
        """Everything `restore` needs."""
        return {
            "capital": self._capital.copy(),
            "moments": self._moments.copy(),
            "seen": self._seen,
        }

    def restore(self, state: State) -> None:
        """Take over a state made by `state`."""
        self._capital, self._moments = state["capital"].copy(), state["moments"].copy()
        self._seen = state["seen"]


@compiled
def _bet(
    gain: NDArray[np.float64],
    bound: float,
    stakes: NDArray[np.float64],
    capital: NDArray[np.float64],
    gained: NDArray[np.float64],
) -> None:
    for i in range(len(gain)):
        gained[0] += gain[i]
        for k in range(len(stakes)):
            capital[k] = min(capital[k] * (1.0 + stakes[k] * (gain[i] / bound)), _RICHEST)


@compiled
def _watch(
    numbers: NDArray[np.float64],
    group: NDArray[np.int64],
    seen: int,
    reference: int,
    level: float,
    capital: NDArray[np.float64],
    moments: NDArray[np.float64],
) -> None:
    """Bet, then learn what is usual; `moments` holds the mean and the mean square of each group."""
    passed = reference // 4
    for i in range(len(numbers)):
        seen += 1
        if seen <= passed:
            continue
        pace = float(min(seen - passed, reference))
        for g in range(len(capital)):
            number = numbers[i] if group[i] == g else 0.0
            usual = level * moments[g, 0]
            if seen > reference and usual > 0.0:
                stake = min(_RISEN_BY * usual * usual / moments[g, 1], _MOST)
                more = max(capital[g], 1.0) * (1.0 + stake * (number / usual - 1.0))
                capital[g] = min(more, _RICHEST)
            moments[g, 0] += (number - moments[g, 0]) / pace
            moments[g, 1] += (number * number - moments[g, 1]) / pace
