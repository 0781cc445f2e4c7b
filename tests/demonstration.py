"""``thalweg demo`` as somebody runs it, and whatever it starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psutil  # comes with jgo
from outside import ROOT

__all__ = ["SMALL", "Run"]

SMALL = ("--days=10", "--customers=300", "--rate=700")


class Run:
    """A process of its own, killed when the block is left; what it starts is known by a mark."""

    def __init__(self, temporary: Path, *flags: str) -> None:
        self._mark = uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streams", "demo", *flags],
            cwd=ROOT,
            env={**os.environ, "MARK": self._mark, "TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def started(self) -> list[psutil.Process]:
        """The processes that it has started, and they in turn, which still run."""
        return [one for one in psutil.process_iter() if self._is_ours(one)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            marked = process.environ().get("MARK") == self._mark
            gone = process.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False
        return marked and not gone and process.pid != self.process.pid

    def until(self, pattern: str) -> re.Match[str]:
        """Read what it prints up to a line that matches."""
        assert self.process.stdout
        searched = (re.search(pattern, line) for line in self.process.stdout)
        found = next(filter(None, searched), None)
        assert found, pattern
        return found
