"""A command on a leash ends with its owner, however that one ends, and not before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from until import alive, eventually

from streams.leash import leashed

ROOT = Path(__file__).parents[1]


def on_a_leash(code: str, *, then: str = "time.sleep(60)") -> subprocess.Popen[str]:
    """A process that runs Python `code` on a leash, prints its process id, and does `then`."""
    owner = (
        "import subprocess, sys, time, threading\n"
        "from streams.leash import leashed\n"
        "def start():\n"
        f"    command = leashed([sys.executable, '-c', {code!r}])\n"
        "    global leash\n"
        "    leash = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)\n"
        "    print(leash.stdout.readline().decode().strip(), leash.pid, flush=True)\n"
        "thread = threading.Thread(target=start); thread.start(); thread.join()\n"
        f"{then}"
    )
    return subprocess.Popen(
        [sys.executable, "-c", owner], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def pids(owner: subprocess.Popen[str]) -> tuple[int, int]:
    assert owner.stdout
    command, leash = owner.stdout.readline().split()
    return int(command), int(leash)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_command_on_a_leash_dies_with_its_owner(end: signal.Signals) -> None:
    with on_a_leash("import time; time.sleep(60)") as owner:
        command, leash = pids(owner)
        owner.send_signal(end)
        eventually(lambda: not alive(command) and not alive(leash))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_command_dies_with_its_leash() -> None:
    with on_a_leash("import time; time.sleep(60)") as owner:
        command, leash = pids(owner)
        os.kill(leash, signal.SIGKILL)
        eventually(lambda: not alive(command))
        owner.kill()


def test_a_command_outlives_the_thread_that_started_it() -> None:
    with on_a_leash("import time; time.sleep(1); print()", then="sys.exit(leash.wait())") as owner:
        pids(owner)
        assert owner.wait() == 0


@pytest.mark.parametrize(("code", "expected"), [("exit(3)", 3), ("import os; os.abort()", 134)])
def test_a_leash_ends_with_its_commands_exit_code(code: str, expected: int) -> None:
    done = subprocess.run(
        leashed([sys.executable, "-c", code]), stdout=subprocess.PIPE, start_new_session=True
    )
    assert done.returncode == expected
