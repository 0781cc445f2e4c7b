"""Sliding windows in plain Python: what `models.windows` has to be equal to, to the bit."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

__all__ = ["PlainWindows"]

LARGEST = 1e100
NEVER = -(2**62)


class Event(NamedTuple):
    at: int
    value: Any


class Key:
    """What is known of a key: its events in order of time, and when the first and newest were.

    Its windows end with the newest that is not another partition's; None: there is none.
    """

    def __init__(self, at: int) -> None:
        self.first = self.newest = at
        self.end: int | None = None
        self.events: list[Event] = []


class PlainWindows:
    """The same arguments, and the same answers, as `models.windows.Windows`; None for NaN."""

    def __init__(
        self, over: Sequence[int], late: int, remember: int, columns: Sequence[tuple[str, int]]
    ) -> None:
        self.over, self.late, self.remember, self.columns = over, late, remember, columns
        self.longest = max(over)
        self.keys: OrderedDict[Any, Key] = OrderedDict()
        self.evicted = self.forgotten = self.too_late = 0
        self.now = NEVER

    @property
    def events(self) -> int:
        return sum(len(key.events) for key in self.keys.values())

    def take(
        self, keys: Sequence[Any], times: Sequence[int], values: Sequence[Any] | None
    ) -> list[list[float | None]]:
        """A row of figures for each event."""
        given = [0.0] * len(keys) if values is None else values
        return [self.take_one(*event) for event in zip(keys, times, given, strict=True)]

    def take_one(self, name: Any, at: int, value: Any) -> list[float | None]:
        nothing: list[float | None] = [None] * len(self.columns)
        if name is None:
            return nothing
        key = self.keys.get(name)
        if key is not None and key.end is not None and at < key.end - self.late:
            self.too_late += 1
            return nothing
        if value is None:
            return self.figures(key, at, None)
        self.now, new = at, key is None
        key = self.meet(name, at)
        if key.end is None or at > key.end or at >= key.newest:
            while len(key.events) > 1 and (
                key.events[0].at <= at - self.longest - self.late
                and key.events[1].at <= at - self.late
            ):
                del key.events[0]
        self.make_room(key, at)
        answers = self.figures(None if new else key, at, value)
        self.keep(key, at, value)
        key.end = at if key.end is None else max(key.end, at)
        self.sweep(at)
        return answers

    def fold(self, name: Any, at: int, value: Any) -> None:
        """An event of another partition."""
        key = self.keys.get(name)
        if key is not None:
            key.first = min(key.first, at)
            if key.end is not None and at <= key.end - self.longest - self.late:
                return
        key = self.meet(name, at)
        self.make_room(key, self.now)
        self.keep(key, at, value)
        self.sweep(self.now)

    def meet(self, name: Any, at: int) -> Key:
        if name not in self.keys:
            if len(self.keys) == self.remember:
                _, oldest = self.keys.popitem(last=False)
                self.evict(oldest, self.now - self.longest)
                self.forgotten += 1
            self.keys[name] = Key(at)
        self.keys.move_to_end(name)
        return self.keys[name]

    def keep(self, key: Key, at: int, value: Any) -> None:
        place = sum(event.at <= at for event in key.events)
        key.events.insert(place, Event(at, value))
        key.first, key.newest = min(key.first, at), max(key.newest, at)

    def make_room(self, key: Key, at: int) -> None:
        while self.events >= self.remember:
            victim = next(other for other in self.keys.values() if other.events)
            if victim is key:
                self.evicted += key.events[0].at > at - self.longest
                del key.events[0]
            else:
                self.evict(victim, at - self.longest)

    def evict(self, key: Key, since: int) -> None:
        self.evicted += sum(event.at > since for event in key.events)
        key.events.clear()

    def sweep(self, at: int) -> None:
        for _ in range(2):
            key = next((other for other in self.keys.values() if other.events), None)
            if key is not None and key.newest < at - self.longest - self.late:
                key.events.clear()

    def figures(self, key: Key | None, at: int, value: Any) -> list[float | None]:
        """Of the key's events, and of one with this value, which is not among them."""
        before = [] if key is None else [event for event in key.events if event.at <= at]
        since = first = None
        if key is not None:
            if at >= key.newest:
                since = (at - key.newest) / 1e6
            elif before:
                since = (at - before[-1].at) / 1e6
        if key is not None or value is not None:
            start = at if key is None else key.first
            if value is not None:
                start = min(start, at)
            first = None if at < start else (at - start) / 1e6
        answers: list[float | None] = []
        for stat, window in self.columns:
            past = [event.value for event in before if event.at > at - self.over[window]]
            if stat == "since_last":
                answers.append(since)
            elif stat == "first_seen":
                answers.append(first)
            elif stat == "ratio":
                answers.append(ratio(value, past))
            else:
                answers.append(FIGURES[stat](past if value is None else [*past, value]))
        return answers


def ratio(value: float | None, past: list[float]) -> float | None:
    mean = math.fsum(past) / len(past) if past else 0.0
    if value is None or mean == 0.0 or abs(value) > abs(mean) * LARGEST:
        return None
    return value / mean


def deviation(values: list[float]) -> float | None:
    if not values:
        return None
    exact = [Fraction(value) for value in values]
    n, total, squares = len(exact), sum(exact), sum(value * value for value in exact)
    return math.sqrt(float(n * squares - total * total)) / n


FIGURES = {
    "count": len,
    "sum": math.fsum,
    "mean": lambda values: math.fsum(values) / len(values) if values else None,
    "std": deviation,
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
    "distinct": lambda values: len(set(values)),
}
