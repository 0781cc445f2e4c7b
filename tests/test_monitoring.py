"""Dashboards and alerts are what the code makes of the catalogue, and name nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_server import needs_prometheus

from deploy.monitoring.__main__ import ROOT, files
from deploy.monitoring.alerts import DEADLINE_S, alerts, rules
from deploy.monitoring.boards import BOARDS
from deploy.monitoring.grafana import SOURCE, rendered
from deploy.monitoring.paging import PAGER, paging
from deploy.monitoring.panels import named
from streams.catalogue import LATENCY_SECONDS, METRICS

CATALOGUE = {metric.name for metric in METRICS}
PANELS = [
    pytest.param(panel, id=f"{board.name}: {panel.title}")
    for board in BOARDS
    for panel in board.panels
]
RULES = ROOT / "deploy/prometheus/alerts.yml"
CASES = ROOT / "deploy/prometheus/alerts.test.yml"


@pytest.mark.parametrize("path", files(), ids=str)
def test_a_file_is_what_the_code_makes(path):
    assert (ROOT / path).read_text() == files()[path], "make docs renews it"


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_dashboard_keeps_grafanas_schema(board):
    told = json.loads(rendered(board))
    understood = json.dumps(Dashboard.from_json(told), cls=JSONEncoder)
    assert json.loads(understood) == told


def test_every_metric_is_on_some_panel():
    shown = set().union(*(named(q.expression) for p in BOARDS for q in _queries(p)))
    assert shown == CATALOGUE


def _queries(board):
    return [query for panel in board.panels for query in panel.queries]


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_has_unit_legend_and_what_to_do(panel):
    assert panel.unit
    assert panel.queries
    for query in panel.queries:
        assert query.legend
        ours = named(query.expression)
        assert ours <= CATALOGUE
        assert ours or re.search(r"\bprocess_\w+", query.expression)
    assert bool(panel.description) == bool(panel.metrics)
    if panel.kind == "number":
        assert {panel.warn, panel.alarm, panel.low} != {None}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_panels_fill_their_lines_and_do_not_overlap(board):
    cells = set()
    for panel in json.loads(rendered(board))["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells
        cells |= own
    height = max(y for _, y in cells) + 1
    assert cells == {(x, y) for x in range(24) for y in range(height)}


def test_grafana_is_provisioned_with_the_source_that_the_panels_ask():
    folder = ROOT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/thalweg.yml").read_text())["datasources"]
    assert (source["uid"], source["type"]) == (SOURCE, "prometheus")
    (provider,) = yaml.safe_load((folder / "dashboards/thalweg.yml").read_text())["providers"]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    mounted = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"][:2])
    assert mounted["./deploy/grafana"] == provider["options"]["path"]
    assert mounted["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"


def test_links_to_runbooks_lead_where_they_are_asked_to():
    page = "https://wiki.example/runbooks.html"
    told = subprocess.check_output(
        [sys.executable, "-m", "deploy.monitoring", "--runbooks", page], cwd=ROOT, text=True
    )
    [group], [own] = yaml.safe_load(told)["groups"], rules()["groups"]
    links = [rule["annotations"].pop("runbook") for rule in group["rules"]]
    assert links == [f"{page}#{rule['alert'].lower()}" for rule in group["rules"]]
    for rule in own["rules"]:
        del rule["annotations"]["runbook"]
    assert group == own  # nothing else is changed


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_an_alert_asks_the_catalogue_and_has_a_runbook_and_a_case(alert):
    assert named(alert.expression) <= CATALOGUE
    heading = f"## {alert.name}\n"
    page = (ROOT / "docs/runbooks.md").read_text()
    assert heading in page
    assert alert.runbook in page.replace("\n", " ")
    assert f'alertname="{alert.name}"' in CASES.read_text()
    (rule,) = (
        r
        for r in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
        if r["alert"] == alert.name
    )
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert (ROOT / page).exists()
    assert anchor == alert.name.lower()


def test_the_deadline_is_a_bound_of_the_histogram():
    assert DEADLINE_S in LATENCY_SECONDS.buckets


def test_prometheus_loads_the_rules():
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert [Path(name).name for name in config["rule_files"]] == [RULES.name]


@pytest.mark.prometheus
@needs_prometheus
def test_every_alert_fires_when_it_should_and_not_when_it_should_not():
    tried = subprocess.run(
        ["promtool", "test", "rules", CASES], capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr


@pytest.mark.prometheus
@needs_prometheus
def test_alertmanager_itself_accepts_its_configuration():
    file = ROOT / "deploy/alertmanager/alertmanager.yml"
    subprocess.run(["amtool", "check-config", file], check=True, capture_output=True)


@pytest.mark.prometheus
@needs_prometheus
def test_an_alert_of_ours_reaches_the_pager():
    file = ROOT / "deploy/alertmanager/alertmanager.yml"
    for alert in alerts():
        asked = ["amtool", "config", "routes", "test", "--config.file", file]
        told = subprocess.run(
            [*asked, "pipeline=fraud", f"alertname={alert.name}", "severity=page"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.strip() == PAGER


def test_what_is_not_told_beside_another_alert_is_one_of_ours():
    names = {alert.name for alert in alerts()}
    for rule in paging()["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            assert set(re.findall(r"[A-Z]\w+", matcher)) <= names
