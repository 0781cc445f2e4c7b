"""The development broker in a terminal: what `thalweg broker` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich import progress
from rich.console import Console

from streams.broker import Broker, BrokerError
from streams.interruption import INTERRUPTED, one_interruption
from streams.jars import Jar, Progress, classpath
from streams.places import cache_directory, data_directory

__all__ = ["run_foreground", "start_broker"]


def run_foreground(
    directory: Path | None = None,
    port: int = 9092,
    fresh: bool = False,
    heap: str = "512m",
    console: Console | None = None,
) -> int:
    """Run a broker until Ctrl-C, SIGTERM or the end of the terminal.

    Args:
        directory: where its topics are kept; the user's data directory where none is given.
        port: for clients; 0 chooses a free one.
        fresh: wipe the topics first.
        heap: most memory for Java's objects, as Java spells it.
        console: where to print.

    Returns:
        The exit code: 0 for a clean stop, 130 if interrupted before the broker served, 1 for an
        error, which has been printed.
    """
    console = console or Console()
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    broker = Broker(directory or data_directory() / "broker", port, fresh=fresh, heap=heap)
    with one_interruption():
        try:
            start_broker(broker, console)
            say(_card(broker))
            code = broker.wait()
            say(f"Kafka has ended by itself, with exit code {code}: less {broker.log_path}")
        except BrokerError as error:
            say(str(error), style="red")
        except KeyboardInterrupt:
            if not broker.running:
                say("Interrupted; nothing is left running.")
                return INTERRUPTED
            with console.status("Stopping Kafka …"):
                broker.stop()
            say("Stopped. Topics are kept for the next start.")
            return 0
        finally:
            broker.close()
    return 1


def start_broker(broker: Broker, console: Console) -> None:
    """Fetch what Kafka needs, with a bar, and start it.

    Raises:
        BrokerError: see `Broker.start`.
    """
    with progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bars:
        classpath(_Bar(bars))
    with console.status("Starting Kafka …"):
        broker.start()


class _Bar(Progress):
    """One bar for all jars."""

    def __init__(self, bars: progress.Progress) -> None:
        self._bars = bars
        self._task = bars.add_task("Kafka", visible=False)

    def wait(self) -> None:
        self._bars.console.print("Another process is fetching Kafka: waiting for it …")

    def begin(self, jars: Sequence[Jar]) -> None:
        total = sum(jar.size for jar in jars)
        self._bars.console.print(
            f"Fetching Kafka, once: {len(jars)} jars, {total / 1e6:.1f} MB, to {cache_directory()}",
            highlight=False,
            soft_wrap=True,
        )
        self._bars.update(self._task, total=total, visible=True)

    def advance(self, size: int) -> None:
        self._bars.advance(self._task, size)


def _card(broker: Broker) -> str:
    """Where the broker is, where its things are, how to stop it."""
    return (
        f"Kafka is ready on {broker.bootstrap}\n"
        f"  topics  {broker.directory / 'data'}\n"
        f"  log     {broker.log_path}\n"
        f"  stop    Ctrl-C, or kill {os.getpid()}"
    )
