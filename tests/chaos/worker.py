"""A worker as ``thalweg worker`` runs it, in a process that can be told to come to harm.

Workers are forked from a server that has imported and compiled everything, so that one is up again
a fraction of a second after its end. What harm it does to itself is the campaign's to say, over a
pipe, while it works.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
import threading
import time
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import parent_process
from pathlib import Path
from typing import Any

import streams.transactions
import streams.worker
from streams.observer import Observer, Observers
from streams.settings import resolve
from tests.chaos.traffic import KINDS

__all__ = ["STACKS", "run"]

STACKS = signal.SIGUSR1
"""Has a worker print where each of its threads is."""


class Saboteur(Observer):
    """Does to its own process what the campaign orders."""

    def __init__(self) -> None:
        self._fatal: str | None = None
        self._left = 0
        self._hoard: list[bytearray] = []

    def on_step(self, partition: int, step: str) -> None:
        """Die at the n-th time from the order on that this step of a commit is reached."""
        if step == self._fatal:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def on_delta(self, partition: int, size: int) -> None:
        """Likewise, where a delta is made."""
        self.on_step(partition, "told")

    def on_folded(self, partition: int, deltas: int) -> None:
        """Likewise, where deltas are taken over."""
        self.on_step(partition, "folded")

    def obey(self, orders: Connection) -> None:
        """Carry out orders until the campaign closes the pipe."""
        try:
            while True:
                name, *arguments = orders.recv()
                getattr(self, f"_{name}")(*arguments)
        except EOFError:
            return

    def _die_at(self, step: str, occurrence: int) -> None:
        self._left, self._fatal = occurrence, step

    def _shift_clock(self, seconds: float) -> None:
        """From now on the wall clock is off. The monotonic one is not, as on a real machine."""
        now, now_ns = time.time, time.time_ns
        time.time = lambda: now() + seconds
        time.time_ns = lambda: now_ns() + int(seconds * 1e9)

    def _exhaust_memory(self, least: int) -> None:
        """Have no more memory than there is, and take what of that comes in pieces of `least`."""
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        size = 1 << 20
        while size >= least:
            try:
                self._hoard.append(bytearray(size))
            except MemoryError:
                size //= 4

    def _limit_files(self, size: int) -> None:
        """Let no file grow past `size` bytes; -1 lets them again."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def run(kind: str, name: str, flags: dict[str, Any], words: Connection, orders: Connection) -> None:
    """Be a worker of the pipeline `name`, and end with its exit code.

    Args:
        kind: of the lane.
        name: of the pipeline.
        flags: settings, by their names.
        words: what it prints goes there; no file, for their sizes may come to be limited.
        orders: what harm to do, and when; see `Saboteur`.
    """
    for stream in (1, 2):
        os.dup2(words.fileno(), stream)
    faulthandler.register(STACKS)
    threading.Thread(target=_end_with_the_campaign, daemon=True).start()
    streams.transactions._TIMEOUT_S = flags.pop("transaction_timeout")
    saboteur = Saboteur()
    streams.worker.Observers = partial(Observers, saboteur)
    threading.Thread(target=saboteur.obey, args=(orders,), daemon=True).start()
    settings, provenance = resolve(flags=flags)
    code = streams.worker.run(KINDS[kind].pipeline(name), settings, provenance)
    sys.stdout.flush()
    os._exit(code)


def _end_with_the_campaign() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
