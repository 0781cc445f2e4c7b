"""The worker that the demonstration starts: a process of its own, on a leash."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from streams.leash import leashed

__all__ = ["WorkerProcess", "free_port"]

_GRACE_S = 15.0
_LAST_LINES = 12


class WorkerProcess:
    """``thalweg worker`` as a child that cannot outlive this process; it is running once made.

    Args:
        pipeline: its file.
        flags: of the command.
        log: file for all that it prints.
        environment: that it gets.
    """

    def __init__(
        self, pipeline: Path, flags: Sequence[str], log: Path, environment: Mapping[str, str]
    ) -> None:
        self._log = log
        with log.open("wb") as printed:
            self._leash = subprocess.Popen(
                leashed([sys.executable, "-m", "streams", "worker", str(pipeline), *flags]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=printed,
                start_new_session=True,
                env=dict(environment),
            )

    @cached_property
    def pid(self) -> int:
        """Of the worker itself. Read when it is needed: an interruption cannot make it get lost."""
        assert self._leash.stdout is not None
        return int(self._leash.stdout.readline() or 0)

    @property
    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._leash.poll()

    def stop(self) -> None:
        """Have it commit and end; after a time of grace, end it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.pid and self.ended is None:
                with suppress(ProcessLookupError):
                    os.kill(self.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._leash.wait(_GRACE_S)
                break
        if self._leash.stdout is not None:
            self._leash.stdout.close()

    def last_words(self) -> str:
        """The end of what it printed."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_LAST_LINES:])


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
