"""How often a key's events of late were labelled, and with what: with the labels' delay inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from models.clock import microseconds
from models.column import EVENT_TIME, Columns
from models.memory import Memory
from models.rates import Rates
from models.sliding import Sliding, duration

__all__ = ["LabelRate", "LabelStat"]

LabelStat: TypeAlias = Literal["count", "positives", "rate", "since_positive", "streak"]

_WITHOUT_WINDOW: Final[tuple[LabelStat, ...]] = ("since_positive", "streak")


@dataclass(frozen=True, kw_only=True)
class LabelRate(Sliding):
    """Figures over the labels of a key's events, in windows that end a delay ago.

    ``LabelRate(by="terminal_id", over=["1d", "7d"], delay="7d")`` makes four numbers, named
    ``labels-by-terminal_id.count.1d`` and so on. An event at time t sees the events of its key at
    ``(t - delay - over, t - delay]`` whose label was learned before it was scored. By then those
    labels are known, of fraud and of genuine events alike; of younger events the complaints alone
    would be. Its own label it never sees.

    The risk of a terminal in the *Fraud Detection Handbook* (Le Borgne et al. 2022, chapter 3.2).

    Attributes:
        delay: how far behind the event the windows end: at least as long as it takes until an
            event that nobody complains of is learned, `matures_after`.
        stats: "count", the events; "positives", the sum of their labels; "rate", the mean label, 0
            where there is no event. And of the longest window alone, if its last label is positive,
            in seconds: "since_positive", the time since the event it is of, and "streak", since the
            first of those that were positive without another one in between; else missing.
    """

    delay: str
    stats: Sequence[LabelStat] = ("count", "rate")

    def __post_init__(self) -> None:
        self._as_tuple("stats")
        self._call_it(f"labels-by-{self.by}")
        super().__post_init__()
        self._check_duration(self.delay, delay="7d")
        self._check_stats(self.stats, get_args(LabelStat), "stats is")

    @property
    def fields(self) -> tuple[str, ...]:
        """The key's."""
        return (self.by,)

    @property
    def names(self) -> tuple[str, ...]:
        """Of each figure, in order."""
        return tuple(
            name
            for stat in self.stats
            for name in (
                [f"{self.name}.{stat}"]
                if stat in _WITHOUT_WINDOW
                else [f"{self.name}.{stat}.{over}" for over in self.over]
            )
        )

    def enter(self, memory: Memory) -> None:
        """Have a memory keep its windows, and the events that wait for their label."""
        self.rates(memory)

    def rates(self, memory: Memory) -> Rates:
        """What a memory keeps of the events before and their labels."""
        settings = self._lengths, duration(self.delay), self._lateness, self.remember
        return memory.rates(self.name, lambda: Rates(*settings, self._asked, shared=self.shared))

    def figures(self, columns: Columns, memory: Memory) -> NDArray[np.float64]:
        """Unscaled, float64[n, figures], NaN where there is none; see `Rates.take`."""
        times = microseconds(columns[EVENT_TIME])
        taken = self.rates(memory).take(columns[self.by], times, memory.plan)
        by_stat = dict(zip(self._asked, taken, strict=True))
        longest = int(np.argmax(self._lengths))
        found = []
        for stat in self.stats:
            if stat == "rate":
                # Without events both are 0; without a key, NaN.
                found.append(by_stat["sum"] / np.maximum(by_stat["count"], 1.0))
            elif stat in _WITHOUT_WINDOW:
                found.append(by_stat[stat][:, longest : longest + 1])
            else:
                found.append(by_stat["count" if stat == "count" else "sum"])
        return np.hstack(found)

    @property
    def _asked(self) -> tuple[str, ...]:
        """What the windows are asked."""
        sums = bool({"positives", "rate"} & set(self.stats))
        streaks = [stat for stat in _WITHOUT_WINDOW if stat in self.stats]
        return ("count", *(["sum"] if sums else []), *streaks)

    @property
    def _own_settings(self) -> Mapping[str, Any]:
        return {"delay": self.delay, "stats": list(self.stats)}
