"""The command ``thalweg``: parses the command line, calls what does the work, prints the result."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table

from streams.checkpointcommands import checkpoints
from streams.datacommands import produce, simulate, tail
from streams.deadlettercommands import dead_letters
from streams.errors import TeachingError, nearest
from streams.explaincommand import explain
from streams.growcommand import grow
from streams.opscommands import doctor, top
from streams.options import err, out, resolved, settings_options
from streams.replaycommands import audit, replay
from streams.reportcommand import report
from streams.settings import Settings
from streams.whatifcommand import what_if

__all__ = ["main"]


def main() -> None:
    """Run the command line; a mistake of the user's ends with 2 and a text that says what to do."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except TeachingError as error:
        err.print(str(error), style="red", markup=False)
        sys.exit(2)
    except RuntimeError as error:  # which Kafka's refusals are
        from streams.rights import denied

        if (told := denied(error)) is None:
            raise
        err.print(str(told), style="red", markup=False)
        sys.exit(2)


class _Commands(click.Group):
    """Commands that tell the nearest one where a name is none of theirs."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            known = nearest(args[0], self.list_commands(ctx))
            if known is not None:
                error.message += f" Did you mean {known}?"
            raise


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="thalweg")
def cli() -> None:
    """Streaming machine learning on Kafka: score, learn and explain every event, exactly once.

    \b
    thalweg demo                                     see it work, with nothing prepared
    thalweg broker                                   a Kafka to develop with
    thalweg worker examples/fraud.py                 score and learn

    Exit codes: 0 done, 1 failed, 2 called or configured wrongly, 130 interrupted.
    """


@cli.command()
@click.option("--port", default=9092, show_default=True, help="for clients; 0 chooses one")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="where topics are kept"
)
@click.option("--fresh", is_flag=True, help="wipe the topics first")
@click.option("--heap", default="512m", show_default=True, help="most memory for Java's objects")
def broker(port: int, data: Path | None, fresh: bool, heap: str) -> int:
    """Run a real single-node Kafka until Ctrl-C; needs the extra thalweg[broker].

    Example: thalweg broker --port 9092 --fresh
    """
    from streams.foreground import run_foreground

    sys.exit(run_foreground(data, port, fresh, heap, out))


@cli.command()
@click.argument("pipeline")
@click.option("--json", "as_json", is_flag=True, help="for programs")
def check(pipeline: str, as_json: bool) -> None:
    """Load a pipeline and show what was understood: features, memory, topics.

    Example: thalweg check examples/fraud.py
    """
    from streams import checking
    from streams.loading import load

    declared = load(pipeline)
    if as_json:
        click.echo(checking.as_json(declared))
    else:
        out.print(checking.describe(declared))


@cli.command()
@click.argument("pipeline")
@click.option("--partitions", default=4, show_default=True, help="of a new events topic")
@click.option("--replication", default=-1, help="copies of each partition  [the cluster's default]")
@click.option(
    "--retention", "retention", default=None, help="how long records stay: 7d, or forever"
)
@click.option("--create", is_flag=True, help="create what is missing; else only look")
@click.option("--delete", is_flag=True, help="delete them all, with what they hold")
@click.option("--yes", is_flag=True, help="do not ask before deleting")
@click.option("--json", "as_json", is_flag=True, help="for programs")
@settings_options("brokers")
def topics(
    pipeline: str,
    partitions: int,
    replication: int,
    retention: str | None,
    create: bool,
    delete: bool,
    yes: bool,
    as_json: bool,
    config: Path | None,
    brokers: str | None,
) -> None:
    """Show, create or delete the topics of a pipeline.

    Example: thalweg topics examples/fraud.py --create --partitions 8
    """
    from streams import topics as administration
    from streams.declare import duration
    from streams.loading import load
    from streams.security import client_options

    settings, _ = resolved(config, brokers=brokers)
    security = client_options(settings)
    kept = None
    if retention is not None:
        kept = -1 if retention == "forever" else int(duration(retention, "--retention") * 1000)
    declared = load(pipeline)
    specs = administration.required_topics(declared, partitions, replication, kept)
    names = [spec.name for spec in specs]
    if delete:
        if not yes:
            click.confirm(f"Delete {', '.join(names)} on {settings.brokers}?", abort=True)
        names.append(declared.reinjected_topic)  # made by thalweg dead-letters re-inject
        gone = administration.delete(settings.brokers, names, security)
        click.echo(f"deleted: {', '.join(gone) or 'nothing, there were none'}")
        return
    if create:
        found = administration.ensure(settings.brokers, specs, security)
    else:
        found = administration.describe(settings.brokers, names, security)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    table = Table("topic", "partitions", "copies", "", box=None)
    there = {topic.name: topic for topic in found}
    for name in names:
        topic = there.get(name)
        if topic is None:
            table.add_row(name, "–", "–", "missing: add --create", style="yellow")
        else:
            new = "created" if topic.created else "there already, left as it is" if create else ""
            table.add_row(name, str(topic.partitions), str(topic.replication), new)
    out.print(table)
    if len(there) < len(names):
        sys.exit(1)


@cli.command()
@click.argument("pipeline")
@settings_options()
def worker(pipeline: str, config: Path | None, **flags: Any) -> None:
    """Score and learn until Ctrl-C or SIGTERM.

    Example: thalweg worker examples/fraud.py --brokers 127.0.0.1:9092 --workers 2
    """
    from streams.cores import allowed_cores
    from streams.loading import load
    from streams.secrecy import unlock

    settings, provenance = resolved(config, **flags)
    declared = unlock(load(pipeline), settings)
    workers = _worker_count(declared.events.name, settings)
    cores = allowed_cores() if settings.pin else []
    if workers > 1:
        sys.exit(_supervise(pipeline, settings, workers, cores, config, flags))
    if cores:
        os.sched_setaffinity(0, cores[:1])
    from streams.worker import run

    sys.exit(run(declared, settings, provenance))


cli.add_command(produce)
cli.add_command(tail)
cli.add_command(simulate)
cli.add_command(checkpoints)
cli.add_command(dead_letters)
cli.add_command(replay)
cli.add_command(audit)
cli.add_command(what_if)
cli.add_command(explain)
cli.add_command(report)
cli.add_command(doctor)
cli.add_command(grow)
cli.add_command(top)


def _worker_count(events: str, settings: Settings) -> int:
    from streams.cores import core_count
    from streams.security import client_options
    from streams.topics import topic_named

    if settings.workers != "auto":
        return settings.workers
    partitions = topic_named(settings.brokers, events, client_options(settings)).partitions
    return min(core_count(), partitions)


def _supervise(
    pipeline: str,
    settings: Settings,
    workers: int,
    cores: Sequence[int],
    config: Path | None,
    flags: Mapping[str, Any],
) -> int:
    from streams.supervisor import Supervisor, worker_command

    commands = {}
    for number in range(workers):
        slot = f"{settings.slot}-{number}" if settings.slot else str(number)
        port = settings.metrics_port + number if settings.metrics_port else 0
        own = {**flags, "workers": 1, "pin": None, "metrics_port": port, "slot": None}
        passed = [
            part
            for name, value in own.items()
            if value is not None
            for part in (f"--{name.replace('_', '-')}", str(value))
        ]
        if config is not None:
            passed += ["--config", str(config)]
        commands[slot] = worker_command(pipeline, slot, passed)
    return Supervisor(commands, err.print, cores).run()


@cli.command()
@click.option("--days", default=120, show_default=True, help="of payments")
@click.option("--customers", default=2_000, show_default=True, help="of two payments a day each")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=8_000,
    show_default=True,
    help="messages a second",
)
@click.option("--seed", default=7, show_default=True, help="equal seeds give equal payments")
@click.option("--json", "as_json", is_flag=True, help="print the summary for programs")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with a [worker] table, to go with --brokers",
)
@click.option("--brokers", help="an existing Kafka, host:port; by default it brings its own")
@click.option(
    "--monitoring",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="the repository's folder deploy: Prometheus with its alert rules beside it",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="write the last screen there, as SVG",
)
def demo(
    days: int,
    customers: int,
    rate: float,
    seed: int,
    as_json: bool,
    config: Path | None,
    brokers: str | None,
    monitoring: Path | None,
    picture: Path | None,
) -> None:
    """See it work: a Kafka, simulated card payments, and a worker that learns to tell fraud.

    Nothing has to be there before. It ends by itself or by Ctrl-C, and leaves nothing running.

    Example: thalweg demo --days 60
    """
    from streams.demo import Demo
    from streams.simulator import Simulator

    if config is not None and brokers is None:
        raise click.UsageError("--config is for an existing Kafka: write --brokers host:port, too.")
    settings = None if brokers is None else resolved(config, brokers=brokers)[0]
    terminals = max(1, customers // 2)
    simulator = Simulator(seed=seed, days=days, customers=customers, terminals=terminals)
    shown = Demo(
        simulator=simulator,
        rate=rate,
        settings=settings,
        config=config,
        monitoring=monitoring,
        picture=picture,
        as_json=as_json,
    )
    sys.exit(shown.run())
