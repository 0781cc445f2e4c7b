"""The commands around dead letters: ``thalweg dead-letters list``, ``show``, ``export``, …"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, get_args

import click
import msgspec
from rich.table import Table
from rich.text import Text

from streams.errors import one_of
from streams.letterview import escaped, expected, moment, shown
from streams.options import err, out, progress_bar, resolved, settings_options

if TYPE_CHECKING:
    from streams.choice import Choice
    from streams.letters import DeadLetter
    from streams.pipeline import Pipeline
    from streams.reinjection import Summary

__all__ = ["dead_letters"]

F = TypeVar("F", bound=Callable[..., Any])

_DETAIL_CHARACTERS = 100

_WHY: Mapping[str, str] = {
    "cut": "not kept whole, too large or for what is in it; all of it is where it came from",
    "expired": "older than its topic keeps records: Kafka would delete it again",
    "no-input": "from a topic that the pipeline no longer reads",
}
"""Why a letter is not written again, where that is not a reason to turn it away."""


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at the records that a pipeline turned away, and have it take them after all.

    \b
    thalweg dead-letters list examples/fraud.py
    thalweg dead-letters show examples/fraud.py payments/3/1041
    thalweg dead-letters export examples/fraud.py letters.jsonl --reason schema
    thalweg dead-letters re-inject examples/fraud.py --dry-run
    """


def _choice_options(command: F) -> F:
    """Flags that say which letters are meant."""
    for option in (
        click.option("--limit", type=click.IntRange(min=1), help="so many of them at most"),
        click.option("--partition", type=click.IntRange(min=0), help="only those from it"),
        click.option("--topic", help="only those from this topic"),
        click.option("--reason", help="only those turned away for it: schema, malformed, …"),
        click.option("--since", help="only records since then: 2026-01-31, or 2h for so long"),
    ):
        command = option(command)
    return command


@dead_letters.command("list")
@click.argument("pipeline")
@_choice_options
@click.option("--json", "as_json", is_flag=True, help="a line for each row, for programs")
@settings_options("brokers")
def list_letters(
    pipeline: str, as_json: bool, config: Path | None, brokers: str | None, **chosen: Any
) -> None:
    """Count the dead letters by reason and by the partition they came from.

    Example: thalweg dead-letters list examples/fraud.py --since 1d
    """
    from streams.deadletters import grouped
    from streams.reinjection import reinjected

    letters = _Letters(pipeline, config, brokers)

    async def count() -> Any:
        again = await reinjected(letters.pipeline, letters.brokers, letters.security)
        with progress_bar(letters.topic) as show:
            async with aclosing(letters.read(_choice(chosen), lambda at: show(at, ""))) as found:
                return await grouped(found, again)

    groups = asyncio.run(count())
    if as_json:
        for group in groups:
            click.echo(msgspec.json.encode(group))
        return
    if not groups:
        out.print(f"no dead letters in {letters.topic}")
        return
    table = Table(box=None)
    for name in ("reason", "came from", "letters", "again"):
        table.add_column(name, no_wrap=True, overflow="fold")
    for name in ("first", "last"):
        table.add_column(name)
    for group in groups:
        came, times = f"{group.topic}/{group.partition}", (group.first, group.last)
        counts = (f"{group.letters:,}", f"{group.reinjected:,}")
        table.add_row(*map(Text, (group.reason, came, *counts, *map(moment, times))))
    out.print(table)
    out.print("\nThe newest of each, for thalweg dead-letters show:")
    for group in groups:
        detail = escaped(group.detail)[:_DETAIL_CHARACTERS]
        out.print(f"  {group.example:<10} {group.reason}: {detail}", markup=False)


@dead_letters.command()
@click.argument("pipeline")
@click.argument("place")
@settings_options("brokers")
def show(pipeline: str, place: str, config: Path | None, brokers: str | None) -> None:
    """Show one dead letter: the record, why it was turned away, and whether it would be today.

    PLACE is where the record came from, payments/3/1041, or where its letter stands, 3:17.

    Example: thalweg dead-letters show examples/fraud.py payments/3/1041
    """
    from streams.choice import Choice, Place
    from streams.deadletters import find, name_of
    from streams.reinjection import Judge

    letters, wanted = _Letters(pipeline, config, brokers), Place.of(place)

    async def look() -> DeadLetter:
        async with aclosing(letters.read(Choice(partition=wanted.partition))) as found:
            return await find(found, wanted)

    letter = asyncio.run(look())
    known = letter.topic in letters.pipeline.input_topics
    verdict = Judge(letters.pipeline).verdicts([letter])[0] if known else None
    now = "would be taken" if verdict is None else f"{verdict.reason}: {verdict.detail}"
    table = Table(box=None, show_header=False)
    rows = [
        ("reason", letter.reason),
        ("detail", letter.detail),
        ("as declared now", now if known else _WHY["no-input"]),
        ("came from", f"{letter.topic}/{letter.partition}/{letter.offset}"),
        ("letter", f"{letters.topic} {name_of(letter)}"),
        ("time", moment(letter.raw.timestamp)),
        *([("cut", f"{', '.join(letter.cut)}: {_WHY['cut']}")] if letter.cut else []),
        ("key", shown(letter.raw.key)),
        *((f"header {escaped(name)}", shown(value)) for name, value in letter.headers),
        ("expected", expected(letters.pipeline, letter.topic)),
    ]
    for name, text in rows:
        table.add_row(Text(name, "dim"), Text("\n".join(map(escaped, text.split("\n")))))
    out.print(table)
    out.print(Text(f"\n{shown(letter.raw.value)}"))


