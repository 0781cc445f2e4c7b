"""Worker slots: a process in each, and another one as soon as that has ended."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from streams.supervisor import USAGE_ERROR
from tests.chaos.lives import Life
from tests.chaos.worker import STACKS

__all__ = ["Keeper", "Slot", "UnexpectedError"]

_LOOK_S = 0.2
_PAUSE_S = 0.3
_GRACE_S = 60.0


class UnexpectedError(Exception):
    """The system did what it must not do, or did not do what it must."""


class Slot:
    """One worker's place.

    Args:
        kind: of the lane.
        name: of the pipeline.
        flags: settings of the worker, by name.
        log: file that the worker's words are added to.

    Attributes:
        wanted: whether the keeper is to replace who ends in it.
    """

    def __init__(self, kind: str, name: str, flags: Mapping[str, Any], log: Path) -> None:
        self.log = log
        self.wanted = False
        self._worker = (kind, name, flags, log)
        self._life: Life | None = None

    def __str__(self) -> str:
        return self.log.stem

    @property
    def life(self) -> Life:
        """Of the worker that is in it now, or was last."""
        assert self._life is not None, f"nobody has been in {self}"
        return self._life

    def start(self) -> None:
        """Put a worker in it, and another whenever that has ended."""
        self._life = Life(*self._worker)
        self.wanted = True

    def kill(self) -> None:
        """kill -9; returns when it has ended."""
        self.kill_life(self.life)

    def kill_life(self, life: Life) -> None:
        """The same to one that may have ended already, and have a successor."""
        life.signal(signal.SIGKILL)
        self.await_end(life)

    def await_end(self, life: Life) -> None:
        """Wait until one that is or was in it has ended.

        Raises:
            UnexpectedError: it goes on.
        """
        if not life.ends_within(_GRACE_S):
            life.signal(STACKS)
            raise UnexpectedError(f"the worker in {self} goes on after {_GRACE_S:g} s")

    def ask_to_stop(self) -> None:
        """Send SIGTERM, as an init system would; nobody comes after it."""
        self.wanted = False
        self.life.signal(signal.SIGTERM)

    def await_stop(self) -> None:
        """Wait for what `ask_to_stop` asked.

        Raises:
            UnexpectedError: it goes on, or ends with anything but 0.
        """
        self.await_end(self.life)
        if code := self.life.code:
            raise UnexpectedError(f"asked to stop, the worker in {self} ended with {code}")


class Keeper(threading.Thread):
    """Starts a worker again where one has ended, at once, in the same slot.

    To end unasked as if asked, or in a way that another try would not change, is unexpected.

    Attributes:
        unexpected: what was.
    """

    def __init__(self, slots: Sequence[Slot]) -> None:
        super().__init__(name="keeper", daemon=True)
        self.unexpected: list[str] = []
        self._slots = slots
        self._ended = threading.Event()

    def run(self) -> None:
        """Look after the slots until `end`."""
        while not self._ended.is_set():
            wanted = [slot for slot in self._slots if slot.wanted]
            if not wanted:
                self._ended.wait(_LOOK_S)
            wait([slot.life.sentinel for slot in wanted], _LOOK_S)
            for slot in wanted:
                if slot.wanted and not slot.life.lasts:
                    self._replace(slot)

    def end(self) -> None:
        """Replace nobody any more."""
        self._ended.set()
        if self.is_alive():
            self.join()

    def _replace(self, slot: Slot) -> None:
        code = slot.life.code
        if code in (0, USAGE_ERROR):
            self.unexpected.append(f"the worker in {slot} ended by itself with {code}")
        if code != -signal.SIGKILL:
            time.sleep(_PAUSE_S)  # one that fails at once is not to take the whole machine
        if slot.wanted:
            slot.start()
