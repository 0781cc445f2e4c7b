"""On a live Prometheus, a live worker and a real Kafka: every panel has something to show."""

from __future__ import annotations

import json
import time
from pathlib import Path
from uuid import uuid4

import pytest
from drawing import draw
from outside import ROOT, Worker
from prometheus_server import Prometheus, Samples, needs_prometheus
from watched import FRAUD, PARTITIONS, Till

from streams import load, topics
from streams.simulator import Simulator

pytestmark = [pytest.mark.kafka, pytest.mark.prometheus, needs_prometheus]

BOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))
PICTURES = ROOT / "build/dashboards"
RATE = 1_500
SIMULATOR = Simulator(seed=5, customers=1_500, terminals=600, days=120)


def test_every_panel_shows_something_of_a_worker_under_load(broker, tmp_path):
    name = f"watched-{uuid4().hex[:6]}"
    file = tmp_path / "watched.py"
    file.write_text(FRAUD.format(name=name, partitions=PARTITIONS))
    brokers = broker.bootstrap
    topics.ensure(brokers, topics.required_topics(load(str(file)), PARTITIONS, retention_ms=-1))
    given = {"slot": "a", "checkpoint_interval_s": 4, "report_every_s": 1}
    given |= {"pending_directory": str(tmp_path)}
    began = time.time()
    with Till(brokers, name, RATE, SIMULATOR) as till, Worker(file, brokers, **given) as worker:
        (port,) = worker.ports
        with Prometheus(tmp_path, [port]) as prometheus:
            worker.until(lambda: worker.total("thalweg_learned_total") > 20 * RATE, 120)
            # Only after a crash is anything computed again, and only then is it said how much.
            worker.kill()
            till.broken = 1
            with Worker(file, brokers, **given | {"metrics_port": port}) as again:
                learned = 30 * RATE
                again.until(lambda: again.total("thalweg_learned_total") > learned, 120)
                found = ask(prometheus, name, began)
    silent = [
        f"{board.stem}: {panel}" for board, panels in found.items() for panel in panels if panel
    ]
    assert silent == []


def ask(prometheus: Prometheus, pipeline: str, began: float) -> dict[Path, list[str]]:
    """Draw every board; the queries of each that no panel has an answer to."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    silent: dict[Path, list[str]] = {}
    for path in BOARDS:
        board, silent[path] = json.loads(path.read_text()), []
        answers: dict[int, list[Samples]] = {}
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                query = filled(target["expr"], pipeline)
                found = prometheus.between(query, began, time.time())
                answers.setdefault(panel["id"], []).append(found)
                if not found:
                    silent[path].append(f"{panel['title']}: {query}")
        draw(board, answers, PICTURES / f"{path.stem}.png")
    return silent


def filled(query: str, pipeline: str) -> str:
    """A query with the values that Grafana would put in."""
    values = {"$pipeline": pipeline, "$partition": "1", "$__rate_interval": "5s"}
    for variable, value in values.items():
        query = query.replace(variable, value)
    assert "$" not in query
    return query
