"""What each answer cost, in the order of the events it was given to."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.losses import Losses
from models.protocol import LEARN, SCORE, Plan, Scores, State

__all__ = ["Costs", "Ledger"]

_ROOM = 1_024
_GROWTH = 1.5

WAITING, SETTLED = 0, 1


class Costs(NamedTuple):
    """Settled events, in their order.

    Attributes:
        loss: float64[n, models].
        group: int64[n], see `models.losses.Losses`.
    """

    loss: NDArray[np.float64]
    group: NDArray[np.int64]


class Ledger:
    """Notes what models answer to each event, and what it cost when the label comes.

    Labels come in an order of their own: complaints within days, silence after a week, by night
    other ones than by day. In that order a rate would rise every night. So an event is handed out
    when all before it are; one whose label has not come `patience` events later is passed over.

    Args:
        losses: what an answer costs.
        models: how many there are.
        patience: how many events a label is waited for; memory grows with those that wait.
    """

    def __init__(self, losses: Losses, models: int, patience: int) -> None:
        self._losses, self._models, self._patience = losses, models, patience
        self._base = self._first = self._next = -1
        self._values = np.zeros((0, models))
        self._groups = np.zeros(0, np.int8)
        self._status = np.zeros(0, np.int8)

    def take(self, plan: Plan, answered: list[Scores], labels: NDArray[np.float64]) -> Costs:
        """Note a plan that was carried out; what it settles.

        Args:
            plan: its first `SCORE` step of a row is noted, and the first label of a row counts.
            answered: what each model answered to it.
            labels: of its `LEARN` steps, see `Losses.labels`.
        """
        op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
        self._reserve(row[op == SCORE])
        given = np.stack([self._losses.answers(scores) for scores in answered], axis=1)
        earlier = np.zeros((len(labels), self._models))
        in_time = np.zeros(len(labels), np.bool_)
        window = self._values, self._status
        self._next = _note(
            op, row, self._base, self._next, self._patience, given, *window, earlier, in_time
        )
        columns = [self._losses.of(column, labels) for column in earlier.T.copy()]
        place = row[op == LEARN] - self._base
        _settle(
            place[in_time],
            np.stack(columns, axis=1)[in_time],
            self._losses.group(labels)[in_time],
            *window,
            self._groups,
        )
        return self._settled()

    def _settled(self) -> Costs:
        """Hand out the events that no earlier one waits before."""
        start, length = self._first - self._base, self._next - self._base
        stop = _stop(self._status, start, length, self._patience)
        done = start + np.flatnonzero(self._status[start:stop] == SETTLED)
        self._first = self._base + stop
        return Costs(self._values[done], self._groups[done].astype(np.int64))

    def state(self) -> State:
        """The events that wait, for an image."""
        window = slice(self._first - self._base, self._next - self._base)
        return {
            "first": self._first,
            "values": self._values[window].copy(),
            "groups": self._groups[window].copy(),
            "status": self._status[window].copy(),
        }

    def restore(self, state: State) -> None:
        """Take over a state made by `state`."""
        self._base = self._first = state["first"]
        self._next = self._base + len(state["status"])
        self._values = state["values"].copy()
        self._groups, self._status = state["groups"].copy(), state["status"].copy()

    def _reserve(self, scored: NDArray[np.int64]) -> None:
        """Make room up to the last of these events, in place of those handed out."""
        if not len(scored):
            return
        if self._first < 0:
            self._base = self._first = self._next = int(scored[0])
        following = max(self._next, int(scored.max()) + 1)
        if following - self._base <= len(self._status):
            return
        room = max(_ROOM, int((following - self._first) * _GROWTH))
        window = slice(self._first - self._base, self._next - self._base)
        self._values = _moved(self._values[window], np.zeros((room, self._models)))
        self._groups = _moved(self._groups[window], np.zeros(room, np.int8))
        self._status = _moved(self._status[window], np.zeros(room, np.int8))
        self._base = self._first


def _moved(kept: NDArray[Any], into: NDArray[Any]) -> NDArray[Any]:
    into[: len(kept)] = kept
    return into


@compiled
def _note(
    op: NDArray[np.int8],
    row: NDArray[np.int64],
    base: int,
    following: int,
    patience: int,
    given: NDArray[np.float64],
    values: NDArray[np.float64],
    status: NDArray[np.int8],
    earlier: NDArray[np.float64],
    in_time: NDArray[np.bool_],
) -> int:
    """Write answers to `values`, those before each label to `earlier`; the next event's number."""
    scored = learned = 0
    for step in range(len(op)):
        at = row[step] - base
        if op[step] == SCORE:
            if row[step] >= following:
                following = row[step] + 1
                for model in range(values.shape[1]):
                    values[at, model] = given[scored, model]
            scored += 1
        else:
            known = at >= 0 and row[step] < following and following - row[step] <= patience
            if known and status[at] == WAITING:
                in_time[learned] = True
                for model in range(values.shape[1]):
                    earlier[learned, model] = values[at, model]
            learned += 1
    return following


@compiled
def _settle(
    place: NDArray[np.int64],
    loss: NDArray[np.float64],
    group: NDArray[np.int64],
    values: NDArray[np.float64],
    status: NDArray[np.int8],
    groups: NDArray[np.int8],
) -> None:
    for i in range(len(place)):
        at = place[i]
        if status[at] == WAITING:
            status[at] = SETTLED
            groups[at] = group[i]
            for model in range(values.shape[1]):
                values[at, model] = loss[i, model]


@compiled
def _stop(status: NDArray[np.int8], start: int, length: int, patience: int) -> int:
    """Up to where all from `start` on are settled, or have been waited for long enough."""
    stop = start
    while stop < length and (status[stop] == SETTLED or length - stop > patience):
        stop += 1
    return stop
