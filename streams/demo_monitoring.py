"""What watches the demonstration: Prometheus, and Alertmanager and Grafana where there are any."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from rich.text import Text

from streams.demo_grafana import environment, homepath, provision
from streams.demo_process import HOST, DemoError, DemoProcess, free_port
from streams.errors import TeachingError
from streams.invocation import command

__all__ = ["Monitoring", "check_monitoring", "scraping", "start_monitoring", "told"]

_START_S, _LOOK_S, _ANSWER_S = 60.0, 0.1, 2.0
_INSTEAD = "docker compose up, or import deploy/grafana/*.json"


@dataclass(frozen=True, slots=True)
class _Program:
    """One of those that watch.

    Attributes:
        names: of its binary; packagers differ.
        port: that it listens on by custom.
        ready: the path that answers once it serves.
    """

    names: Sequence[str]
    port: int
    ready: str

    @property
    def binary(self) -> str | None:
        return next(filter(None, map(shutil.which, self.names)), None)


_PROMETHEUS = _Program(("prometheus",), 9090, "/-/ready")
_ALERTMANAGER = _Program(("prometheus-alertmanager", "alertmanager"), 9093, "/-/ready")
_GRAFANA = _Program(("grafana", "grafana-server"), 3000, "/api/health")


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Where it is to be seen.

    Attributes:
        prometheus: URL.
        pages: where Alertmanager shows what it has sent, or why it does not.
        boards: likewise, where Grafana shows the dashboards.
    """

    prometheus: str
    pages: str
    boards: str

    def look(self) -> Mapping[str, Text]:
        """What to say of it now, by a word for each."""
        where = Text(f"{self.prometheus}/alerts   ")
        return {
            "alerts": where + told(_rules(self.prometheus)),
            "pages": Text(self.pages),
            "boards": Text(self.boards),
        }


def check_monitoring(deploy: Path) -> None:
    """Refuse what cannot work, before anything is started.

    Raises:
        TeachingError: the folder holds no rules, or Prometheus is not installed.
    """
    if not (deploy / "prometheus/alerts.yml").exists():
        raise TeachingError(
            f"--monitoring {deploy}",
            "it has no prometheus/alerts.yml: the folder deploy of the repository has",
            f"{command()} demo --monitoring deploy, in a clone of the repository",
        )
    if _PROMETHEUS.binary is None:
        raise TeachingError(
            "no program prometheus on the PATH",
            "--monitoring starts the one that is installed",
            "make demo-monitoring, in a clone of the repository, which fetches Debian's; "
            "or https://prometheus.io/download",
        )


def start_monitoring(deploy: Path, folder: Path, metrics: str, held: ExitStack) -> Monitoring:
    """Start what is installed; it ends with `held`.

    Args:
        deploy: the repository's folder of that name: rules, routes, dashboards.
        folder: for settings, data and logs.
        metrics: host:port of the worker's metrics.
        held: what is to be ended.

    Raises:
        DemoError: Prometheus does not start. Without the others it goes on, and says so.
    """
    pages, alertmanagers = "no Alertmanager here", []
    if _ALERTMANAGER.binary is not None:
        try:
            address = _alertmanager(_ALERTMANAGER.binary, deploy, folder, held)
            pages, alertmanagers = f"http://{address}", [address]
        except DemoError as error:
            pages = str(error)
    prometheus = _prometheus(deploy, folder, metrics, alertmanagers, held)
    boards = f"no Grafana here: {_INSTEAD}"
    if _GRAFANA.binary is not None:
        try:
            boards = f"http://{_grafana(_GRAFANA.binary, deploy, folder, prometheus, held)}"
        except DemoError as error:
            boards = f"{error}: {_INSTEAD}"
    return Monitoring(f"http://{prometheus}", pages, boards)


def scraping(
    targets: Iterable[str], rules: Iterable[str], alertmanagers: Iterable[str]
) -> dict[str, Any]:
    """A configuration of Prometheus that looks each second, as one who waits for it does.

    Args:
        targets: host:port of each worker process.
        rules: rule files.
        alertmanagers: host:port of each that is to be told what fires.
    """
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [*rules],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [*alertmanagers]}]}]},
        "scrape_configs": [{"job_name": "thalweg", "static_configs": [{"targets": [*targets]}]}],
    }


def told(rules: Sequence[Mapping[str, Any]] | None) -> Text:
    """Which alerts fire and which are about to, from what Prometheus answers about its rules."""
    if rules is None:
        return Text("Prometheus does not answer", "yellow")
    states = {rule["name"]: rule["state"] for rule in rules}
    firing, pending = (
        ", ".join(name for name, state in states.items() if state == wanted)
        for wanted in ("firing", "pending")
    )
    said = Text(f"firing: {firing}", "bold red") if firing else Text(f"0 of {len(states)} firing")
    return said.append(f"   pending: {pending}", "yellow") if pending else said


def _prometheus(
    deploy: Path, folder: Path, metrics: str, alertmanagers: Iterable[str], held: ExitStack
) -> str:
    binary = _PROMETHEUS.binary
    assert binary is not None
    settings, rules = folder / "prometheus.yml", (deploy / "prometheus/alerts.yml").resolve()
    # What is JSON is YAML, too.
    settings.write_text(json.dumps(scraping([metrics], [str(rules)], alertmanagers)))
    flags = [f"--config.file={settings}", f"--storage.tsdb.path={folder / 'prometheus'}"]
    return _listening(_PROMETHEUS, binary, flags, folder, held)


def _alertmanager(binary: str, deploy: Path, folder: Path, held: ExitStack) -> str:
    flags = [
        f"--config.file={deploy / 'alertmanager/alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        "--cluster.listen-address=",
    ]
    return _listening(_ALERTMANAGER, binary, flags, folder, held)


def _listening(
    program: _Program, binary: str, flags: Sequence[str], folder: Path, held: ExitStack
) -> str:
    address = f"{HOST}:{free_port(program.port)}"
    line = [binary, *flags, f"--web.listen-address={address}"]
    return _serving(program, line, address, folder, held)


def _grafana(binary: str, deploy: Path, folder: Path, prometheus: str, held: ExitStack) -> str:
    port = free_port(_GRAFANA.port)
    provision(folder / "provisioning", deploy / "grafana", f"http://{prometheus}")
    line = [binary, *(["server"] if Path(binary).name == "grafana" else [])]
    if (home := homepath(Path(binary))) is not None:
        line.append(f"--homepath={home}")
    variables = environment(folder, deploy / "grafana", port)
    return _serving(_GRAFANA, line, f"{HOST}:{port}", folder, held, variables)


def _serving(
    program: _Program,
    line: Sequence[str],
    address: str,
    folder: Path,
    held: ExitStack,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Start a program and wait until it serves; its address."""
    name = Path(line[0]).name
    process = DemoProcess(line, folder / f"{name}.log", variables)
    held.callback(process.stop)
    deadline = time.monotonic() + _START_S
    while not _answers(f"http://{address}{program.ready}"):
        if process.ended is not None or time.monotonic() > deadline:
            raise DemoError(f"{name} does not start: {process.last_words(1)}")
        time.sleep(_LOOK_S)
    return address


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_S):
            return True
    except (OSError, HTTPException):
        return False


def _rules(prometheus: str) -> list[Mapping[str, Any]] | None:
    """The alert rules and their states; None if there is no answer."""
    url = f"{prometheus}/api/v1/rules?type=alert"
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:
            groups = json.load(answer)["data"]["groups"]
    except (OSError, HTTPException, ValueError):
        return None
    return [rule for group in groups for rule in group["rules"]]
