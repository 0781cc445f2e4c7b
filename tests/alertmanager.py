"""An Alertmanager of one's own, and the pager that it sends messages to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from served import Served

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

    @property
    def pending(self) -> set[str]:
        """The alerts of which the last message is not that they ended."""
        last = {one["groupLabels"]["alertname"]: one["status"] for one in list(self.messages)}
        return {alert for alert, status in last.items() if status == "firing"}

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


class Alertmanager(Served):
    """``prometheus-alertmanager``, as Debian calls it.

    Args:
        folder: for its configuration, its data and its log.
        configuration: given its pager's address, the text of its file.

    Attributes:
        pager: to which it sends.
    """

    def __init__(self, folder: Path, configuration: Callable[[str], str]) -> None:
        flags = [
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            "--cluster.listen-address=",
        ]
        super().__init__("prometheus-alertmanager", folder, flags)
        self.pager = Pager()
        (folder / "alertmanager.yml").write_text(configuration(self.pager.url))

    def __enter__(self) -> Self:
        self.pager.__enter__()
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.pager.__exit__()
