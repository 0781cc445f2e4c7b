"""The command ``thalweg explain``."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.options import out, partition_option, progress_bar, resolved, settings_options
from streams.replaycommands import SITE_SETTINGS, chosen_partitions, site_of

if TYPE_CHECKING:
    from streams.explaining import Explained
    from streams.pipeline import Pipeline

__all__ = ["explain"]


@click.command()
@click.argument("pipeline")
@click.argument("place", required=False)
@click.option("--event", help="an event as JSON, as if it came next; - reads it")
@partition_option
@click.option("--since", help="search an id from this time on: 2026-01-31, or 2h ago")
@click.option("--json", "as_json", is_flag=True, help="for programs")
@settings_options(*SITE_SETTINGS)
def explain(
    pipeline: str,
    place: str | None,
    event: str | None,
    partitions: tuple[int, ...],
    since: str | None,
    as_json: bool,
    config: Path | None,
    **flags: Any,
) -> None:
    """Why this score? What each field adds to it, in numbers and in words.

    PLACE is the event's id, or topic/partition/offset of the event or of its prediction. With
    --event it is an event that nobody has sent: what a worker would answer now. It reads topics as
    no member of any group and writes nothing. It ends with 1 where the score is not the published
    one.

    \b
    Example: thalweg explain examples/fraud.py p0003-0001432
             thalweg explain examples/fraud.py payments/3/1041 --json
             thalweg explain examples/fraud.py --event - < payment.json
    """
    if (event is None) == (place is None):
        raise click.UsageError("what? Give an event's id or its place, or --event JSON.")
    from streams import auditing, explaining, explainview, finding
    from streams.choice import since as moment
    from streams.loading import load
    from streams.secrecy import unlock

    settings, _ = resolved(config, **flags)
    declared = unlock(load(pipeline), settings)
    site = site_of(declared, settings)
    numbers = chosen_partitions(partitions, declared, settings)
    now = int(time.time() * 1000)
    begin = None if since is None else moment(since, now)

    async def run(show: Callable[..., None]) -> Explained:
        def told(share: float) -> None:
            show(share, "")

        if event is not None:
            given = sys.stdin.buffer.read() if event == "-" else event.encode()
            number = _partition(declared, given, partitions, len(numbers))
            return await explaining.supposed(site, number, given, now, told)

        def searched(count: int) -> None:
            show(None, f"{count:,} predictions searched")

        found = await finding.find(site, str(place), numbers, begin, searched)
        return (await auditing.audit(site, found, told, ask=True)).explained

    with progress_bar(f"explain {declared.name}") as show:
        found = asyncio.run(run(show))
    if as_json:
        click.echo(explainview.as_json(found))
    else:
        for part in explainview.described(found):
            out.print(part)
    if found.same is False:
        sys.exit(1)


def _partition(pipeline: Pipeline, event: bytes, chosen: tuple[int, ...], count: int) -> int:
    """The partition that an event would come to."""
    from streams.explaining import keyed_like
    from streams.partitioning import partitions_of

    if chosen:
        return chosen[0]
    key = keyed_like(pipeline, event)
    if key is None and count > 1:
        raise click.UsageError(
            f"--event: no key tells which of {count} partitions it would come to; add --partition."
        )
    return int(partitions_of([key], count)[0])
