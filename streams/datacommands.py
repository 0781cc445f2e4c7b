"""The commands that move records: ``produce``, ``tail`` and ``simulate``."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from streams.options import (
    decimal_option,
    out,
    progress_bar,
    resolved,
    settings_options,
    tell_misfits,
    time_format_option,
)

__all__ = ["produce", "simulate", "tail"]

_ROWS_AT_ONCE = 50_000
"""Allocations between garbage collections: rows hold no cycles, and looking for some after every
700 of them would cost a CSV file a quarter of its speed."""

_COMPRESSIONS = click.Choice(["none", "gzip", "snappy", "lz4", "zstd"])


@click.command()
@click.argument("path")
@click.option("--topic", help="where to; by default the pipeline's events topic")
@click.option("--pipeline", help="file that tells topic, key, time and types of the columns")
@click.option("--key", help="column whose text is the record's key")
@click.option("--time", "moment", help="column with the record's time")
@click.option("--rename", multiple=True, metavar="OLD=NEW", help="send a column under another name")
@click.option("--select", help="columns to send, with commas between")
@time_format_option
@decimal_option
@click.option("--format", "kind", type=click.Choice(["jsonl", "csv", "parquet"]))
@click.option("--limit", type=int, help="end after so many records")
@click.option("--rate", type=float, help="records a second; as fast as it goes if not given")
@click.option("--partitions", type=int, help="of the topic, if it has to be created")
@click.option("--compression", type=_COMPRESSIONS, default="none", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="print the summary for programs")
@settings_options("brokers")
def produce(
    path: str,
    topic: str | None,
    pipeline: str | None,
    key: str | None,
    moment: str | None,
    rename: tuple[str, ...],
    select: str | None,
    time_format: str | None,
    decimal: str,
    kind: Any,
    limit: int | None,
    rate: float | None,
    partitions: int | None,
    compression: Any,
    as_json: bool,
    config: Path | None,
    brokers: str | None,
) -> None:
    """Write a file (JSON lines, CSV, Parquet; - is standard input) to a topic.

    \b
    Example: thalweg produce payments.jsonl --pipeline examples/fraud.py
             thalweg produce tx.parquet --topic payments --key customer_id --time at \\
                     --rename TX_AMOUNT=amount --rate 5000
    """
    from streams import producing
    from streams.chunks import first
    from streams.columns import Fields, of_schema
    from streams.security import client_options
    from streams.sources import open_source

    pairs = dict(_pair(text) for text in rename)
    names = None if select is None else [name.strip() for name in select.split(",")]
    fields = Fields(key, moment, pairs, names, time_format=time_format, decimal=decimal)
    if pipeline is not None:
        from streams.loading import load
        from streams.schema import fields_of

        declared = load(pipeline)
        topic, labels = topic or declared.events.name, declared.label_topic
        told = labels if labels is not None and topic == labels.topic else declared.events
        wire = {name: field.wire for name, field in fields_of(told.schema).items()}
        by = declared.events.key and wire.get(declared.events.key, declared.events.key)
        fields = replace(
            of_schema(fields, told.schema),
            key=key or by,
            time=moment or (told.time and wire[told.time]),
        )
    if topic is None:
        raise click.UsageError("where to? Give --topic NAME, or --pipeline FILE.")
    settings, _ = resolved(config, brokers=brokers)
    gc.set_threshold(_ROWS_AT_ONCE)
    source = open_source(path, fields, kind)
    with progress_bar(f"{path} → {topic}") as show:
        summary = producing.produce(
            source if limit is None else first(source, limit),
            settings.brokers,
            topic,
            rate=rate,
            partitions=partitions,
            progress=lambda so_far: show(source.share, f"{so_far.records:,} records"),
            compression=compression,
            security=client_options(settings),
        )
    _finish(summary, as_json)
    tell_misfits([source], "sent as they are")


@click.command()
@click.argument("topic")
@click.option("--last", default=10, show_default=True, help="how many of the newest records")
@click.option("--from-beginning", is_flag=True, help="all records instead")
@click.option("--follow", "-f", is_flag=True, help="go on with what is written from now on")
@click.option("--uncommitted", is_flag=True, help="also what an open transaction has written")
@click.option("--json", "as_json", is_flag=True, help="the values as they are, one a line")
@click.option("--limit", type=int, help="end after so many records")
@settings_options("brokers")
def tail(
    topic: str,
    last: int,
    from_beginning: bool,
    follow: bool,
    uncommitted: bool,
    as_json: bool,
    limit: int | None,
    config: Path | None,
    brokers: str | None,
) -> None:
    """Show the newest records of a topic: predictions as a table, or any as JSON lines.

    Example: thalweg tail fraud.predictions --follow
    """
    from streams import tailing
    from streams.security import client_options

    settings, _ = resolved(config, brokers=brokers)
    tailing.tail(
        settings.brokers,
        topic,
        last=last,
        from_beginning=from_beginning,
        follow=follow,
        committed=not uncommitted,
        as_json=as_json,
        limit=limit,
        security=client_options(settings),
    )


@click.command()
@click.option(
    "--to", "directory", type=click.Path(file_okay=False), help="write files here instead"
)
@click.option("--format", "kind", type=click.Choice(["jsonl", "csv", "parquet"]), default="jsonl")
@click.option("--seed", default=7, show_default=True, help="equal seeds give equal streams")
@click.option("--days", default=183, show_default=True)
@click.option("--customers", default=5_000, show_default=True)
@click.option("--terminals", default=10_000, show_default=True)
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), default="2026-01-01", show_default=True)
@click.option(
    "--label-days", nargs=2, type=float, default=(1, 7), show_default=True, metavar="MIN MAX"
)
@click.option("--label-all", is_flag=True, help="a label for every payment, not for frauds alone")
@click.option("--investigated", default=0.0, help="share of payments looked at on the next day")
@click.option("--onset", type=int, help="day on which a new type of fraud sets in")
@click.option("--late", default=0.0, help="share of payments that arrive late")
@click.option("--duplicates", default=0.0, help="share of payments that are sent twice")
@click.option("--malformed", default=0.0, help="share of payments with a broken copy before them")
@click.option("--missing", default=0.0, help="share of payments that lack a field")
@click.option("--payments", default="payments", show_default=True, help="events topic")
@click.option("--chargebacks", default="chargebacks", show_default=True, help="labels topic")
@click.option("--rate", type=float, help="messages a second; as fast as it goes if not given")
@click.option("--json", "as_json", is_flag=True, help="print the summary for programs")
@settings_options("brokers")
def simulate(
    directory: str | None,
    kind: Any,
    seed: int,
    days: int,
    customers: int,
    terminals: int,
    start: datetime,
    label_days: tuple[float, float],
    label_all: bool,
    investigated: float,
    onset: int | None,
    late: float,
    duplicates: float,
    malformed: float,
    missing: float,
    payments: str,
    chargebacks: str,
    rate: float | None,
    as_json: bool,
    config: Path | None,
    brokers: str | None,
) -> None:
    """Write a stream of card payments and chargebacks to topics, or to files with --to.

    \b
    Example: thalweg topics examples/fraud.py --create --retention forever
             thalweg simulate --days 30 --rate 5000
    """
    from streams import producing
    from streams.chargebacks import LabelPlan
    from streams.disturbances import Disturbances
    from streams.recordings import Written, write_files
    from streams.security import client_options
    from streams.simulator import Simulator

    simulator = Simulator(
        seed=seed,
        days=days,
        customers=customers,
        terminals=terminals,
        start=date(start.year, start.month, start.day),
        onset=onset,
        labels=LabelPlan(
            chargeback_days=label_days, investigated=investigated, label_all=label_all
        ),
        disturbances=Disturbances(
            late=late, duplicates=duplicates, malformed=malformed, missing=missing
        ),
    )
    if directory is not None:
        with progress_bar(f"simulating {days} days → {directory}") as show:

            def note(written: Written) -> None:
                show(written.share, f"{written.events:,} payments, {written.labels:,} labels")

            done = write_files(simulator, directory, kind, note)
        out.print(f"{done.events:,} payments and {done.labels:,} labels in {directory}")
        return
    settings, _ = resolved(config, brokers=brokers)
    first, span = simulator.start_ms, days * 86_400_000
    reached = 0.0

    def watched() -> Any:
        nonlocal reached
        for block in simulator.messages(4096):
            reached = min(1.0, (block.arrivals[-1] - first) / span)
            yield block

    with progress_bar(f"simulating {days} days → {payments}, {chargebacks}") as show:
        summary = producing.produce(
            watched(),
            settings.brokers,
            {"events": payments, "labels": chargebacks},
            rate=rate,
            progress=lambda so_far: show(reached, f"{so_far.records:,} messages"),
            security=client_options(settings),
        )
    _finish(summary, as_json)


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise click.UsageError(f"--rename {text}: write --rename OLD=NEW.")
    return old, new


def _finish(summary: Any, as_json: bool) -> None:
    """Print what was written; a run that was cut short ends as an interrupted command does."""
    import msgspec

    if as_json:
        click.echo(msgspec.json.encode(summary))
    else:
        rate = summary.records / max(summary.seconds, 1e-9)
        out.print(f"{summary.records:,} records in {summary.seconds:.1f} s: {rate:,.0f} a second")
    if summary.interrupted:
        sys.exit(130)
