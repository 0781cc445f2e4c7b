"""The commands that compute again: ``thalweg replay`` and ``thalweg audit``."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from streams.options import (
    backtest_option,
    err,
    file_options,
    out,
    partition_option,
    progress_bar,
    range_options,
    resolved,
    settings_options,
    tell_misfits,
)

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.recorded import ImageChoice
    from streams.replaying import Sink, Summary
    from streams.settings import Settings
    from streams.site import Site

__all__ = ["SITE_SETTINGS", "audit", "chosen_partitions", "image_choice", "replay", "site_of"]

SITE_SETTINGS = ("brokers", "group", "checkpoint_store", "checkpoint_key_file", "hash_key_file")


@click.command()
@click.argument("pipeline")
@range_options
@click.option("--check", is_flag=True, help="compare with what was published, byte for byte")
@click.option("--to-file", type=click.File("wb"), help="write predictions as JSON lines; - prints")
@click.option("--to-topic", help="write predictions to this topic; it is created")
@backtest_option
@file_options
@click.option("--json", "as_json", is_flag=True, help="print the summary for programs")
@settings_options(*SITE_SETTINGS)
def replay(
    pipeline: str,
    partitions: tuple[int, ...],
    first: str | None,
    stop: str | None,
    image: str,
    check: bool,
    to_file: BinaryIO | None,
    to_topic: str | None,
    backtest: bool,
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
    """Compute again what a group has computed, or run a pipeline over records it never saw.

    It reads topics as no member of any group, commits nothing, and publishes nothing but to
    --to-topic. With --check it ends with 1 where a byte differs.

    \b
    Example: thalweg replay examples/fraud.py --check --from 2026-01-31 --to 2026-02-01
             thalweg replay examples/fraud.py --to-file predictions.jsonl --partition 3
             thalweg replay examples/fraud.py --backtest
             thalweg replay examples/fraud.py --events payments.jsonl --labels chargebacks.jsonl
    """
    from streams import replaying, replayview, reruns
    from streams.loading import load
    from streams.secrecy import unlock

    _exclude(check=check, to_file=to_file, to_topic=to_topic)
    _exclude(backtest=backtest, events=events_file, check=check)
    _exclude(events=events_file, to_topic=to_topic)
    settings, _ = resolved(config, **flags)
    declared = unlock(load(pipeline), settings)
    site, choice = site_of(declared, settings), image_choice(image)
    summary, bounds = replaying.Summary.of(declared), (first, stop)

    def sink(number: int) -> Sink:
        if to_file is not None:
            return replaying.to_file(to_file)
        if to_topic is not None:
            return replaying.to_topic(site.client, to_topic, number)
        return replaying.to_nowhere()

    async def files(path: str, show: Callable[..., None]) -> None:
        sources = reruns.files_of(declared, path, labels_file, count, kind, time_format, decimal)
        await reruns.replay_files(
            declared, sources, count, sink, summary, lambda at: show(at, _so_far(summary))
        )
        tell_misfits(sources)

    async def topics(show: Callable[..., None]) -> None:
        numbers = chosen_partitions(partitions, declared, settings, to_topic)
        for turn, number in enumerate(numbers):

            def told(share: float | None, turn: int = turn) -> None:
                show((turn + (share or 0.0)) / len(numbers), _so_far(summary))

            if backtest:
                await reruns.replay_topics(site, number, bounds, sink(number), summary, told)
            else:
                to = None if check else sink(number)
                await reruns.replay_past(site, number, bounds, choice, to, summary, told)

    began = time.perf_counter()
    with progress_bar(f"replay {declared.name}") as show:
        asyncio.run(topics(show) if events_file is None else files(events_file, show))
    seconds = time.perf_counter() - began
    console = err if to_file is not None else out
    if as_json:
        click.echo(replayview.as_json(summary, seconds), err=to_file is not None)
    else:
        for part in replayview.described(summary, seconds):
            console.print(part)
    if not summary.equal:
        sys.exit(1)


@click.command()
@click.argument("pipeline")
@click.argument("place", required=False)
@partition_option
@click.option("--since", help="search an id from this time on: 2026-01-31, or 2h ago")
@click.option("--all", "every", is_flag=True, help="every prediction of a range, as replay --check")
@click.option("--from", "first", help="with --all: first event, an offset or a time")
@click.option("--to", "stop", help="with --all: behind the last event, an offset or a time")
@click.option("--json", "as_json", is_flag=True, help="for programs")
@settings_options(*SITE_SETTINGS)
@click.pass_context
def audit(
    context: click.Context,
    /,
    pipeline: str,
    place: str | None,
    partitions: tuple[int, ...],
    since: str | None,
    every: bool,
    first: str | None,
    stop: str | None,
    as_json: bool,
    config: Path | None,
    **flags: Any,
) -> None:
    """Why was this predicted? Compute a published prediction again, and take it apart.

    PLACE is the event's id, or topic/partition/offset of the event or of its prediction. An id has
    to be searched for, a place has not. It ends with 1 where a byte differs.

    \b
    Example: thalweg audit examples/fraud.py p0003-0001432
             thalweg audit examples/fraud.py payments/3/1041
             thalweg audit examples/fraud.py --all --from 2026-01-31 --to 2026-02-01
    """
    if every == (place is not None):
        raise click.UsageError("what? Give an event's id or its place, or --all.")
    if every:
        names = {"partitions": partitions, "first": first, "stop": stop, "as_json": as_json}
        context.invoke(replay, pipeline=pipeline, check=True, config=config, **names, **flags)
        return
    from streams import auditing, auditview, finding
    from streams.choice import since as moment
    from streams.loading import load
    from streams.secrecy import unlock

    settings, _ = resolved(config, **flags)
    declared = unlock(load(pipeline), settings)
    site = site_of(declared, settings)
    numbers = chosen_partitions(partitions, declared, settings)
    begin = None if since is None else moment(since, int(time.time() * 1000))

    async def run(show: Callable[..., None]) -> auditing.Audit:
        def searched(count: int) -> None:
            show(None, f"{count:,} predictions searched")

        found = await finding.find(site, str(place), numbers, begin, searched)
        return await auditing.audit(site, found, lambda share: show(share, ""))

    with progress_bar(f"audit {declared.name}") as show:
        audited = asyncio.run(run(show))
    if as_json:
        click.echo(auditview.as_json(audited))
    else:
        for part in auditview.described(audited):
            out.print(part)
    if not audited.same:
        sys.exit(1)


def site_of(pipeline: Pipeline, settings: Settings) -> Site:
    """Where the settings say that a pipeline runs."""
    from streams.security import client_options
    from streams.signing import key_of
    from streams.site import Site

    return Site(
        pipeline,
        settings.group or pipeline.name,
        client_options(settings),
        settings.checkpoint_store,
        key_of(settings),
    )


def chosen_partitions(
    partitions: Sequence[int], pipeline: Pipeline, settings: Settings, to_topic: str | None = None
) -> Sequence[int]:
    """The partitions that are meant, all by default; a topic to be written gets as many."""
    from streams.security import client_options
    from streams.topics import TopicSpec, ensure, topic_named

    security = client_options(settings)
    count = topic_named(settings.brokers, pipeline.events.name, security).partitions
    for number in partitions:
        if not 0 <= number < count:
            raise click.UsageError(f"--partition {number}: {pipeline.events.name} has {count}.")
    if to_topic is not None:
        ensure(settings.brokers, [TopicSpec(to_topic, count)], security)
    return partitions or range(count)


def image_choice(text: str) -> ImageChoice:
    """Where ``--from-image`` says to start."""
    match text:
        case "nearest" | "latest" | "none":
            return text
        case _ if text.isdecimal():
            return int(text)
    raise click.UsageError(f"--from-image {text}: write nearest, latest, none, or a number.")


def _so_far(summary: Summary) -> str:
    return f"{summary.events:,} events"


def _exclude(**given: object) -> None:
    """Refuse flags that contradict each other."""
    names = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if len(names) > 1:
        raise click.UsageError(f"{' and '.join(names)} cannot go together: choose one.")
