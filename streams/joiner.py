"""Joins labels to the events they judge: in any order, once each, by event time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from models.column import Column
from models.digests import digests
from models.protocol import Plan, State, Target
from models.scalars import Scalars
from models.textcolumn import TextColumn
from streams.agenda import put_back, sweep
from streams.joining import Rules, Steps, take_events, take_labels
from streams.remembered import EARLY, PENDING, SETTLED, WAITING, columns, empty, grown, room

__all__ = ["Joiner", "Outcome"]

Outcome: TypeAlias = Literal[
    "joined", "early", "matured", "duplicate", "revised", "orphan", "evicted", "repeated-event"
]
"""What became of a label, or of an event that waits for one; see `Joiner.outcomes`."""

_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_GROWTH = 2
_SLOTS = 1_024
_STEPS = 32_768
_CHAINS = {"pending": PENDING, "settled": SETTLED, "early": EARLY, "waiting": WAITING}
_CLOCKS = ("watermark", "newest", "opens")

# Labels are numbered from here, so that one comes before an event that matures at the same moment.
_FIRST_LABEL = -(2**62)


class Joiner:
    """Remembers the events that were scored until their label comes, and writes the plan.

    Time is event time: the watermark, the latest time of any event seen. A label dated after the
    watermark waits until an event reaches its date, so a backlog is learned in the order in which
    live traffic would have been, however far ahead the labels topic was read. An event whose label
    has not come when the watermark passes its time plus `matures_after` is learned as `otherwise`.
    Before the first event matures, silence cannot be learned, and complaints alone would teach that
    everything is to be complained of: until then a label waits for its event to mature. Where
    silence means nothing (`otherwise` is None), an event that matures is forgotten unlearned.

    An id is learned at most once: the first event of an id is the one remembered, and of its labels
    the first; one that is corrected before it is learned is learned as corrected, and one that is
    retracted (None) before it is learned is as if it had not come. Where events are kept for
    corrections, another label for one that is learned has it learned again, until `correctable`
    seconds after it matured. A label can be *held*: known from its date, learned as its event
    matures, and of no account beside one that is not. What is remembered of events and of labels
    without one is bounded by `remember` ids each, and what falls out is counted; labels that wait
    for their date are never dropped: the reader is to hold back the labels topic while `ahead` is
    large.

    An id is known by its digest (`models.digests`, which says how improbable it is that two share
    one). All that is remembered lies in arrays, and is joined by compiled code.

    Args:
        matures_after: seconds; None: an event waits for its label for ever.
        otherwise: the label that silence means.
        remember: how many ids.
        holds: whether labels are held, where `labels` is not told which.
        correctable: seconds after an event matures; None: it is not kept.
    """

    def __init__(
        self,
        matures_after: float | None,
        otherwise: Target | None,
        remember: int,
        *,
        holds: bool = False,
        correctable: float | None = None,
    ) -> None:
        self._otherwise = otherwise
        self._matures_after = matures_after
        self._closed = -math.inf if matures_after is None or otherwise is None else matures_after
        self._holds = holds
        self._correctable = -1.0 if correctable is None else correctable
        self._remember = remember
        self._begin(Scalars(), _SLOTS)
        self._book["arrivals"] = _FIRST_LABEL

    def __len__(self) -> int:
        """How many events wait for a label."""
        return self._length(PENDING) - int(self._book["taught"])

    @property
    def watermark(self) -> float:
        """The latest time of any event, in seconds since the epoch."""
        return float(self._book["watermark"])

    @property
    def newest(self) -> float:
        """The latest date of any label."""
        return float(self._book["newest"])

    @property
    def ahead(self) -> int:
        """How many labels wait for the events to reach their date."""
        return self._length(WAITING)

    @property
    def memory(self) -> int:
        """Bytes of all arrays; what is not used of them costs nothing yet."""
        return sum(array.nbytes for array in (*self._memory, *self._steps))

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How often each `Outcome` occurred.

        Labels *joined* to a waiting event, *early* ones (before their event), *matured* events,
        *duplicate* and *revised* labels of an id that has one (same and other target), *orphan*
        labels that were forgotten before their event came, events *evicted* unlabelled for want of
        room, and *repeated-event* ids (scored again, remembered once).
        """
        return Counter(self.outcomes_since([0] * len(_OUTCOMES)))

    def tally(self) -> list[int]:
        """All counts as they are now, for `outcomes_since`."""
        counts: list[int] = self._memory.outcomes.tolist()
        return counts

    def outcomes_since(self, tally: Sequence[int]) -> dict[Outcome, int]:
        """How often each `Outcome` that there was occurred since `tally` was taken."""
        counts = zip(_OUTCOMES, self._memory.outcomes.tolist(), tally, strict=True)
        return {outcome: now - then for outcome, now, then in counts if now > then}

    def oldest(self, default: int) -> int:
        """Row number of the oldest event that waits, or is kept; `default` when none is."""
        if not self._length(PENDING):
            return default
        return int(self._memory.entries[self._memory.chains[PENDING]["first"]]["number"])

    def events(
        self, ids: TextColumn, times: NDArray[np.float64], first: int, plan: Plan
    ) -> NDArray[np.float64]:
        """Plan to score rows `first`, `first` + 1, …, and to learn what falls due on the way.

        Args:
            ids: id of each event.
            times: float64[n], event time of each, in seconds since the epoch.
            first: row number of the first event; the others follow.
            plan: what is to be done is appended here, in order.

        Returns:
            The watermark at each `LEARN` step; NaN where an event is learned again.
        """
        if len(times) and self._book["opens"] == math.inf:
            self._book["opens"] = times[0] + self._closed
        return self._walk(take_events, plan, ids, times, first)

    def labels(
        self,
        ids: TextColumn,
        targets: Column,
        times: NDArray[np.float64],
        plan: Plan,
        held: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """Take labels as they come; plan to learn those that are due and whose event is known.

        Args:
            ids: the event each label judges.
            targets: what each says; None: nothing any more.
            times: float64[n], the date of each, in seconds since the epoch.
            plan: what is to be done is appended here, in order.
            held: bool[n], which wait until their event matures; None: all or none, as declared.

        Returns:
            The watermark at each `LEARN` step; NaN where an event is learned again.
        """
        if self._scalars.crowded:
            self.restore(self.state())
        if len(targets) != len(ids):
            raise ValueError(f"{len(ids)} ids came with {len(targets)} targets: give one for each")
        if held is None:
            held = np.full(len(targets), self._holds)
        return self._walk(take_labels, plan, ids, times, *self._scalars.write(targets), held)

    def state(self) -> State:
        """Everything remembered, for an image: the same however the streams were cut."""
        found = {name: columns(self._memory, chain) for name, chain in _CHAINS.items()}
        values = self._scalars.renumber([(it["kind"], it["bits"]) for it in found.values()])
        for name in ("settled", "early"):
            del found[name]["at"], found[name]["number"]
        for name, it in found.items():
            if name == "settled" or not (self._holds or self._correctable >= 0):
                del it["held"]
            if name != "pending" or self._correctable < 0:
                del it["taught"]
        return {
            **{name: float(self._book[name]) for name in _CLOCKS},
            "arrivals": int(self._book["arrivals"]),
            "outcomes": dict(self.outcomes),
            "values": values,
            **found,
        }

    def restore(self, state: State) -> None:
        """Take over what another joiner of the same declaration remembered."""
        found = {name: state[name] for name in _CHAINS}
        self._begin(Scalars(state["values"]), _SLOTS + sum(len(it["id"]) for it in found.values()))
        for name in (*_CLOCKS, "arrivals"):
            self._book[name] = state[name]
        self._memory.outcomes[:] = [state["outcomes"].get(name, 0) for name in _OUTCOMES]
        for name, chain in _CHAINS.items():
            it, n = found[name], len(found[name]["id"])
            self._reserve(n)
            at, number = it.get("at", np.zeros(n)), it.get("number", np.zeros(n, np.int64))
            flags = [it.get(flag, np.zeros(n, np.bool_)) for flag in ("held", "taught")]
            put_back(self._memory, chain, it["id"], at, number, it["kind"], it["bits"], *flags)

    def _begin(self, scalars: Scalars, slots: int) -> None:
        self._scalars = scalars
        self._memory = empty(slots, len(_OUTCOMES))
        self._book = self._memory.book[0]
        kinds, bits = scalars.write([self._otherwise])
        after = math.inf if self._matures_after is None else self._matures_after
        silence = int(kinds[0]), int(bits[0])
        self._rules = Rules(after, *silence, self._remember, self._correctable)
        self._steps = _steps(_STEPS)

    def _length(self, chain: int) -> int:
        return int(self._memory.chains[chain]["length"])

    def _reserve(self, n: int) -> None:
        """Make room for `n` more entries."""
        taken = sum(self._memory.chains["length"].tolist())
        if taken + n + 1 > room(self._memory):
            self._memory = grown(self._memory, int((taken + n + 1) * _GROWTH))
        if self._book["heaped"] + n > len(self._memory.heap):
            sweep(self._memory)
            most = self._book["heaped"] + n
            if most > len(self._memory.heap) / _GROWTH:
                heap = np.zeros(int(most * _GROWTH**2), self._memory.heap.dtype)
                heap[: len(self._memory.heap)] = self._memory.heap
                self._memory = self._memory._replace(heap=heap)

    def _walk(
        self,
        kernel: Callable[..., int],
        plan: Plan,
        ids: TextColumn,
        times: NDArray[np.float64],
        *others: Any,
    ) -> NDArray[np.float64]:
        """Have a kernel walk the columns, a stretch at a time, and write the plan."""
        done, n, learned_at = 0, len(times), []
        if len(ids) != n:
            raise ValueError(f"{len(ids)} ids came with {n} times: give one for each, in order")
        self._reserve(n)
        digested, times = digests(ids), np.ascontiguousarray(times, np.float64)
        while True:
            done = kernel(self._memory, self._steps, self._rules, digested, times, *others, done)
            steps, learned = int(self._book["steps"]), int(self._book["learned"])
            kinds, bits = self._steps.kind[:learned], self._steps.bits[:learned].copy()
            targets = self._scalars.read(kinds, bits)
            plan.extend(self._steps.op[:steps], self._steps.row[:steps], targets)
            learned_at.append(self._steps.at[:learned].copy())
            if done == n:
                return learned_at[0] if len(learned_at) == 1 else np.concatenate(learned_at)


def _steps(n: int) -> Steps:
    ops, kinds = np.empty(n, np.int8), np.empty(n, np.int8)
    return Steps(ops, np.empty(n, np.int64), kinds, np.empty(n, np.int64), np.empty(n, np.float64))
