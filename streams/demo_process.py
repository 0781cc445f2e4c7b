"""A process that the demonstration starts, on a leash."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from streams.leash import leashed

__all__ = ["HOST", "DemoError", "DemoProcess", "free_port"]

HOST = "127.0.0.1"
"""Where all of the demonstration listens."""

_GRACE_S = 15.0
_LAST_LINES = 12


class DemoError(Exception):
    """Something that the demonstration has started came to a halt."""


class DemoProcess:
    """A child that cannot outlive this process; it is running once made.

    Args:
        command: its command line.
        log: file for all that it prints.
        environment: that it gets; this process's own if None.
    """

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._log = log
        with log.open("wb") as printed:
            self._leash = subprocess.Popen(
                leashed(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=printed,
                start_new_session=True,
                env=environment,
            )

    @cached_property
    def pid(self) -> int:
        """Of the command itself. Read when it is needed: an interruption cannot lose it."""
        assert self._leash.stdout is not None
        return int(self._leash.stdout.readline() or 0)

    @property
    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._leash.poll()

    def stop(self) -> None:
        """Have it end as it should; after a time of grace, end it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.pid and self.ended is None:
                with suppress(ProcessLookupError):
                    os.kill(self.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._leash.wait(_GRACE_S)
                break
        if self._leash.stdout is not None:
            self._leash.stdout.close()

    def last_words(self, lines: int = _LAST_LINES) -> str:
        """The end of what it printed."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])


def free_port(usual: int = 0) -> int:
    """A port of this machine that nobody listens on: the usual one, if it can be."""
    try:
        with socket.create_server((HOST, usual)) as probe:
            port: int = probe.getsockname()[1]
    except OSError:
        if not usual:
            raise
        return free_port()
    return port
