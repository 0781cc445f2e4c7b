"""Which partitions have work and do none of it, and for how long; pure, time counts by looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Places", "Standing", "Stillness"]

Places: TypeAlias = Mapping[str, tuple[int, int | None]]
"""By topic, the offset to be computed next and the end; None where nothing is to be read now."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a partition has come.

    Attributes:
        partition: its number.
        places: where it is in its topics; none yet while it recovers.
        left: offsets that it still has to compute again.
        steps: how many its transactions have taken.
        ending: whether a transaction is being ended.
    """

    partition: int
    places: Places
    left: int = 0
    steps: int = 0
    ending: bool = False

    @property
    def behind(self) -> bool:
        """Whether there is something to be done."""
        unread = any(end is not None and end > at for at, end in self.places.values())
        return unread or self.left > 0 or self.ending

    def moved(self, before: Standing) -> bool:
        """Whether anything was done since."""
        return (
            (self.left, self.steps) != (before.left, before.steps)
            or self.places.keys() != before.places.keys()
            or any(at != before.places[topic][0] for topic, (at, _) in self.places.items())
        )


@dataclass(slots=True)
class _Watched:
    """A partition as it was last seen, and for how many looks it has stood like that."""

    last: Standing
    looks: int = 0
    overtakers: set[int] = field(default_factory=set)


class Stillness:
    """Counts for how many looks in a row a partition was behind and did nothing.

    Partitions take turns: one may wait as long again for each other one that moves meanwhile.

    Args:
        patience: looks after which a partition is stuck.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._watched: dict[int, _Watched] = {}

    def look(self, found: Iterable[Standing]) -> list[int]:
        """Note where the partitions stand now; those that have work and have not moved."""
        before, self._watched = self._watched, {}
        moved, still = set(), []
        for standing in found:
            number = standing.partition
            watched = self._watched[number] = before.get(number) or _Watched(standing)
            if standing.moved(watched.last):
                moved.add(number)
            elif standing.behind and number in before:
                still.append(number)
            watched.last = standing
        for number, watched in self._watched.items():
            if number in still:
                watched.looks += 1
                watched.overtakers |= moved
        self.forgive(self._watched.keys() - still)
        return still

    def forgive(self, partitions: Iterable[int]) -> None:
        """Begin to count anew."""
        for number in partitions:
            self._watched[number] = _Watched(self._watched[number].last)

    def stuck(self) -> list[Standing]:
        """The partitions that nobody is to wait for any longer."""
        return [
            watched.last
            for watched in self._watched.values()
            if watched.looks >= self._patience * (1 + len(watched.overtakers))
        ]
