"""Single keys from a terminal, while something else is shown on it."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["keys"]


@contextmanager
def keys() -> Iterator[Callable[[float], str]]:
    """A function that waits so many seconds for a key, and answers it; empty if none came.

    The terminal's own editing and echo are off until the block is left. Without a terminal it only
    waits. Ctrl-C stays what it is.
    """
    if not sys.stdin.isatty():
        yield lambda seconds: _pressed([], seconds)
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        yield lambda seconds: _pressed([terminal], seconds)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _pressed(terminals: list[int], seconds: float) -> str:
    ready, _, _ = select.select(terminals, [], [], seconds)
    return os.read(ready[0], 16).decode(errors="replace") if ready else ""