@dead_letters.command()
@click.argument("pipeline")
@click.argument("file", type=click.File("wb"))
@_choice_options
@click.option("--raw", is_flag=True, help="the values alone, one a line, to be mended")
@settings_options("brokers")
def export(
    pipeline: str,
    file: BinaryIO,
    raw: bool,
    config: Path | None,
    brokers: str | None,
    **chosen: Any,
) -> None:
    """Write dead letters to a file as JSON lines; - is standard output.

    \b
    Example: thalweg dead-letters export examples/fraud.py letters.jsonl
             thalweg dead-letters export examples/fraud.py mended.jsonl --raw --reason schema
             $EDITOR mended.jsonl
             thalweg produce mended.jsonl --pipeline examples/fraud.py
    """
    from streams.deadletters import exported

    letters = _Letters(pipeline, config, brokers)

    async def write() -> tuple[int, int]:
        written = empty = 0
        with progress_bar(f"{letters.topic} → {file.name}") as show:
            found = letters.read(_choice(chosen), lambda at: show(at, f"{written:,} letters"))
            async with aclosing(found):
                async for some in found:
                    for one in some:
                        if raw and one.raw.value is None:
                            empty += 1
                            continue
                        line = (one.raw.value or b"").replace(b"\n", b" ") if raw else exported(one)
                        file.write(line + b"\n")
                        written += 1
        return written, empty

    written, empty = asyncio.run(write())
    err.print(f"{written:,} dead letters written" + (f", {empty:,} without a value" * bool(empty)))


@dead_letters.command("re-inject")
@click.argument("pipeline")
@_choice_options
@click.option("--dry-run", is_flag=True, help="only tell what would be done")
@click.option("--json", "as_json", is_flag=True, help="print the summary for programs")
@settings_options("brokers")
def re_inject(
    pipeline: str,
    dry_run: bool,
    as_json: bool,
    config: Path | None,
    brokers: str | None,
    **chosen: Any,
) -> None:
    """Write the records that the pipeline, as it is now, would take to their topics again.

    Each is written once, however often this is called or killed: what was written is noted with it
    in one transaction. Records that were not kept whole are never written.

    Example: thalweg dead-letters re-inject examples/fraud.py --reason schema --dry-run
    """
    from streams.reinjection import Reinjection
    from streams.secrecy import unlock

    letters = _Letters(pipeline, config, brokers)
    declared = unlock(letters.pipeline, letters.settings)
    again = Reinjection(declared, letters.brokers, letters.security)
    with progress_bar(f"{letters.topic} → {', '.join(letters.pipeline.input_topics)}") as show:
        summary = asyncio.run(
            again.run(
                _choice(chosen),
                dry=dry_run,
                progress=lambda at, so_far: show(at, f"{so_far.written.total():,} records"),
            )
        )
    if as_json:
        click.echo(msgspec.json.encode(summary))
    else:
        out.print(_told(summary, dry_run), markup=False)


class _Letters:
    """The dead letters of a pipeline on a cluster, as the command line names them."""

    def __init__(self, pipeline: str, config: Path | None, brokers: str | None) -> None:
        from streams.loading import load
        from streams.security import client_options

        settings, _ = resolved(config, brokers=brokers)
        self.pipeline: Pipeline = load(pipeline)
        self.settings = settings
        self.brokers = settings.brokers
        self.security = client_options(settings)
        self.topic = self.pipeline.dead_letters_topic

    def read(
        self, choice: Choice, progress: Callable[[float], object] | None = None
    ) -> AsyncGenerator[list[DeadLetter], None]:
        """Those that are meant."""
        from streams.deadletters import chosen_letters
        from streams.topics import topic_named

        count = topic_named(self.brokers, self.topic, self.security).partitions
        return chosen_letters(self.security, self.topic, count, choice, progress)


def _choice(chosen: Mapping[str, Any]) -> Choice:
    from streams.choice import Choice, since
    from streams.codec import Reason

    reason, told = chosen["reason"], chosen["since"]
    if reason not in (None, *get_args(Reason)):
        raise click.UsageError(f"--reason {reason}: there is {one_of(get_args(Reason))}.")
    begin = None if told is None else since(told, int(time.time() * 1000))
    return Choice(**{**chosen, "since": begin})


def _told(summary: Summary, dry_run: bool) -> str:
    verb = "would be written again" if dry_run else "written again"
    lines = [f"{summary.written.total():,} records {verb}"]
    lines += [f"  {count:>9,} to {topic}" for topic, count in summary.written.items()]
    if summary.left:
        lines.append(f"{summary.left.total():,} letters left as they are")
        for reason, count in summary.left.most_common():
            lines.append(f"  {count:>9,} {reason}: {_WHY.get(reason, 'turned away again')}")
    if summary.before:
        lines.append(f"{summary.before:,} written again before")
    return "\n".join(lines)
