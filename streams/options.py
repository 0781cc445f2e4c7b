"""What the commands share: flags for the settings, where to print, and progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from streams.settings import SECRETS, Provenance, Settings, meanings, resolve

if TYPE_CHECKING:
    from streams.reading import Source

__all__ = [
    "backtest_option",
    "decimal_option",
    "err",
    "file_options",
    "out",
    "partition_option",
    "progress_bar",
    "range_options",
    "resolved",
    "settings_options",
    "tell_misfits",
    "time_format_option",
]

F = TypeVar("F", bound=Callable[..., Any])

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def settings_options(*names: str) -> Callable[[F], F]:
    """Flags for these settings, or for all but the secrets, and one for a settings file."""

    def add(command: F) -> F:
        about = meanings()
        for field in reversed(msgspec.structs.fields(Settings)):
            if field.name in SECRETS or (names and field.name not in names):
                continue
            flag = f"--{field.name.replace('_', '-')}"
            shown = "" if field.default is None else f"  [{field.default}]"
            if field.type is bool:
                flag = f"{flag}/--no-{field.name}"
            command = click.option(
                flag, field.name, default=None, help=f"{about[field.name]}{shown}"
            )(command)
        config = click.Path(exists=True, dir_okay=False, path_type=Path)
        return click.option("--config", type=config, help="TOML file with a [worker] table")(
            command
        )

    return add


partition_option = click.option(
    "--partition", "partitions", type=int, multiple=True, help="only this one; repeatable"
)
backtest_option = click.option(
    "--backtest", is_flag=True, help="run it over topics that it never read"
)


time_format_option = click.option(
    "--time-format",
    help="of the times in a CSV, such as '%d.%m.%Y %H:%M'; UTC where it has no %z",
)
decimal_option = click.option(
    "--decimal",
    type=click.Choice([".", ","]),
    default=".",
    show_default=True,
    help="what a CSV writes before decimals, in columns that are numbers by the schema",
)


def range_options(command: F) -> F:
    """Flags that say which events are meant, and where to start computing."""
    return _together(
        command,
        partition_option,
        click.option(
            "--from", "first", help="first event: an offset, or a time such as 2026-01-31T10:00"
        ),
        click.option("--to", "stop", help="behind the last event: an offset, or a time"),
        click.option(
            "--from-image",
            "image",
            default="nearest",
            help="where to start: nearest (before --from), latest, none, or an image's number",
        ),
    )


def file_options(command: F) -> F:
    """Flags for files that a pipeline is run over instead of its topics."""
    return _together(
        command,
        click.option(
            "--events",
            "events_file",
            is_eager=True,  # so that it is known when --labels is looked at
            help="run it over this file instead of a topic",
        ),
        click.option(
            "--labels",
            "labels_file",
            callback=_with_events,
            help="file with the labels of these events",
        ),
        click.option("--partitions", "count", default=1, show_default=True, help="of the files"),
        click.option("--format", "kind", type=click.Choice(["jsonl", "csv", "parquet"])),
        time_format_option,
        decimal_option,
    )


def _with_events(context: click.Context, _: click.Parameter, labels: str | None) -> str | None:
    if labels is not None and context.params["events_file"] is None:
        raise click.UsageError("--labels FILE goes with --events FILE.")
    return labels


def _together(command: F, *options: Callable[[F], F]) -> F:
    """A command with these options, shown in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def tell_misfits(sources: Sequence[Source], done: str = "turned away") -> None:
    """Say how many records of each file are not what was asked for, and what the first one was."""
    for source in sources:
        if source.malformed:
            first = "" if source.misfit is None else f"; the first: {source.misfit}"
            err.print(f"{source.path}: {source.malformed:,} records malformed, {done}{first}")


def resolved(config: Path | None, **flags: Any) -> tuple[Settings, Provenance]:
    """The settings by file, environment and flags, and where each came from."""
    return resolve(config, os.environ, flags)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[float | None, str], None]]:
    """A bar on the error stream; the function it gives takes a share (None: unknown) and a text."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns, TextColumn("{task.fields[note]}"), TimeElapsedColumn(), console=err
    ) as p:
        task = p.add_task(what, total=None, note="")

        def update(share: float | None, note: str) -> None:
            if share is None:
                p.update(task, note=note)
            else:
                p.update(task, total=1.0, completed=share, note=note)

        yield update
