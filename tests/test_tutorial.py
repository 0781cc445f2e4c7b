"""The tutorial: every block runs as it stands, on a real Kafka, and shows what the page says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import free_ports

from streams.broker import Broker
from streams.offsets import lag

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/tutorial.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
OURS = ("python3 -m venv", "pip install", "thalweg broker")  # the test has these already


class Reader:
    """Somebody who does what the page says, in a folder of their own.

    Attributes:
        printed: by the commands of the last block.
    """

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder, self.broker, self.printed = folder, broker, ""
        self._typed = ""
        program = folder / "bin/thalweg"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m streams "$@"\n')
        program.chmod(0o755)
        self._environment = os.environ | {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "80",
            "THALWEG_BROKERS": broker.bootstrap,
            "THALWEG_METRICS_PORT": str(free_ports(1)[0]),
        }
        self._worker: subprocess.Popen[bytes] | None = None

    def type(self, block: str) -> None:
        """Run the commands of a block, one after another."""
        self.printed, self._typed = "", block
        for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
            if command.startswith("thalweg worker"):
                self.leave()
                self._worker = self._start(command)
            elif not command.startswith(OURS):
                run = self._start(command, stdout=subprocess.PIPE)
                self.printed += run.communicate(timeout=600)[0].decode()
                assert run.returncode == 0, command
                self._wait()

    def sees(self, wanted: str) -> bool:
        """Whether the last block printed that; at a screen that is renewed they look again."""
        deadline = time.monotonic() + 60
        while not (seen := re.search(wanted, self.printed, re.DOTALL)):
            if "$ thalweg top" not in self._typed or time.monotonic() > deadline:
                break
            self.type(self._typed)
        return seen is not None

    def leave(self) -> None:
        """Ctrl-C in the worker's terminal."""
        if self._worker is not None:
            self._worker.send_signal(signal.SIGINT)
            self._worker.wait(60)
            self._worker = None

    def _start(self, command: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
        shell = ["bash", "-o", "pipefail", "-c", command]
        return subprocess.Popen(shell, cwd=self.folder, env=self._environment, stdout=stdout)

    def _wait(self) -> None:
        """Look away until the worker has answered everything."""
        deadline = time.monotonic() + 300
        while self._worker is not None and any(
            one.behind for one in lag(self.broker.bootstrap, "cards", ["payments"])
        ):
            assert self._worker.poll() is None, "the worker has ended"
            assert time.monotonic() < deadline
            time.sleep(0.5)


def pattern(shown: str) -> str:
    """What the page shows, as a pattern: any blanks are alike, and … stands for anything."""
    return r"\s+".join(".*?".join(map(re.escape, word.split("…"))) for word in shown.split())


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with Broker() as broker:
        reader = Reader(tmp_path, broker)
        yield reader
        reader.leave()


def test_every_block_runs_and_shows_what_the_page_says(reader):
    differing = []
    for language, block in BLOCKS:
        if language == "python":
            name = block.partition("\n")[0].removeprefix("# ")
            (reader.folder / name).write_text(block)
        elif language == "console":
            reader.type(block)
        elif not reader.sees(pattern(block)):
            differing.append(f"{block}\nwas:\n{reader.printed}")
    assert not differing, "\n\n".join(differing)
    assert (reader.folder / "cards.html").stat().st_size > 100_000
