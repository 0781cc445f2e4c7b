"""Several workers under one roof: each in its own process and slot, restarted when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle

from streams.leash import leashed

__all__ = ["USAGE_ERROR", "Supervisor", "worker_command"]

USAGE_ERROR = 2
"""Exit code of a worker that was configured wrongly; another try would end the same way."""

_POLL_S = 0.1
_CALM_S = 60.0
_WAITS_S = (0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(slots=True)
class _Place:
    """One worker's place: the command that runs in it and how often it has died lately."""

    name: str
    command: Sequence[str]
    core: int | None = None
    process: subprocess.Popen[bytes] | None = None
    worker_pid: int = 0
    deaths: int = 0
    started: float = 0.0
    due: float = 0.0
    ended: bool = False


class Supervisor:
    """Keeps one process running for each command until told to stop.

    A process that ends with 0 has been told so and stays down; one that ends with `USAGE_ERROR`
    takes all others with it; any other end is a death, after which it is started again, at once
    at first and more slowly while it keeps dying.

    Args:
        commands: by the name of the place.
        say: is told of each death and restart.
        cores: to pin the processes to, in turn; none are pinned by default.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        say: Callable[[str], None],
        cores: Sequence[int] = (),
    ) -> None:
        turns = cycle(cores or (None,))
        self._places = [
            _Place(name, command, core)
            for (name, command), core in zip(commands.items(), turns, strict=False)
        ]
        self._say = say
        self._stopping = False

    def run(self) -> int:
        """Run until every process has ended; answer the exit code for the whole."""
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        code = 0
        try:
            while not all(place.ended for place in self._places):
                for place in self._places:
                    code = max(code, self._look_after(place))
                time.sleep(_POLL_S)
        finally:
            self._stop_all()
            for number, handler in before.items():
                signal.signal(number, handler)
        return code

    def _look_after(self, place: _Place) -> int:
        now = time.monotonic()
        if place.ended:
            return 0
        if place.process is None:
            if self._stopping:
                place.ended = True
            elif now >= place.due:
                _start(place)
                place.started = now
            return 0
        code = place.process.poll()
        if code is None:
            return 0
        place.process = None
        if code in (0, USAGE_ERROR) or self._stopping:
            place.ended = True
            if code == USAGE_ERROR:
                self._stop_all()
            # Killed by our own request, before it could take that for one: it had done nothing yet.
            return 0 if self._stopping and code in _ASKED else abs(code)
        place.deaths = 1 if now - place.started > _CALM_S else place.deaths + 1
        wait = _WAITS_S[min(place.deaths, len(_WAITS_S)) - 1]
        place.due = now + wait
        self._say(f"worker {place.name} ended with {code}; started again in {wait:g} s")
        return 0

    def _on_signal(self, *_: object) -> None:
        self._stop_all()

    def _stop_all(self) -> None:
        self._stopping = True
        for place in self._places:
            if place.process is not None and place.process.poll() is None:
                with suppress(ProcessLookupError):
                    os.kill(place.worker_pid, signal.SIGTERM)


_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_ASKED = (-signal.SIGTERM, 128 + signal.SIGTERM)


def _start(place: _Place) -> None:
    place.process = subprocess.Popen(
        leashed(place.command), stdout=subprocess.PIPE, start_new_session=True
    )
    assert place.process.stdout is not None
    place.worker_pid = int(place.process.stdout.readline() or 0)
    if place.core is not None and place.worker_pid:
        with suppress(ProcessLookupError):
            # While it has a single thread: those to come stay there too.
            os.sched_setaffinity(place.worker_pid, {place.core})


def worker_command(file: str, slot: str, flags: Sequence[str]) -> list[str]:
    """The command line of one worker process."""
    return [sys.executable, "-m", "streams", "worker", file, "--slot", slot, *flags]
