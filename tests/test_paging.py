"""Faults are provoked under load, and somebody is paged: ``make test-alerts`` prints when.

In these rules a minute takes a second: the patience and the windows of each alert, and the time
that Alertmanager gathers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import uuid4

import pytest
from alertmanager import Alertmanager, Pager
from outside import Worker
from prometheus_server import Prometheus, needs_prometheus
from watched import FRAUD, PARTITIONS, WILFUL, Till

from deploy.monitoring.__main__ import alert_file, paging_file
from deploy.monitoring.alerts import alerts
from streams import load, topics
from streams.simulator import Simulator

pytestmark = [pytest.mark.kafka, pytest.mark.prometheus, needs_prometheus]

PACE = 60.0
RATE = 300
PATIENCE_S = 120.0
SIMULATOR = Simulator(seed=6, customers=300, terminals=200, days=400)


def test_a_fault_pages_and_its_end_ends_that(broker, tmp_path):
    name = f"wilful-{uuid4().hex[:6]}"
    file = tmp_path / "wilful.py"
    file.write_text(WILFUL.replace("{name}", name))
    brokers = broker.bootstrap
    topics.ensure(brokers, topics.required_topics(load(str(file)), PARTITIONS, retention_ms=-1))
    given = {"slot": "a", "report_every_s": 1, "dead_letter_limit": 1}
    slow, undefined = tmp_path / "slow", tmp_path / "undefined"
    with (
        ExitStack() as held,
        Till(brokers, name, RATE, SIMULATOR) as till,
        Worker(file, brokers, checkpoint_interval_s=3, **given) as worker,
        Alertmanager(tmp_path, lambda url: paging_file(PACE, url)) as alertmanager,
        Prometheus(tmp_path, worker.ports, alert_file(PACE), [alertmanager.address]) as prometheus,
    ):

        def restart() -> None:
            (port,) = worker.ports
            again = Worker(file, brokers, checkpoint_interval_s=600, metrics_port=port, **given)
            held.enter_context(again)

        worker.until(lambda: worker.total("thalweg_learned_total") > 20 * RATE, 120)
        quiet(prometheus, alertmanager.pager)
        faults = (
            Fault(
                "DeadLetters", "one record in a hundred is broken",
                lambda: setattr(till, "broken", 1), lambda: setattr(till, "broken", 0),
            ),
            Fault(
                "LabelsMissing", "no label comes",
                lambda: setattr(till, "labels", False), lambda: setattr(till, "labels", True),
            ),
            Fault("LagRising", "a model takes 20 ms an event", slow.touch, slow.unlink),
            Fault("ScoresLate", "the same", slow.touch, slow.unlink),
            Fault("ScoreNotFinite", "a model answers NaN", undefined.touch, undefined.unlink),
            Fault("PartitionUnowned", "the worker is killed", worker.kill, restart),
            Fault("CheckpointOld", "no image is written any more", nothing, nothing, ends=False),
        )  # fmt: skip
        lines = [provoked(fault, prometheus, alertmanager.pager) for fault in faults]
    print("\n\n| fault | alert | fires after, s | paged after, s | ends after, s |")
    print("|---|---|---:|---:|---:|")
    print("\n".join(lines))


def test_ten_days_of_payments_in_one_are_more_alerts_than_a_day_may_have(broker, tmp_path):
    name = f"backlog-{uuid4().hex[:6]}"
    file = tmp_path / "backlog.py"
    file.write_text(FRAUD.format(name=name, partitions=PARTITIONS))
    brokers = broker.bootstrap
    topics.ensure(brokers, topics.required_topics(load(str(file)), PARTITIONS, retention_ms=-1))
    off, a_day_in_20_s = "AlertsOffBudget", 86_400 / 20
    with (
        Till(brokers, name, 5 * RATE, SIMULATOR),
        Worker(file, brokers, slot="a", report_every_s=1) as worker,
        Prometheus(tmp_path, worker.ports, alert_file(a_day_in_20_s)) as prometheus,
    ):
        worker.until(lambda: off in prometheus.firing(), PATIENCE_S)
        asked = {alert.name: alert.expression for alert in alerts(a_day_in_20_s)}
        worker.until(lambda: max(prometheus.now(asked[off]).values(), default=0) > 2, PATIENCE_S)


@dataclass(frozen=True)
class Fault:
    """What can go wrong, by what alert that is told, how it begins and ends."""

    alert: str
    about: str
    begin: Callable[[], object]
    end: Callable[[], object]
    ends: bool = True


def nothing() -> None:
    """The fault began with the one before."""


def provoked(fault: Fault, prometheus: Prometheus, pager: Pager) -> str:
    """A line of the table: after how many seconds it fires, somebody is paged, and it ends."""
    began, known = time.monotonic(), len(pager.messages)
    fault.begin()
    until(lambda: fault.alert in prometheus.firing(), f"{fault.alert} does not fire")
    fired = time.monotonic()
    until(lambda: pager.told(fault.alert, "firing", known), f"{fault.alert} pages nobody")
    paged = time.monotonic()
    message = pager.told(fault.alert, "firing", known)
    assert message is not None
    assert all(fault.alert.lower() in one["annotations"]["runbook"] for one in message["alerts"])
    fault.end()
    after = ""
    if fault.ends:
        until(lambda: fault.alert not in prometheus.firing(), f"{fault.alert} does not end")
        after = f"{time.monotonic() - paged:.0f}"
        until(lambda: pager.told(fault.alert, "resolved", known), f"{fault.alert}: no all-clear")
        quiet(prometheus, pager)
    return (
        f"| {fault.about} | {fault.alert} | {fired - began:.0f} | {paged - began:.0f} | {after} |"
    )


def until(condition: Callable[[], object], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.25)


def quiet(prometheus: Prometheus, pager: Pager) -> None:
    """Until nothing fires, and the pager has heard so: an alert that comes back before is no news.

    One fault can raise several alerts, and all of them are to be over before the next fault.
    """
    until(lambda: not prometheus.firing(), "some alert does not end")
    until(lambda: not pager.pending, "some alert has no all-clear")
