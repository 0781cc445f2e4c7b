"""Log lines that repeat themselves: each sentence once in a while, with how often it came."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

__all__ = ["Unrepeated"]

_PAUSE_S = 5.0


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
