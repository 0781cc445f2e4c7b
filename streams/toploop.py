"""What ``thalweg top`` does: look, show, listen to the keys."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from rich.console import Console
from rich.live import Live

from streams.errors import TeachingError
from streams.keyboard import keys
from streams.topscreen import ORDERS, Screen
from streams.watching import Glance, Watch

__all__ = ["after_key", "once", "run"]

_KEY_S = 0.1


def once(watch: Watch, every_s: float, order: str) -> Screen:
    """One picture, of two looks: rates are between them.

    Raises:
        ClusterError: there is no Kafka.
    """
    watch.look()
    time.sleep(every_s)
    return Screen(watch.look(), order)


def run(watch: Watch, console: Console, every_s: float, order: str) -> None:
    """Look again and again, until q or Ctrl-C. A look that fails is told, and tried again."""
    screen, looking, due = Screen(None, order), None, 0.0
    # In a thread, so that a cluster that does not answer does not hold up the keys.
    with (
        ThreadPoolExecutor(1) as thread,
        keys() as pressed,
        Live(screen, console=console, screen=True, auto_refresh=False) as live,
        suppress(KeyboardInterrupt),
    ):
        while True:
            if looking is None and time.monotonic() >= due:
                looking, due = thread.submit(watch.look), time.monotonic() + every_s
            key = pressed(_KEY_S)
            if key in ("q", "Q"):
                return
            seen = after_key(screen, key)
            if looking is not None and looking.done():
                seen, looking = _after_look(seen, looking), None
            if seen is not screen:
                screen = seen
                live.update(screen, refresh=True)


def after_key(screen: Screen, key: str) -> Screen:
    """The screen as a key leaves it; the same one if the key means nothing."""
    if key in ("s", "S"):
        orders = list(ORDERS)
        return replace(screen, order=orders[(orders.index(screen.order) + 1) % len(orders)])
    if key.isdecimal() and screen.chosen is None:
        return replace(screen, typed=screen.typed + key)
    if key in ("\r", "\n") and screen.typed:
        return replace(screen, chosen=int(screen.typed), typed="")
    if key in ("\x1b", "\x7f") and (screen.typed or screen.chosen is not None):
        return replace(screen, chosen=None, typed="")
    return screen


def _after_look(screen: Screen, looking: Future[Glance]) -> Screen:
    try:
        return replace(screen, glance=looking.result(), trouble=None)
    except TeachingError as error:
        return replace(screen, trouble=str(error))
