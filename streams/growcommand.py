"""The command that carries what was learned over into more partitions: ``thalweg grow``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from streams.options import err, resolved, settings_options

if TYPE_CHECKING:
    from streams.growing import Family, Growth

__all__ = ["grow"]

_SETTLE_S = 330.0
"""Clients look for new partitions every five minutes, if nobody tells them otherwise."""


@click.command()
@click.argument("pipeline")
@click.option("--partitions", "count", required=True, type=click.IntRange(min=2), help="in all")
@click.option(
    "--settle",
    default=_SETTLE_S,
    show_default=True,
    type=click.FloatRange(min=0),
    help="seconds after which all producers know of them: their metadata.max.age.ms and some",
)
@click.option("--dry-run", is_flag=True, help="say what would be done, and change nothing")
@click.option("--json", "as_json", is_flag=True, help="for programs")
@settings_options()
def grow(
    pipeline: str,
    count: int,
    settle: float,
    dry_run: bool,
    as_json: bool,
    config: Path | None,
    **flags: Any,
) -> None:
    """Give a pipeline's topics more partitions, and what was learned to those who need it.

    The group's workers have to be stopped; producers may go on. It answers what is in the old
    partitions as a worker would, until all producers know of the new ones, and then divides each
    partition's state among those that its keys are in. If it is interrupted, run it again.

    \b
    Example: thalweg grow examples/fraud.py --partitions 8
             thalweg grow examples/fraud.py --partitions 8 --settle 30 --dry-run
    """
    from streams.assignment import EXPLAINED
    from streams.growing import grow as carried_out
    from streams.growing import plan
    from streams.loading import load
    from streams.pending import check_pending
    from streams.secrecy import unlock
    from streams.security import client_options
    from streams.signing import check_signing

    settings, _ = resolved(config, **flags)
    declared = unlock(load(pipeline), settings)
    check_signing(declared, settings)
    check_pending(declared, settings)
    client = client_options(settings)
    growth = plan(declared, settings, count, client, err.print)
    if dry_run:
        _tell(growth)
        return
    families = []
    try:
        for family in carried_out(declared, settings, client, growth, settle, err.print):
            families.append(family)
            if not as_json:
                click.echo(_told(family))
    except EXPLAINED as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(msgspec.json.encode([_facts(family) for family in families]))
    elif growth.parents:
        click.echo(f"{count} partitions; start the workers again: thalweg worker {pipeline}")
    else:
        click.echo(f"{count} partitions; there is no state to be carried over")


def _tell(growth: Growth) -> None:
    for name, there in growth.short.items():
        click.echo(f"topic {name}: {growth.count} partitions in place of {there}")
    for parent in growth.parents:
        click.echo(f"partition {parent}: its state is divided")
    if not growth.short and not growth.parents:
        click.echo("nothing is to be done")


def _told(family: Family) -> str:
    """A line or two for people."""
    own = family.belongings
    to = ", ".join(map(str, family.children))
    told = f"partition {family.parent}: carried over to {to}"
    if own.moved or own.kept:
        told += f"; of the events that wait for labels, {own.moved:,} go and {own.kept:,} stay"
    if own.unknown:
        told += (
            f"\n  {own.unknown:,} of these are not in the topic any more: nobody knows their keys, "
            "and a label that comes to another partition will not find them"
        )
    if own.keyless:
        told += f"\n  {own.keyless:,} of these have no key that says where they belong: they stay"
    return told


def _facts(family: Family) -> dict[str, Any]:
    """The same for programs."""
    own = family.belongings
    return {
        "partition": family.parent,
        "children": family.children,
        "positions": family.positions,
        "moved": own.moved,
        "kept": own.kept,
        "unknown": own.unknown,
        "keyless": own.keyless,
        "hash": own.hashed,
    }
