"""The commands that look at checkpoints, compare them, and go back to them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from streams.options import err, out, resolved, settings_options

if TYPE_CHECKING:
    from streams.groupimages import GroupImages
    from streams.manifest import Manifest
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["checkpoints"]

_settings = settings_options(
    "brokers",
    "group",
    "checkpoints_kept",
    "checkpoint_store",
    "checkpoint_key_file",
    "hash_key_file",
)
_PIPE_WIDTH = 200
_EXAMPLE = "2026-11-23T06:00"
_partition = click.option("--partition", type=click.IntRange(min=0), help="this one alone")


@click.group()
def checkpoints() -> None:
    """Look at the images of a pipeline's state, and go back to one.

    Example: thalweg checkpoints list examples/fraud.py
    """


@checkpoints.command("list")
@click.argument("pipeline")
@_partition
@click.option("--json", "as_json", is_flag=True, help="for programs")
@_settings
def list_them(
    pipeline: str, partition: int | None, as_json: bool, config: Path | None, **flags: Any
) -> None:
    """List the images one can go back to, the newest of each partition first.

    Example: thalweg checkpoints list examples/fraud.py
    """
    from streams.imagefacts import outline

    _, _, images = _images(pipeline, partition, config, flags)
    found = [manifest for manifests in images.manifests.values() for manifest in manifests]
    if as_json:
        click.echo(msgspec.json.encode([outline(manifest) for manifest in found]))
        return
    table = Table("partition", "image", "written", "of", "bytes", "signed", "up to", box=None)
    for manifest in found:
        table.add_row(
            str(manifest.partition),
            str(manifest.number),
            _time(manifest.written_at),
            manifest.model,
            f"{manifest.size:,}",
            "yes" if manifest.signature else "no",
            _positions(manifest.positions),
        )
    # A pipe has no width of its own.
    Console(width=None if out.is_terminal else _PIPE_WIDTH).print(table)


@checkpoints.command()
@click.argument("pipeline")
@click.option("--partition", default=0, show_default=True, help="whose image")
@click.option("--image", "number", type=int, help="its number  [the newest]")
@click.option("--json", "as_json", is_flag=True, help="for programs")
@_settings
def show(
    pipeline: str,
    partition: int,
    number: int | None,
    as_json: bool,
    config: Path | None,
    **flags: Any,
) -> None:
    """Show what is in an image: positions, sizes, what is learned, what waits, how well it does.

    Example: thalweg checkpoints show examples/fraud.py --partition 3
    """
    from streams.imagefacts import facts

    declared, _, images = _images(pipeline, partition, config, flags)
    manifest = _chosen(images.manifests[partition], partition, number)
    image = asyncio.run(images[partition].image(manifest))
    found = facts(manifest, image, declared, trusted=images.signed)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    table = Table(box=None, show_header=False)
    for name, value in (found | {"written_at": _time(manifest.written_at)}).items():
        rows = value.items() if isinstance(value, Mapping) else [("", value)]
        for number_of_row, (what, one) in enumerate(rows):
            table.add_row("" if number_of_row else name, what, _shown(one))
    out.print(table)


@checkpoints.command()
@click.argument("pipeline")
@_settings
def diff(pipeline: str, config: Path | None, **flags: Any) -> None:
    """Compare the pipeline as it is declared now with the one that its newest images are of.

    Ends with 0 where the state can be kept, with 1 where the change needs a new version beside it.

    Example: thalweg checkpoints diff examples/fraud.py
    """
    from streams.changes import changes

    declared, _, images = _images(pipeline, None, config, flags)
    newest = [manifests[0] for manifests in images.manifests.values() if manifests]
    of = {manifest.model: manifest.described for manifest in newest}
    found = {change for described in of.values() for change in changes(described, declared)}
    for change in sorted(found):
        out.print(f"  {change}", style=None if change.keeps else "yellow", markup=False)
    breaking = sorted(change.where for change in found if not change.keeps)
    if not newest:
        click.echo("there is no image yet: nothing can be lost")
    elif not breaking:
        click.echo("keeps the state")
    else:
        click.echo(f"needs a new version: {', '.join(breaking)} shaped what was learned")
        click.echo('  write: another name="…" in the pipeline, or thalweg worker … --group NAME')
        sys.exit(1)


@checkpoints.command()
@click.argument("pipeline")
@click.option("--to", required=True, help="number of an image, or a time: the last one until then")
@_partition
@click.option("--yes", is_flag=True, help="do not ask before")
@_settings
def rollback(
    pipeline: str,
    to: str,
    partition: int | None,
    yes: bool,
    config: Path | None,
    **flags: Any,
) -> None:
    """Have the workers go on with an older state; they have to be stopped.

    What was learned and remembered since that image is dropped. What was read since is not read
    again, and nothing is published again. A time goes for all partitions, a number for one.

    \b
    Example: thalweg checkpoints rollback examples/fraud.py --to 2026-11-23T06:00
             thalweg checkpoints rollback examples/fraud.py --partition 0 --to 17
    """
    from streams.rollback import (
        check_alone,
        check_idle,
        check_same_partitions,
        check_signable,
        committed_offsets,
        journal_end,
        write_again,
    )

    declared, settings, images = _images(pipeline, partition, config, flags)
    check_alone(declared)
    wanted = _wanted(to)
    if isinstance(wanted, int) and len(images) > 1:
        raise click.UsageError("images are counted by partition: say --partition, or a time")
    check_idle(settings.brokers, images.group, images.client)
    committed = committed_offsets(settings.brokers, images.group, declared, images.client)
    kept = {number: found for number, found in images.manifests.items() if found}
    chosen = {number: _chosen(found, number, wanted) for number, found in kept.items()}
    check_signable(chosen.values(), signed=images.signed)
    for number, manifest in chosen.items():
        check_same_partitions(kept[number][0], manifest)
    ends = {n: found[0].positions | committed.get(n, {}) for n, found in kept.items()}
    for number, manifest in chosen.items():
        left = {t: at - manifest.positions.get(t, 0) for t, at in ends[number].items()}
        dropped = ", ".join(f"{count:,} of {topic}" for topic, count in left.items())
        click.echo(f"partition {number}: back to {manifest}; forgets {dropped}")
    if not yes:
        click.confirm(
            "What was learned and remembered of these records is dropped. They are not read again, "
            "and nothing is published again. Go back?",
            abort=True,
        )
    for number, manifest in chosen.items():
        journal = asyncio.run(journal_end(images.client, declared, number))
        again = write_again(
            images.client, images.group, images[number], manifest, ends[number], journal
        )
        new = asyncio.run(again)
        at = _positions(ends[number])
        click.echo(f"partition {number}: image {new} has the state of {manifest.number}, at {at}")


@checkpoints.command()
@click.argument("pipeline")
@_partition
@_settings
def sign(pipeline: str, partition: int | None, config: Path | None, **flags: Any) -> None:
    """Sign the newest image of each partition with the key, whoever wrote it.

    For workers that are to have a key from now on, or another one; they have to be stopped.

    Example: thalweg checkpoints sign examples/fraud.py --checkpoint-key-file thalweg.key
    """
    from streams.rollback import check_idle, write_again

    _, settings, images = _images(pipeline, partition, config, flags, trusting=True)
    if not images.signed:
        raise click.UsageError("with which key? Give --checkpoint-key-file FILE.")
    check_idle(settings.brokers, images.group, images.client)
    for number, (manifest, *_) in ((n, it) for n, it in images.manifests.items() if it):
        place = (manifest, manifest.positions, manifest.journal)
        new = asyncio.run(write_again(images.client, images.group, images[number], *place))
        click.echo(f"partition {number}: image {new} is image {manifest.number}, signed")


@checkpoints.command()
@click.argument("pipeline")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@_partition
@_settings
def export(
    pipeline: str, directory: Path, partition: int | None, config: Path | None, **flags: Any
) -> None:
    """Write the newest image of each partition to a file, and what is known of it to another.

    Example: thalweg checkpoints export examples/fraud.py backup/
    """
    from streams.image import pack
    from streams.manifest import encoded

    declared, _, images = _images(pipeline, partition, config, flags)
    directory.mkdir(parents=True, exist_ok=True)
    for number in images.manifests:
        found = asyncio.run(images[number].newest())
        if found is not None:
            file = directory / f"{declared.name}-{number}-{found.manifest.number}.image"
            file.write_bytes(pack(found.image))
            file.with_suffix(".json").write_bytes(encoded(found.manifest))
            click.echo(file)


def _images(
    place: str,
    partition: int | None,
    config: Path | None,
    flags: Mapping[str, Any],
    *,
    trusting: bool = False,
) -> tuple[Pipeline, Settings, GroupImages]:
    """The pipeline as it is declared, the settings, and the images; tells of those refused."""
    from streams.groupimages import GroupImages
    from streams.loading import load
    from streams.secrecy import unlock

    settings, _ = resolved(config, **flags)
    pipeline = unlock(load(place), settings)
    images = GroupImages(pipeline, settings, partition, trusting=trusting)
    if not any(images.manifests.values()) and not images.refused:
        err.print(f"group {images.group!r} has no image of {pipeline.name} yet")
    for reason in images.refused:
        err.print(reason, style="yellow", markup=False)
    return pipeline, settings, images


def _wanted(text: str) -> int | datetime:
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"--to {text}: write a number, or a time: {_EXAMPLE}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _chosen(
    manifests: Sequence[Manifest], partition: int, wanted: int | datetime | None
) -> Manifest:
    """That with the number, the last one until the moment, or the newest."""
    from streams.groupimages import NoImageError

    for manifest in manifests:
        if isinstance(wanted, datetime):
            if manifest.written_at <= wanted.timestamp() * 1000:
                return manifest
        elif wanted is None or manifest.number == wanted:
            return manifest
    there = ", ".join(str(manifest.number) for manifest in manifests)
    raise NoImageError(
        f"partition {partition}, image {'' if wanted is None else wanted}",
        f"there is none; there are {there}" if there else "there is none that can be used",
        f"one of {there}" if there else "thalweg worker …, and wait for checkpoint_interval_s",
    )


def _time(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _positions(positions: Mapping[str, int]) -> str:
    return ", ".join(f"{topic} {offset:,}" for topic, offset in positions.items())


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, bool) or not isinstance(value, int):
        return "–" if value is None else str(value)
    return f"{value:,}"
