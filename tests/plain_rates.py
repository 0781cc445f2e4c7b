"""Rates of labels in plain Python: what `models.rates` has to be equal to, to the bit."""

from __future__ import annotations

import math
from bisect import insort
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, TypeAlias

__all__ = ["Answer", "PlainRates"]

Answer: TypeAlias = list[tuple[int, float]] | None
"""How many labels each window holds, and their sum; None: there is no figure."""


class Key:
    """What is known of a key: its labels by the time of their events, and who asked last."""

    def __init__(self, at: int) -> None:
        self.end: int | None = None
        self.newest = at
        self.labels: list[tuple[int, int, float]] = []


class PlainRates:
    """The same arguments, and the same answers, as `models.rates.Rates`; one step at a time."""

    def __init__(self, over: Sequence[int], delay: int, late: int, remember: int) -> None:
        self.over, self.delay, self.late, self.remember = over, delay, late, remember
        self.longest = max(over)
        self.rows: list[tuple[Any, int]] = []
        self.keys: OrderedDict[Any, Key] = OrderedDict()
        self.evicted = self.forgotten = self.too_late = self.learned = 0

    def summary(self) -> dict[str, int]:
        return {
            "events": sum(len(key.labels) for key in self.keys.values()),
            "keys": len(self.keys),
            "evicted": self.evicted,
            "forgotten": self.forgotten,
            "too_late": self.too_late,
        }

    def ask(self, name: Any, at: int) -> Answer:
        """The next row's figures."""
        self.rows.append((name, at))
        end, key = at - self.delay, self.keys.get(name)
        if name is None:
            return None
        if key is None:
            return [(0, 0.0)] * len(self.over)
        if key.end is not None and end < key.end - self.late:
            self.too_late += 1
            return None
        if key.end is None or end >= key.end:
            key.end = end
            while len(key.labels) > 1 and key.labels[0][0] <= end - self.longest - self.late:
                del key.labels[0]
        found = [[y for at, _, y in key.labels if end - over < at <= end] for over in self.over]
        return [(len(labels), math.fsum(labels)) for labels in found]

    def learn(self, row: int, label: float) -> None:
        name, at = self.rows[row]
        key = self.keys.get(name)
        if name is None:
            return
        since = at - self.delay - self.longest
        if key is None:
            if len(self.keys) == self.remember:
                self.evict(self.keys.popitem(last=False)[1], since)
                self.forgotten += 1
            key = self.keys[name] = Key(at)
        elif key.end is not None and at <= key.end - self.longest - self.late:
            return
        self.keys.move_to_end(name)
        while self.summary()["events"] >= self.remember:
            victim = next(other for other in self.keys.values() if other.labels)
            if victim is key:
                self.evicted += key.labels.pop(0)[0] > since
            else:
                self.evict(victim, since)
        self.learned += 1
        insort(key.labels, (at, self.learned, label))
        key.newest = max(key.newest, at)
        for _ in range(2):
            idle = next((other for other in self.keys.values() if other.labels), None)
            if idle is not None and idle.newest < since - self.late:
                idle.labels.clear()

    def evict(self, key: Key, since: int) -> None:
        self.evicted += sum(at > since for at, _, _ in key.labels)
        key.labels.clear()
