"""A command that cannot outlive the process that asked for it, not even when that one is killed.

The kernel's own parent-death signal is bound to the *thread* that forked, needs code between fork
and exec in a process full of threads, and is Linux's alone. So a small process of one thread
stands between: it runs the command as its child, watches its owner, and kills the command when the
owner is gone. If the small process itself is killed, the kernel (on Linux) kills the command, safe
now that one thread is all there is. Both live in a session of their own, out of reach of a
terminal's Ctrl-C.

This file runs as a script of its own and imports nothing of the package.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

__all__ = ["leashed"]

_LOOK_SECONDS = 0.25
_PR_SET_PDEATHSIG = 1


def leashed(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` on a leash which this process holds.

    Start it with ``start_new_session=True``. Its first line of output is the command's process
    id; all that the command prints goes to the error stream; its exit code is the command's.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _run(owner: int, command: Sequence[str]) -> int:
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A handler, because to ignore a signal would be inherited: the leash ends with the command.
        signal.signal(ending, lambda *_: None)
    leash = os.getpid()

    def die_with_the_leash() -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != leash:
            os.kill(os.getpid(), signal.SIGKILL)

    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=die_with_the_leash if sys.platform == "linux" else None,
    )

    def watch() -> None:
        while os.getppid() == owner:
            time.sleep(_LOOK_SECONDS)
        child.kill()

    threading.Thread(target=watch, daemon=True).start()
    if os.getppid() == owner:
        print(child.pid, flush=True)
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(_run(int(sys.argv[1]), sys.argv[2:]))
