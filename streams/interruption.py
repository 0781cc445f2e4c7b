"""Ctrl-C, SIGTERM and the end of the terminal as one exception, raised once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["INTERRUPTED", "one_interruption"]

INTERRUPTED = 128 + signal.SIGINT
"""Exit code of a command that was interrupted."""

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def one_interruption() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP alike raise KeyboardInterrupt, once: a second one cannot cut the
    clean stop short.
    """

    def interrupt(*_: object) -> None:
        for ending in _ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {ending: signal.signal(ending, interrupt) for ending in _ENDINGS}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)
