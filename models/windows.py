"""What is remembered for one `models.window.Window`, and the figures it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.column import Column
from models.deltas import DeltaError
from models.digests import identified
from models.protocol import State
from models.rowexchange import RowExchange
from models.scaling import numbers
from models.textcolumn import TextColumn
from models.windowfigures import A_SECOND
from models.windowing import fold, slide
from models.windowlayout import MOST_PLACES, gather, laid_out, places, scatter
from models.windowmemory import STATS, Rules, empty, size

__all__ = ["Windows"]

_SLOTS, _ARENA = 1024, 8192
_COUNTERS = ("evicted", "forgotten", "too_late")


class Windows:
    """Sliding windows over the events of each key; see `models.window` for what they mean.

    In batches of 4,096, count and mean over three windows cost about 0.2 µs an event.

    Args:
        over: how long each window is, in microseconds.
        late: how far before the end of its key's windows an event may be, in microseconds.
        remember: how many events, and how many keys, are remembered at most.
        columns: what each column of figures is: a statistic, and the place of its window.
        lag: how far before now the windows end, in microseconds: where they are asked for, by
            events without a value. The others come when they may, and have no figures. Of these
            there are "count", "sum", "mean", "std", "min" and "max"; and for these alone
            "since_positive" and "streak", see `models.labelrate.LabelRate`. 0: the windows end with
            their key's newest event.
        shared: tell other partitions of the events, and take over those that they tell of. Then
            windows end with the key's newest event of the own partition.

    Attributes:
        exchange: with the other partitions, where they are shared.
    """

    def __init__(
        self,
        over: Sequence[int],
        late: int,
        remember: int,
        columns: Sequence[tuple[str, int]],
        lag: int = 0,
        *,
        shared: bool = False,
    ) -> None:
        stats = {stat for stat, _ in columns}
        self._rules = Rules(
            over=np.array(over, np.int64),
            longest=max(over),
            lag=lag,
            late=late,
            remember=remember,
            sums=bool(stats & {"sum", "mean", "std", "ratio"}),
            squares="std" in stats,
            extremes=bool(stats & {"min", "max"}),
            distinct="distinct" in stats,
            ratio="ratio" in stats,
            streaks=bool(stats & {"since_positive", "streak"}),
            stat=np.array([STATS.index(stat) for stat, _ in columns], np.int64),
            window=np.array([window for _, window in columns], np.int64),
        )
        self._memory = empty(self._rules, min(_SLOTS, remember), _ARENA)
        self.exchange = RowExchange(remember) if shared else None
        self._behind = 0.0

    def take(
        self, keys: Column, times: NDArray[np.int64], values: Column | None
    ) -> NDArray[np.float64]:
        """Figures of n events, float64[n, columns], NaN where there is none; remember the events.

        Args:
            keys: n texts, or what `models.hashing.text` makes one of; None: no figures.
            times: int64[n], microseconds.
            values: n numbers, or n texts, of which 64 bits of a digest stand for each; None where
                the events alone are counted. An event whose value is missing is not remembered.
        """
        n = len(times)
        ids, keyed = identified(keys)
        if values is None:
            bits, present = np.zeros(n, np.int64), np.ones(n, np.bool_)
        elif _is_text(values):
            found, present = identified(values)
            bits = np.ascontiguousarray(found[:, 0]).view(np.int64)
        else:
            # Added to 0, a negative zero is one: equal numbers are to be the same bits.
            array = numbers(values) + 0.0
            bits, present = array.view(np.int64), ~np.isnan(array)
        return self.slide(ids, keyed, times, bits, present)

    def slide(
        self,
        ids: NDArray[np.uint64],
        keyed: NDArray[np.bool_],
        times: NDArray[np.int64],
        bits: NDArray[np.int64],
        present: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """The same of events as `models.windowing.slide` takes them."""
        n = len(times)
        out = np.full((n, len(self._rules.stat)), np.nan)
        done = 0
        while True:
            done = slide(self._memory, self._rules, ids, keyed, times, bits, present, done, out)
            if done == n:
                break
            self._memory = laid_out(self._memory, self._rules)
        if self.exchange is not None:
            kept = keyed & present
            self.exchange.take(ids[kept], times[kept], bits[kept])
        return out

    def fold(self, sender: int, delta: bytes, *, own: bool) -> None:
        """Take over what the windows of a partition have told, as `RowExchange.fold` has it.

        Each of its events counts from now on for the own events that are not older: it is neither
        asked at nor ever too late, and seen as soon as the own ones come up to its time.
        """
        if self.exchange is None:
            raise DeltaError("these windows are not shared")
        given = self.exchange.fold(sender, delta, own=own)
        if given is None:
            return
        done = 0
        while True:
            done = fold(self._memory, self._rules, *given[1:], done)
            if done == len(given.times):
                break
            self._memory = laid_out(self._memory, self._rules)
        behind = int(self._memory.book[0]["now"]) - int(given.times[-1])
        self._behind = max(behind, 0) / A_SECOND

    def clear(self) -> None:
        """Forget everything."""
        self._memory = empty(self._rules, min(_SLOTS, self._rules.remember), _ARENA)
        if self.exchange is not None:
            self.exchange = RowExchange(self._rules.remember)

    def summary(self) -> Mapping[str, int]:
        """Events and keys remembered; events ``evicted`` that could still have been counted and
        keys ``forgotten``, both for want of room; and events that came ``too_late``.

        Where they are shared, also events that wait to be told (``untold``), that were ``dropped``
        while they waited, and that others told of (``told_elsewhere``); and how many seconds of
        event time the newest of the last ones of these was ``behind`` the own newest: a gauge, not
        state.
        """
        book = self._memory.book[0]
        found = {name: int(book[name]) for name in ("events", "keys", *_COUNTERS)}
        if (exchange := self.exchange) is not None:
            found |= {
                "untold": len(exchange),
                "dropped": exchange.dropped,
                "told_elsewhere": exchange.told_elsewhere,
                "behind": round(self._behind),
            }
        return found

    @property
    def memory(self) -> int:
        """Bytes of all arrays."""
        return size(self._memory) + (0 if self.exchange is None else self.exchange.memory)

    @property
    def most_bytes(self) -> int:
        """`memory` when all that may be remembered is, of as many keys as events."""
        one = empty(self._rules, 1, 1)
        slot = one.rows.shape[1] + 3 * one.table.itemsize // 2
        event = one.events.nbytes + one.until.nbytes
        waiting = 0 if self.exchange is None else self.exchange.row_bytes
        return int(self._rules.remember * (slot + MOST_PLACES * event + waiting))

    def state(self) -> State:
        """Keys as digests, in the order in which they were heard of last, and their events."""
        book = self._memory.book[0]
        keys, events = int(book["keys"]), int(book["events"])
        ids = np.empty((keys, 2), np.uint64)
        shared = self.exchange is not None
        ends = np.empty((keys, 2 + (self._rules.lag > 0 or shared)), np.int64)
        lengths, times, bits = (np.empty(n, np.int64) for n in (keys, events, events))
        until = np.empty(events * self._rules.distinct, np.int64)
        gather(self._memory, ids, ends, lengths, times, bits, until)
        return {
            "ids": ids,
            "ends": ends,
            "lengths": lengths,
            "times": times,
            "bits": bits,
            "until": until,
            "counters": np.array([book[name] for name in _COUNTERS], np.int64),
            **self._shared_state(),
        }

    def restore(self, state: State) -> None:
        """Take over the state of windows that were declared alike."""
        columns = [state[name] for name in ("ids", "ends", "lengths", "times", "bits", "until")]
        keys, events = len(columns[0]), len(columns[3])
        slots = min(max(_SLOTS, 2 * keys), self._rules.remember)
        self._memory = empty(self._rules, slots, max(_ARENA, places(events, keys)))
        scatter(self._memory, self._rules, *columns)
        for name, count in zip(_COUNTERS, state["counters"].tolist(), strict=True):
            self._memory.book[name] = count
        if self.exchange is not None:
            self._memory.book["now"] = state["now"]
            self.exchange.restore(state["exchange"])

    def _shared_state(self) -> Mapping[str, Any]:
        if self.exchange is None:
            return {}
        return {"now": int(self._memory.book[0]["now"]), "exchange": self.exchange.state()}


def _is_text(column: Column) -> bool:
    if isinstance(column, np.ndarray):
        return False
    return isinstance(column, TextColumn) or isinstance(
        next((value for value in column if value is not None), None), str
    )
