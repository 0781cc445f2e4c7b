"""The commands that look at a system at work: ``thalweg doctor`` and ``thalweg top``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from streams.options import out, resolved, settings_options
from streams.settings import SECRETS

__all__ = ["doctor", "top"]

_MARKS = {"good": ("✓", "green"), "doubtful": ("?", "yellow"), "wrong": ("✗", "red")}


@click.command()
@click.argument("pipeline")
@click.option("--json", "as_json", is_flag=True, help="for programs")
@settings_options()
def doctor(pipeline: str, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Look for what keeps a pipeline from running, and say what mends it.

    It looks with the worker's settings and rights, and changes nothing. Ends with 1 if something
    is wrong; what is only doubtful does not count.

    Example: thalweg doctor examples/fraud.py --brokers 127.0.0.1:9092
    """
    from streams.doctor import examine
    from streams.loading import load

    settings, provenance = resolved(config, **flags)
    holds_secrets = config is not None and config.name in map(provenance.get, SECRETS)
    findings = []
    for finding in examine(load(pipeline), settings, config if holds_secrets else None):
        findings.append(finding)
        if not as_json:
            mark, style = _MARKS[finding.severity]
            out.print(f"{mark} {finding.about}: {finding.found}", style=style, markup=False)
            if finding.mend is not None and finding.severity != "good":
                out.print(f"    {finding.mend.replace('PIPELINE', pipeline)}", markup=False)
    if as_json:
        click.echo(msgspec.json.encode(findings))
    sys.exit(any(finding.severity == "wrong" for finding in findings))


@click.command()
@click.argument("pipeline")
@click.option("--metrics", help="host:port of each worker's metrics page, with commas between")
@click.option(
    "--every", default=2.0, show_default=True, type=click.FloatRange(min=0.2), help="seconds"
)
@click.option(
    "--sort",
    type=click.Choice(["partition", "lag", "rate", "p99", "AUC"]),
    default="partition",
    show_default=True,
)
@click.option("--once", "single", is_flag=True, help="print one picture, and end")
@settings_options("brokers", "group", "metrics_port")
def top(
    pipeline: str,
    metrics: str | None,
    every: float,
    sort: str,
    single: bool,
    config: Path | None,
    **flags: Any,
) -> None:
    """Watch a whole group work: partitions, owners, lag, rates, latency, quality, alerts.

    Metrics pages are looked for at the members' hosts, at --metrics-port and the ports behind it,
    unless --metrics names them. Keys: s sorts, a number and Enter looks into a partition, q ends.

    Example: thalweg top examples/fraud.py --brokers 127.0.0.1:9092
    """
    from streams.loading import load
    from streams.toploop import once, run
    from streams.watching import Watch

    settings, _ = resolved(config, **flags)
    watch = Watch(load(pipeline), settings, metrics.split(",") if metrics else None)
    if single:
        out.print(once(watch, every, sort))
    else:
        run(watch, out, every, sort)
