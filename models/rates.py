"""What is remembered for one `models.labelrate.LabelRate`: labels by key, and who waits for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.column import Column
from models.protocol import LEARN, Plan, State
from models.scaling import numbers
from models.windows import Windows, key_digests

__all__ = ["Rates"]

_ROOM = 4_096
_GROWTH = 1.5


class Rates:
    """Sliding windows that are fed with labels, and end a delay before the event that asks.

    Labels and questions are taken in the order of the plan by which the model scores and learns: a
    question sees the labels that the model has learned before it. Of an event that is learned more
    than once, by several models or corrected, the first label counts. The events that wait for
    their label are numbered as the rows that the model reads.

    Args:
        over: how long each window is, in microseconds.
        delay: how far before an event its windows end, in microseconds.
        late: how far behind its key's newest event an event may come, in microseconds.
        remember: how many labels, and how many keys, are remembered at most.
        sums: whether labels are added up, or counted alone.
    """

    def __init__(
        self, over: Sequence[int], delay: int, late: int, remember: int, sums: bool
    ) -> None:
        self._delay = delay
        self._shape = (1 + sums, len(over))
        stats = ("count", "sum")[: 1 + sums]
        columns = [(stat, window) for stat in stats for window in range(len(over))]
        self._windows = Windows(over, late, remember, columns, delay)
        self._base = self._first = self._next = 0
        self._lay_out(0)

    def take(
        self, keys: Column, times: NDArray[np.int64], plan: Plan | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How many labels there are for each of n new events, and their sum.

        Args:
            keys: n texts, or what `models.hashing.text` makes one of; None: no figures.
            times: int64[n], microseconds.
            plan: scores the next n rows, and learns of these and earlier ones; None: scores alone.

        Returns:
            float64[windows, n] each, NaN where there is no key, or where the event comes too late.
            Without `sums` the second is of no meaning.
        """
        n = len(times)
        if plan is None:
            plan = Plan()
            plan.score_run(self._next, n)
        self._append(*key_digests(keys), times)
        found = self._walk(plan).reshape(*self._shape, n)
        return found[0], found[-1]

    def learn(self, plan: Plan) -> None:
        """Take the labels of a plan that scores nothing."""
        self._walk(plan)

    def drop_before(self, row: int) -> None:
        """Forget the keys of rows below `row`: their labels were learned, or will not come."""
        self._first = max(self._first, min(row, self._next))

    def clear(self) -> None:
        """Forget everything."""
        self._windows.clear()
        self._base = self._first = self._next = 0

    def summary(self) -> Mapping[str, int]:
        """As `Windows.summary`: an event is one whose label is known."""
        return self._windows.summary()

    @property
    def memory(self) -> int:
        """Bytes of all arrays."""
        columns = self._ids, self._keyed, self._times, self._stamps, self._labelled
        waiting = sum(column.nbytes for column in columns)
        return self._windows.memory + waiting

    @property
    def most_bytes(self) -> int:
        """Of the labels, when all are remembered that may be, of as many keys."""
        return self._windows.most_bytes

    def state(self) -> State:
        """The windows, and keys and times of the rows that wait."""
        kept = slice(self._first - self._base, self._next - self._base)
        return {
            "windows": self._windows.state(),
            "first": self._first,
            "ids": self._ids[kept].copy(),
            "keyed": self._keyed[kept].copy(),
            "times": self._times[kept].copy(),
            "labelled": self._labelled[kept].copy(),
        }

    def restore(self, state: State) -> None:
        """Take over the state of rates that were declared alike."""
        self._windows.restore(state["windows"])
        self._base = self._first = self._next = state["first"]
        self._append(state["ids"], state["keyed"], state["times"])
        self._labelled[: self._next - self._base] = state["labelled"]

    def _walk(self, plan: Plan) -> NDArray[np.float64]:
        """Ask and learn in the order of a plan: the answers, float64[columns, scores]."""
        learns = np.frombuffer(plan.op, np.int8) == LEARN
        places = np.frombuffer(plan.row, np.int64) - self._base
        times = self._times[places]
        times[~learns] -= self._delay
        bits, present = np.zeros(len(places), np.int64), learns.copy()
        # Added to 0, a negative zero is one: equal numbers are to be the same bits.
        labels = numbers(plan.target) + 0.0
        bits[learns], present[learns] = labels.view(np.int64), ~np.isnan(labels)
        ids, keyed = self._ids[places], self._keyed[places]
        keyed[learns] &= self._label(places[learns])
        return self._windows.slide(ids, keyed, times, bits, present)[:, ~learns]

    def _label(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether it is the first time, of events at these places in the order of their labels."""
        order = np.arange(len(places))
        self._stamps[places[::-1]] = order[::-1]
        first: NDArray[np.bool_] = (self._stamps[places] == order) & ~self._labelled[places]
        self._labelled[places] = True
        return first

    def _append(
        self, ids: NDArray[np.uint64], keyed: NDArray[np.bool_], times: NDArray[np.int64]
    ) -> None:
        """Number the next events."""
        n = len(times)
        if self._next - self._base + n > len(self._times):
            self._make_room(n)
        new = slice(self._next - self._base, self._next - self._base + n)
        self._ids[new], self._keyed[new], self._times[new] = ids, keyed, times
        self._labelled[new] = False
        self._next += n

    def _make_room(self, n: int) -> None:
        """For n more, of what was forgotten if that will do."""
        kept = slice(self._first - self._base, self._next - self._base)
        ids, keyed, times = self._ids[kept], self._keyed[kept], self._times[kept]
        labelled = self._labelled[kept]
        self._lay_out(max(_ROOM, int((len(times) + n) * _GROWTH), len(self._times)))
        self._ids[: len(times)], self._keyed[: len(times)] = ids, keyed
        self._times[: len(times)], self._labelled[: len(times)] = times, labelled
        self._base = self._first

    def _lay_out(self, room: int) -> None:
        self._ids, self._keyed = np.empty((room, 2), np.uint64), np.empty(room, np.bool_)
        self._times, self._stamps = np.empty(room, np.int64), np.empty(room, np.int64)
        self._labelled = np.empty(room, np.bool_)
