"""The command ``thalweg report``: how a model fares, as a page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.errors import TeachingError
from streams.options import (
    backtest_option,
    err,
    file_options,
    progress_bar,
    range_options,
    resolved,
    settings_options,
    tell_misfits,
)
from streams.replaycommands import SITE_SETTINGS, chosen_partitions, image_choice, site_of

if TYPE_CHECKING:
    from streams.facts import Facts
    from streams.pipeline import Pipeline
    from streams.settings import Settings
    from streams.watching import Glance

__all__ = ["report"]


@click.command()
@click.argument("pipeline")
@click.option("--to-file", type=click.Path(dir_okay=False, path_type=Path), help="of the page")
@range_options
@backtest_option
@file_options
@click.option("--metrics", help="host:port of each worker's metrics page, with commas between")
@settings_options(*SITE_SETTINGS, "metrics_port")
def report(
    pipeline: str,
    to_file: Path | None,
    partitions: tuple[int, ...],
    first: str | None,
    stop: str | None,
    image: str,
    backtest: bool,
    events_file: str | None,
    labels_file: str | None,
    count: int,
    kind: Any,
    time_format: str | None,
    decimal: str,
    metrics: str | None,
    config: Path | None,
    **flags: Any,
) -> None:
    """What is wrong with my model right now? One HTML page that needs nothing else.

    It computes again what the pipeline's group has computed, and looks at its workers if they
    run; or runs the pipeline over topics it never read, or over files. Needs the extra
    thalweg[report].

    \b
    Example: thalweg report examples/fraud.py
             thalweg report examples/fraud.py --from 2026-01-31 --to-file january.html
             thalweg report examples/fraud.py --events payments.jsonl --labels chargebacks.jsonl
    """
    from streams.loading import load
    from streams.secrecy import unlock

    if backtest and events_file is not None:
        raise click.UsageError("--backtest and --events cannot go together: choose one.")
    _check_installed(pipeline)
    from streams import replaying, reruns
    from streams.facts import Facts
    from streams.reported import Notes, Reported
    from streams.reportpage import written

    settings, _ = resolved(config, **flags)
    declared = Reported.of(unlock(load(pipeline), settings))
    summary, notes = replaying.Summary.of(declared), Notes(declared)
    site, choice, bounds = site_of(declared, settings), image_choice(image), (first, stop)

    async def files(path: str, show: Callable[..., None]) -> None:
        sources = reruns.files_of(declared, path, labels_file, count, kind, time_format, decimal)
        await reruns.replay_files(
            declared,
            sources,
            count,
            lambda _: replaying.to_nowhere(),
            summary,
            lambda at: show(at, f"{summary.events:,} events"),
            notes.watch,
        )
        tell_misfits(sources)

    async def topics(show: Callable[..., None]) -> None:
        numbers = chosen_partitions(partitions, declared, settings)
        for turn, number in enumerate(numbers):

            def told(share: float | None, turn: int = turn) -> None:
                show((turn + (share or 0.0)) / len(numbers), f"{summary.events:,} events")

            nowhere = replaying.to_nowhere()
            if backtest:
                await reruns.replay_topics(
                    site, number, bounds, nowhere, summary, told, notes.watch
                )
            else:
                await reruns.replay_past(
                    site,
                    number,
                    bounds,
                    choice,
                    nowhere,
                    summary,
                    told,
                    notes.watch,
                    declared.begin,
                )

    with progress_bar(f"report {declared.name}") as show:
        asyncio.run(topics(show) if events_file is None else files(events_file, show))
    about, live = f"what the group {site.group} computed", None
    if events_file is not None:
        about = f"a run over {Path(events_file).name}"
    elif backtest:
        about = f"a run over the topic {declared.events.name}"
    else:
        live = _live(declared, settings, metrics)
    made_at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    path = to_file or Path(f"{declared.name}-report.html")
    facts = Facts(declared, summary, notes, about, made_at, live)
    path.write_text(written(facts), encoding="utf-8")
    _tell(facts, path)


def _check_installed(pipeline: str) -> None:
    if find_spec("matplotlib") is None:
        raise TeachingError(
            f"thalweg report {pipeline} without matplotlib",
            "it draws the pictures",
            "pip install 'thalweg[report]'",
        )


def _live(pipeline: Pipeline, settings: Settings, metrics: str | None) -> Glance:
    from streams.watching import Watch

    return Watch(pipeline, settings, metrics.split(",") if metrics else None).look()


def _tell(facts: Facts, path: Path) -> None:
    """The findings, on the error stream, and where the page is."""
    from streams.letterview import escaped
    from streams.symptoms import symptoms

    for finding in symptoms(facts):
        style = {"wrong": "red", "doubtful": "yellow", "good": "green"}[finding.severity]
        err.print(escaped(f"{finding.about}: {finding.found}"), style=style, markup=False)
    click.echo(path)
