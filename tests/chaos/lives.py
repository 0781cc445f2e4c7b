"""A worker process, from its start to its end."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import active_children, get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tests.chaos import worker

__all__ = ["Life", "end_all"]

_READ_BYTES = 64 * 1024

_context = get_context("forkserver")
_context.set_forkserver_preload(["tests.chaos.nursery"])
_lock = threading.Lock()
"""Held where the standard library reads how a process has ended: it can do so once only."""


class Life:
    """One worker, forked from the nursery; it is alive at once.

    Args:
        kind: of the lane.
        name: of the pipeline.
        flags: settings of the worker, by name.
        log: file that its words are added to.
    """

    def __init__(self, kind: str, name: str, flags: Mapping[str, Any], log: Path) -> None:
        orders, self._orders = _context.Pipe(duplex=False)
        heard, words = _context.Pipe(duplex=False)
        self._process = _context.Process(
            target=worker.run, args=(kind, name, dict(flags), words, orders), daemon=True
        )
        with _lock:
            self._process.start()
        orders.close()
        words.close()
        threading.Thread(target=_write_down, args=(heard, log), daemon=True).start()

    @property
    def sentinel(self) -> int:
        """Is ready to be read once it has ended."""
        return self._process.sentinel

    @property
    def lasts(self) -> bool:
        """Whether it has not ended."""
        return not self.ends_within(0)

    @property
    def code(self) -> int | None:
        """How it ended: its exit code, or the number of a signal, negative."""
        with _lock:
            return self._process.exitcode

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, but no longer than that; whether it came."""
        return bool(wait([self.sentinel], seconds))

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        pid = self._process.pid
        if self.lasts and pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def order(self, harm: str, *arguments: object) -> None:
        """Have the worker do harm to itself; see `tests.chaos.worker.Saboteur`."""
        with suppress(OSError):  # it has ended: harm enough
            self._orders.send((harm, *arguments))


def end_all() -> None:
    """Kill every worker of this process."""
    with _lock:
        for process in active_children():
            process.kill()


def _write_down(heard: Connection, log: Path) -> None:
    with heard, log.open("ab", buffering=0) as file:
        while said := os.read(heard.fileno(), _READ_BYTES):
            file.write(said)
