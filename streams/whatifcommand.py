"""The command ``thalweg what-if``: other thresholds and budgets, tried on what is known now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.table import Table

from streams.options import (
    file_options,
    out,
    partition_option,
    progress_bar,
    resolved,
    settings_options,
    tell_misfits,
)
from streams.replaycommands import chosen_partitions, site_of

if TYPE_CHECKING:
    from models.whatif import Past, WhatIf

__all__ = ["what_if"]

_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_BUDGETS = (20, 50, 100, 200, 500)
_HEAD = ("", "alerts/day", "precision", "recall", "caught", "missed", "good/fraud", "cost")


@click.command("what-if")
@click.argument("pipeline")
@click.option("--threshold", "thresholds", type=float, multiple=True, help="to try; repeatable")
@click.option("--budget", "budgets", type=click.IntRange(1), multiple=True, help="alerts a day")
@click.option("--amount", help="field with what an event is worth; by default each is worth 1")
@click.option("--one-per", help="field of whose values each has one alert a day in a budget")
@click.option("--cost-missed", default=1.0, show_default=True, help="of a fraud, times its amount")
@click.option("--cost-alert", default=0.0, show_default=True, help="of each alert")
@click.option("--after", default="7d", show_default=True, help="of the first event: count since")
@partition_option
@file_options
@click.option("--json", "as_json", is_flag=True, help="a line for each, for programs")
@settings_options("brokers")
def what_if(
    pipeline: str,
    thresholds: tuple[float, ...],
    budgets: tuple[int, ...],
    amount: str | None,
    one_per: str | None,
    cost_missed: float,
    cost_alert: float,
    after: str,
    partitions: tuple[int, ...],
    events_file: str | None,
    labels_file: str | None,
    count: int,
    kind: Any,
    time_format: str | None,
    decimal: str,
    as_json: bool,
    config: Path | None,
    **flags: Any,
) -> None:
    """What would other thresholds and budgets have stopped, missed and cost?

    It runs the pipeline over its topics, or over files, from the beginning, as replay --backtest
    does, and holds the scores that events had against the labels that came since.

    \b
    Example: thalweg what-if examples/fraud.py --amount amount --cost-alert 5
             thalweg what-if examples/fraud.py --budget 50 --budget 100 --one-per customer_id
             thalweg what-if examples/fraud.py --events payments.jsonl --labels chargebacks.jsonl
    """
    from models.whatif import Costs
    from models.whatif import what_if as tried
    from streams import replaying, reruns
    from streams.declare import duration
    from streams.hindsight import Hindsight
    from streams.loading import load

    settings, _ = resolved(config, **flags)
    declared = load(pipeline)
    begin = int(duration(after, "--after") * 1_000_000)
    hindsight, summary = Hindsight(declared, amount, one_per), replaying.Summary.of(declared)

    async def files(path: str, show: Callable[..., None]) -> None:
        sources = reruns.files_of(declared, path, labels_file, count, kind, time_format, decimal)
        await reruns.replay_files(
            declared,
            sources,
            count,
            lambda _: replaying.to_nowhere(),
            summary,
            lambda at: show(at, f"{summary.events:,} events"),
            hindsight.watch,
        )
        tell_misfits(sources)

    async def topics(show: Callable[..., None]) -> None:
        site = site_of(declared, settings)
        numbers: Sequence[int] = chosen_partitions(partitions, declared, settings)
        for turn, number in enumerate(numbers):

            def told(share: float | None, turn: int = turn) -> None:
                show((turn + (share or 0.0)) / len(numbers), f"{summary.events:,} events")

            nowhere = replaying.to_nowhere()
            await reruns.replay_topics(
                site, number, (None, None), nowhere, summary, told, hindsight.watch
            )

    with progress_bar(f"what if {declared.name}") as show:
        asyncio.run(topics(show) if events_file is None else files(events_file, show))
    past = hindsight.past()
    since = int(past.micros[0]) + begin
    if not thresholds and not budgets:
        thresholds, budgets = _THRESHOLDS, _BUDGETS
    rows = tried(past, thresholds, budgets, Costs(cost_missed, cost_alert), since)
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row))
        return
    for part in _shown(past, rows, since):
        out.print(part)


def _shown(past: Past, rows: Iterator[WhatIf], since: int) -> Iterator[Any]:
    counted = past.micros >= since
    frauds = int((past.fraud & counted).sum())
    yield f"{int(counted.sum()):,} events with a label, {frauds:,} of them positive"
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for name in _HEAD:
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            row.way,
            f"{row.alerts_a_day:,.1f}",
            f"{row.precision:.3f}",
            f"{row.recall:.3f}",
            f"{row.caught:,.0f}",
            f"{row.missed:,.0f}",
            f"{row.good_per_fraud:,.1f}",
            f"{row.cost:,.0f}",
        )
    yield table
