"""Log lines that repeat themselves: said once in a while, or once what they say has lasted."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

__all__ = ["Lasting", "Unrepeated"]

_PAUSE_S, _PATIENCE_S = 5.0, 10.0


class Unrepeated(logging.Filter):
    """Passes a sentence of a logger on, and drops its repetitions for the next seconds.

    While a broker is away, its clients say so thousands of times a second. Sentences are told apart
    by their template: the same with another name in it is a repetition.

    Args:
        pause: seconds for which a sentence is not repeated.
        clock: seconds, from any origin.
    """

    def __init__(
        self, pause: float = _PAUSE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._pause = pause
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to say it; with the number of repetitions since it was said last."""
        sentence, now = (record.name, str(record.msg)), self._clock()
        at, dropped = self._said.get(sentence, (-self._pause, 0))
        if now - at < self._pause:
            self._said[sentence] = at, dropped + 1
            return False
        self._said[sentence] = now, 0
        if dropped:
            record.msg = f"{record.getMessage()} (and {dropped:,} times more)"
            record.args = None
        return True


class Lasting(logging.Filter):
    """Holds a complaint back that is usually over in a moment, and passes it on once it has lasted.

    A cluster that no group has used yet makes the topic of offsets as the first one asks for its
    coordinator. Until that is done it answers that there is none, and a client logs errors.

    Args:
        passing: whether a record is such a complaint; others are passed on.
        patience: seconds after which it is said, and after which one that was not repeated is over.
        clock: seconds, from any origin.
    """

    def __init__(
        self,
        passing: Callable[[logging.LogRecord], bool],
        patience: float = _PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._passing = passing
        self._patience = patience
        self._clock = clock
        self._began = self._last = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to say it."""
        if not self._passing(record):
            return True
        now = self._clock()
        if now - self._last > self._patience:
            self._began = now
        self._last = now
        return now - self._began >= self._patience
