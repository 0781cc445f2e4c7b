"""A program of Prometheus's family in a process of its own, which tells when it is ready."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from outside import free_ports

__all__ = ["Served"]


class Served:
    """A program on a free port of the loopback; ended with the block.

    Args:
        program: as Debian calls it; its log has this name.
        folder: for its log.
        flags: besides the one that says where to listen.

    Attributes:
        address: host:port.
    """

    def __init__(self, program: str, folder: Path, flags: Sequence[str]) -> None:
        (port,) = free_ports(1)
        self.address = f"127.0.0.1:{port}"
        self._log = folder / f"{program}.log"
        self._command = [program, *flags, f"--web.listen-address={self.address}"]

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while not self._ready():
            told = self._log.read_text()
            assert self._process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=5):
                return True
        except OSError:
            return False
