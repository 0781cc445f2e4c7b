"""An even flow: how many records may have left by a given moment."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pace"]

_TICK_S, _CATCH_UP_S = 0.005, 1.0


@dataclass(slots=True)
class Pace:
    """Record i leaves at ``start + i / rate``, never earlier; the clock is passed in, in seconds.

    Who falls behind catches up: the average is exact. Only what lies more than a second back is
    given up, so that a source that stood still is not made up for by a flood.

    Attributes:
        rate: records a second.
        start: when record 0 was due; None before the first record.
        taken: how many have left.
    """

    rate: float
    start: float | None = None
    taken: int = 0

    def take(self, most: int, now: float) -> int:
        """How many of the next `most` records are due; they count as having left."""
        if self.start is None:
            self.start = now
        forgiven = now - _CATCH_UP_S - (self.start + self.taken / self.rate)
        if forgiven > 0:
            self.start += forgiven
        due = int((now - self.start) * self.rate) + 1 - self.taken
        count = max(0, min(most, due))
        self.taken += count
        return count

    def pause(self, now: float) -> float:
        """Seconds until the next record is due; five milliseconds at least, for one send's sake."""
        assert self.start is not None, "nothing was taken yet"
        return max(_TICK_S, self.start + self.taken / self.rate - now)
