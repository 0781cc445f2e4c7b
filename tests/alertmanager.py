"""An Alertmanager of one's own, and the pager that it sends messages to."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from outside import free_ports

__all__ = ["Alertmanager", "Pager"]


class Pager:
    """Keeps the messages that are posted to it while the block lasts.

    Attributes:
        url: where to post them.
        messages: what came, in order.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        pager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                pager.messages.append(json.loads(self.rfile.read(size)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """The messages are kept; that is log enough."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Pager:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def told(self, alert: str, status: str, since: int) -> dict[str, Any] | None:
        """The first message about an alert among those from number `since` on."""
        return next(
            (
                message
                for message in self.messages[since:]
                if message["groupLabels"]["alertname"] == alert and message["status"] == status
            ),
            None,
        )


class Alertmanager:
    """``prometheus-alertmanager``, as Debian calls it, on a free port of the loopback.

    Args:
        folder: for its configuration and its data.
        configuration: given its pager's address, the text of its file.

    Attributes:
        address: host:port.
        pager: to which it sends.
    """

    def __init__(self, folder: Path, configuration: Callable[[str], str]) -> None:
        (port,) = free_ports(1)
        self.address = f"127.0.0.1:{port}"
        self.pager = Pager()
        self._folder = folder
        (folder / "alertmanager.yml").write_text(configuration(self.pager.url))

    def __enter__(self) -> Alertmanager:
        self.pager.__enter__()
        with (self._folder / "alertmanager.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus-alertmanager",
                    f"--config.file={self._folder / 'alertmanager.yml'}",
                    f"--storage.path={self._folder / 'alertmanager'}",
                    f"--web.listen-address={self.address}",
                    "--cluster.listen-address=",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 60
        while not self._ready():
            told = (self._folder / "alertmanager.log").read_text()
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
        self.pager.__exit__()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=5):
                return True
        except OSError:
            return False
