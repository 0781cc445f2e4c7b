"""Who watches the demonstration shows what happens in it, and ends with it.

Grafana is not to be had as a package here: what is started in its name tells how it was called.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from demonstration import SMALL, Run
from outside import ROOT
from prometheus_server import needs_prometheus
from until import eventually

from deploy.monitoring.alerts import alerts
from streams.demo_grafana import homepath
from streams.demo_monitoring import check_monitoring, start_monitoring, told
from streams.demo_process import free_port
from streams.errors import TeachingError

DEPLOY = ROOT / "deploy"
ALWAYS = """
- name: ours
  rules:
  - alert: Always
    expr: vector(1)
    for: 10s
"""
"""Not at once: Prometheus finds out whom to tell in five seconds, and tells again in a minute."""
PROGRAM = f"""#!{sys.executable} -IS
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

flags = dict(one.split("=", 1) for one in sys.argv[1:] if one.startswith("--"))
port = flags.get("--web.listen-address", "").rpartition(":")[2] or os.environ["GF_SERVER_HTTP_PORT"]
Path(sys.argv[0] + ".called").write_text("\\n".join(sys.argv[1:]))
Path(sys.argv[0] + ".told").write_text(os.environ.get("GF_PATHS_PROVISIONING", ""))
HTTPServer(("127.0.0.1", int(port)), Answer).serve_forever()
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder of programs; there are no others."""
    folder = tmp_path / "usr/bin"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(path: Path, text: str = PROGRAM) -> None:
    path.write_text(text)
    path.chmod(0o755)


def asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


@pytest.mark.kafka
@pytest.mark.prometheus
@needs_prometheus
def test_prometheus_scrapes_the_worker_evaluates_our_rules_and_ends_with_the_demonstration(
    tmp_path,
):
    rules = tmp_path / "deploy/prometheus/alerts.yml"
    temporary = tmp_path / "temporary"
    rules.parent.mkdir(parents=True)
    temporary.mkdir()
    (tmp_path / "deploy/alertmanager").symlink_to(DEPLOY / "alertmanager")
    rules.write_text((DEPLOY / "prometheus/alerts.yml").read_text() + ALWAYS)
    with Run(temporary, *SMALL, "--days=400", f"--monitoring={tmp_path / 'deploy'}") as run:
        prometheus = run.until(r"Prometheus on (http://\S+)")[1]
        alertmanager = run.until(r"Alertmanager on (http://\S+)")[1]

        def up() -> bool:
            targets = asked(f"{prometheus}/api/v1/targets")["data"]["activeTargets"]
            return [target["health"] for target in targets] == ["up"]

        eventually(up)
        groups = asked(f"{prometheus}/api/v1/rules")["data"]["groups"]
        loaded = {rule["name"] for group in groups for rule in group["rules"]}
        assert loaded == {alert.name for alert in alerts()} | {"Always"}
        run.until(r"alerts http://\S+/alerts   .*firing: Always")
        eventually(lambda: asked(f"{alertmanager}/api/v2/alerts"))
        assert len(run.started()) == 8  # Kafka, worker, Prometheus, Alertmanager, on a leash each
        run.process.send_signal(signal.SIGINT)
        out, _ = run.process.communicate(timeout=60)
        assert out.endswith("Interrupted; nothing is left running.\n")
        assert not run.started()
    assert not list(temporary.iterdir())


def test_what_fires_is_said_by_name_and_what_is_about_to():
    states = {"A": "firing", "B": "inactive", "C": "pending", "D": "firing"}
    rules = [{"name": name, "state": state} for name, state in states.items()]
    assert told(rules).plain == "firing: A, D   pending: C"
    assert told(rules[1:3]).plain == "0 of 2 firing   pending: C"
    assert told(None).plain == "Prometheus does not answer"


def test_the_usual_port_is_taken_where_nobody_else_has_it():
    port = free_port()
    assert free_port(port) == port
    with socket.create_server(("127.0.0.1", port)):
        assert free_port(port) != port


def test_without_prometheus_or_its_rules_nothing_is_started(programs):
    with pytest.raises(TeachingError, match="make demo-monitoring"):
        check_monitoring(DEPLOY)
    install(programs / "prometheus")
    check_monitoring(DEPLOY)
    with pytest.raises(TeachingError, match=r"no prometheus/alerts.yml"):
        check_monitoring(programs)


def test_prometheus_alone_is_enough(programs, tmp_path):
    install(programs / "prometheus")
    install(programs / "alertmanager", "#!/bin/sh\necho it cannot; exit 3\n")
    with ExitStack() as held:
        monitoring = start_monitoring(DEPLOY, tmp_path, "127.0.0.1:9764", held)
        assert monitoring.pages == "alertmanager does not start: it cannot"
        assert monitoring.boards.startswith("no Grafana here: docker compose up")
        assert "Prometheus does not answer" in monitoring.look()["alerts"].plain
    settings = yaml.safe_load((tmp_path / "prometheus.yml").read_text())
    assert settings["rule_files"] == [str(DEPLOY / "prometheus/alerts.yml")]
    assert settings["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": []}]}]


@pytest.mark.parametrize(("name", "verb"), [("grafana", ["server"]), ("grafana-server", [])])
def test_grafana_gets_what_the_containers_get(programs, tmp_path, name, verb):
    install(programs / "prometheus")
    install(programs / name)
    home = tmp_path / "usr/share/grafana"
    (home / "conf").mkdir(parents=True)
    (home / "conf/defaults.ini").touch()
    with ExitStack() as held:
        monitoring = start_monitoring(DEPLOY, tmp_path, "127.0.0.1:9764", held)
        assert monitoring.boards.startswith("http://127.0.0.1:")
    called = (programs / f"{name}.called").read_text().split("\n")
    assert called == [*verb, f"--homepath={home}"]
    provisioning = Path((programs / f"{name}.told").read_text())
    for kind, key in (("datasources", "datasources"), ("dashboards", "providers")):
        file = f"{kind}/thalweg.yml"
        (ours,) = yaml.safe_load((provisioning / file).read_text())[key]
        (theirs,) = yaml.safe_load((DEPLOY / "grafana/provisioning" / file).read_text())[key]
        differ = {"url", "jsonData", "options", "allowUiUpdates"}
        assert {k: v for k, v in ours.items() if k not in differ} == {
            k: v for k, v in theirs.items() if k not in differ
        }


def test_grafanas_own_files_are_where_its_packages_or_its_archive_have_them(tmp_path):
    binary = tmp_path / "grafana-12/bin/grafana"
    assert homepath(binary) is None
    (tmp_path / "grafana-12/conf").mkdir(parents=True)
    (tmp_path / "grafana-12/conf/defaults.ini").touch()
    assert homepath(binary) == tmp_path / "grafana-12"
