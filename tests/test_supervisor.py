"""A supervisor keeps its workers running, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from streams.supervisor import USAGE_ERROR, Supervisor, worker_command

RECORDS = "import os, sys, pathlib; p = pathlib.Path(sys.argv[1]); "
APPEND = "f = p.open('a'); f.write(f'{os.getpid()}\\n'); f.close(); "


def command(path: Path, then: str) -> list[str]:
    return [sys.executable, "-c", RECORDS + APPEND + then, str(path)]


def pids(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def wait_for(path: Path, count: int) -> list[int]:
    limit = time.monotonic() + 30
    while len(pids(path)) < count:
        assert time.monotonic() < limit, f"{path} never had {count} lines"
        time.sleep(0.02)
    return pids(path)


def test_workers_that_end_by_themselves_stay_down(tmp_path: Path) -> None:
    log = tmp_path / "pids"
    said: list[str] = []
    assert Supervisor({"0": command(log, ""), "1": command(log, "")}, said.append).run() == 0
    assert len(pids(log)) == 2
    assert said == []


def test_a_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    log = tmp_path / "pids"
    dies_once = "sys.exit(0 if len(p.read_text().split()) > 1 else 7)"
    said: list[str] = []
    assert Supervisor({"0": command(log, dies_once)}, said.append).run() == 0
    assert len(pids(log)) == 2
    assert said == ["worker 0 ended with 7; started again in 0.5 s"]


def test_a_worker_that_is_configured_wrongly_takes_the_others_with_it(tmp_path: Path) -> None:
    wrong, right = tmp_path / "wrong", tmp_path / "right"
    stay = "import signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); signal.pause()"
    supervisor = Supervisor(
        {"0": command(right, stay), "1": command(wrong, f"sys.exit({USAGE_ERROR})")}, print
    )
    assert supervisor.run() == USAGE_ERROR
    assert len(pids(wrong)) == 1


def test_a_signal_stops_every_worker_and_none_is_restarted(tmp_path: Path) -> None:
    logs = [tmp_path / "a", tmp_path / "b"]
    stay = "import signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); signal.pause()"
    supervisor = Supervisor({path.name: command(path, stay) for path in logs}, print)

    def stop() -> None:
        for path in logs:
            wait_for(path, 1)
        time.sleep(0.2)  # the handler is set right after the line is written
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop).start()
    assert supervisor.run() == 0
    assert [len(pids(path)) for path in logs] == [1, 1]


_FAILS = "import signal; signal.signal(signal.SIGTERM, lambda *_: os._exit(3)); "


@pytest.mark.parametrize(("asked", "code"), [("", 0), (_FAILS, 3)])
def test_to_be_stopped_before_it_is_up_is_no_failure(tmp_path: Path, asked: str, code: int) -> None:
    log = tmp_path / "pids"
    up = f"import sys, pathlib, os, time; {asked}p = pathlib.Path(sys.argv[1]); {APPEND}"
    worker = [sys.executable, "-c", f"{up}time.sleep(60)", str(log)]
    supervisor = Supervisor({"0": worker}, print)

    def stop() -> None:
        wait_for(log, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop).start()
    assert supervisor.run() == code


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the platform pins no process")
def test_workers_that_are_pinned_take_the_cores_in_turn(tmp_path: Path) -> None:
    cores = sorted(os.sched_getaffinity(0))
    logs = [tmp_path / str(number) for number in range(len(cores) + 1)]
    tell = (
        "import sys, os, time; n = sys.argv[2]; t = time.monotonic()\n"
        "while str(sorted(os.sched_getaffinity(0))) != n and time.monotonic() < t + 30: pass\n"
        "open(sys.argv[1], 'w').write(str(sorted(os.sched_getaffinity(0))))"
    )
    expected = {path: str([cores[i % len(cores)]]) for i, path in enumerate(logs)}
    commands = {
        path.name: [sys.executable, "-c", tell, str(path), core] for path, core in expected.items()
    }
    assert Supervisor(commands, print, cores).run() == 0
    assert {path: path.read_text() for path in logs} == expected


def test_no_worker_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "pids"
    script = textwrap.dedent(f"""
        from streams.supervisor import Supervisor
        Supervisor({{"0": {command(log, "import time; time.sleep(600)")!r}}}, print).run()
    """)
    owner = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    (worker,) = wait_for(log, 1)
    owner.kill()
    owner.wait()
    limit = time.monotonic() + 30
    while Path(f"/proc/{worker}").exists():
        assert time.monotonic() < limit, "the worker lives on"
        time.sleep(0.05)


def test_a_worker_is_told_its_slot() -> None:
    line = worker_command("fraud.py", "3", ["--brokers", "kafka:9092"])
    assert line[1:] == [
        "-m", "streams", "worker", "fraud.py", "--slot", "3", "--brokers", "kafka:9092",
    ]  # fmt: skip
