"""What is remembered for one `models.labelrate.LabelRate`: labels by key, and who waits for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.column import Column
from models.digests import identified
from models.protocol import LEARN, Plan, State
from models.rowrecords import RowRecords
from models.scaling import numbers
from models.spill import Spill
from models.windows import Windows

__all__ = ["BYTES", "Rates"]

_WAITING = np.dtype(
    [("ids", "u8", (2,)), ("times", "i8"), ("stamps", "i8"), ("keyed", "?"), ("labelled", "?")]
)
BYTES = _WAITING.itemsize
"""Of an event that waits."""

_KEPT = ("ids", "keyed", "times", "labelled")


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
        stats: what is asked of the labels: "count", "sum", "since_positive", "streak".
        shared: see `models.windows.Windows`; it is the labels that are told.

    Attributes:
        windows: of the labels.
    """

    def __init__(
        self,
        over: Sequence[int],
        delay: int,
        late: int,
        remember: int,
        stats: Sequence[str],
        *,
        shared: bool = False,
    ) -> None:
        self._delay = delay
        self._shape = (len(stats), len(over))
        columns = [(stat, window) for stat in stats for window in range(len(over))]
        self.windows = Windows(over, late, remember, columns, delay, shared=shared)
        self._rows = RowRecords(_WAITING)

    def take(
        self, keys: Column, times: NDArray[np.int64], plan: Plan | None
    ) -> NDArray[np.float64]:
        """What the windows of each of n new events say of the labels in them.

        Args:
            keys: n texts, or what `models.hashing.text` makes one of; None: no figures.
            times: int64[n], microseconds.
            plan: scores the next n rows, and learns of these and earlier ones; None: scores alone.

        Returns:
            float64[stats, n, windows], NaN where there is none, where there is no key, or where the
            event comes too late.
        """
        n = len(times)
        if plan is None:
            plan = Plan()
            plan.score_run(self._rows.next, n)
        new = self._rows.append(n)
        new["ids"], new["keyed"] = identified(keys)
        new["times"], new["labelled"] = times, False
        return np.moveaxis(self._walk(plan).reshape(n, *self._shape), 1, 0)

    def learn(self, plan: Plan) -> None:
        """Take the labels of a plan that scores nothing."""
        self._walk(plan)

    def drop_before(self, row: int) -> None:
        """Forget the keys of rows below `row`: their labels were learned, or will not come."""
        self._rows.drop_before(row)

    def clear(self) -> None:
        """Forget everything."""
        self.windows.clear()
        self._rows.clear()

    def spill_to(self, spill: Spill) -> None:
        """Keep the events that wait in files from now on."""
        self._rows.spill_to(spill)

    def summary(self) -> Mapping[str, int]:
        """As `Windows.summary`: an event is one whose label is known."""
        return self.windows.summary()

    @property
    def memory(self) -> int:
        """Bytes of all arrays."""
        return self.windows.memory + self._rows.memory

    @property
    def most_bytes(self) -> int:
        """Of the labels, when all are remembered that may be, of as many keys."""
        return self.windows.most_bytes

    def state(self) -> State:
        """The windows, and keys and times of the rows that wait."""
        first = self._rows.first
        columns = self._rows.columns(first)
        kept = {name: columns[name] for name in _KEPT}
        return {"windows": self.windows.state(), "first": first, **kept}

    def restore(self, state: State) -> None:
        """Take over the state of rates that were declared alike."""
        self.windows.restore(state["windows"])
        columns = {name: state[name] for name in _KEPT}
        self._rows.restore(state["first"], {**columns, "stamps": np.zeros_like(state["times"])})

    def _walk(self, plan: Plan) -> NDArray[np.float64]:
        """Ask and learn in the order of a plan: the answers, float64[scores, columns]."""
        learns = np.frombuffer(plan.op, np.int8) == LEARN
        waiting = self._rows.since(self._rows.first)
        places = np.frombuffer(plan.row, np.int64) - self._rows.first
        records = waiting.take(places)
        times, ids, keyed = (records[name].copy() for name in ("times", "ids", "keyed"))
        times[~learns] -= self._delay
        bits, present = np.zeros(len(places), np.int64), learns.copy()
        # Added to 0, a negative zero is one: equal numbers are to be the same bits.
        labels = numbers(plan.target) + 0.0
        bits[learns], present[learns] = labels.view(np.int64), ~np.isnan(labels)
        keyed[learns] &= _first_labelled(waiting, places[learns])
        slid = self.windows.slide(ids, keyed, times, bits, present)
        answers: NDArray[np.float64] = slid[~learns]
        return answers


def _first_labelled(waiting: NDArray[np.void], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether it is the first time, of events at these places in the order of their labels."""
    order = np.arange(len(places))
    waiting["stamps"][places[::-1]] = order[::-1]
    first: NDArray[np.bool_] = (waiting["stamps"][places] == order) & ~waiting["labelled"][places]
    waiting["labelled"][places] = True
    return first
