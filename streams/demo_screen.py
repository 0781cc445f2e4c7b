"""The demonstration on a terminal, as lines of a log, and at its end."""

from __future__ import annotations

import io
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from streams.demo_figures import curve, figure, figures, milliseconds
from streams.predictions import Prediction
from streams.readings import Meter
from streams.views import bar

__all__ = ["Scene", "Screen", "Sight", "line", "picture", "shown"]

_SIGHTS = 40
_LINES_EVERY_S = 5.0
_FIXED_LINES = 12
_PICTURE = 100, 34


@dataclass(slots=True)
class Sight:
    """A prediction on the screen.

    Attributes:
        prediction: as it was read back.
        amount: of the payment, from the feed.
        fraud: what became known of it since; None as long as nothing did.
    """

    prediction: Prediction
    amount: float | None
    fraud: bool | None = None


@dataclass(slots=True, kw_only=True)
class Scene:
    """Everything there is to see.

    Attributes:
        brokers: where Kafka is.
        worker: process id.
        metrics: URL of the worker's metrics.
        watch: the command line that shows the predictions in another terminal.
        lesson: what it learns from.
        days: how many are simulated.
        began: the first simulated day.
        seconds: since the first payment was sent.
        now: the newest event time that was read back.
        meter: of the worker.
        sights: predictions, the newest last.
        beside: what to say of those who watch it, by a word for each.
    """

    brokers: str
    worker: int
    metrics: str
    watch: str
    lesson: str
    days: int
    began: datetime
    seconds: float = 0.0
    now: datetime | None = None
    meter: Meter = field(default_factory=Meter)
    sights: deque[Sight] = field(default_factory=lambda: deque(maxlen=_SIGHTS))
    beside: Mapping[str, Text] = field(default_factory=dict)

    @property
    def day(self) -> float:
        """How many simulated days are over."""
        return 0.0 if self.now is None else (self.now - self.began) / timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Screen:
    """A scene that fills whatever terminal it is shown on."""

    scene: Scene

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        scene, width = self.scene, options.max_width
        height = options.height or console.height
        watch = Text.assemble(("watch  ", "dim"), scene.watch, overflow="fold")
        beside = len(scene.beside)
        tall = 2 + max(0, min(4, (height - 26) // 3))
        rows = max(1, height - _FIXED_LINES - len(watch.wrap(console, width)) - beside - tall)
        yield _heading(scene)
        yield _wide(ProgressBar(total=scene.days, completed=scene.day))
        places = f"{scene.brokers}   worker {scene.worker}   {scene.metrics}"
        yield Text.assemble(("Kafka  ", "dim"), places, no_wrap=True, overflow="crop")
        yield watch
        for word, said in scene.beside.items():
            yield Text.assemble((f"{word:<7}", "dim"), said, no_wrap=True, overflow="ellipsis")
        yield _rule("predictions, read back from Kafka: now the riskiest, now the newest")
        yield _sights(list(scene.sights)[-rows:], rows)
        yield _rule(f"what it has learned, from {scene.lesson}")
        yield _wide(figures(scene.meter.quality), _running(scene.meter))
        yield _labels(scene.meter)
        yield curve(scene.meter.auc, width, tall)


@contextmanager
def shown(scene: Scene, console: Console) -> Iterator[Callable[[], None]]:
    """A function to be called as the scene changes: it fills a terminal, or adds lines to a log."""
    if console.is_terminal:
        with Live(Screen(scene), console=console, screen=True, auto_refresh=False) as live:
            yield live.refresh
        return
    due = _LINES_EVERY_S

    def say() -> None:
        nonlocal due
        if scene.seconds >= due:
            due = scene.seconds + _LINES_EVERY_S
            console.print(line(scene), markup=False, soft_wrap=True)

    yield say


def picture(scene: Scene) -> str:
    """The scene as a terminal of 100 columns would show it, as SVG."""
    width, height = _PICTURE
    console = Console(
        width=width, height=height, record=True, file=io.StringIO(), force_terminal=True
    )
    console.print(Screen(scene))
    return console.export_svg(title="thalweg demo")


def line(scene: Scene) -> str:
    """The scene in a few lines of a log."""
    meter = scene.meter
    lag = 0 if meter.last is None else meter.last.lag
    p50, p99 = (milliseconds(meter.latency(share)) for share in (0.5, 0.99))
    lines = [
        f"{scene.seconds:5.0f} s  day {scene.day:.0f} of {scene.days}"
        f"   {meter.rate():,.0f} events/s   lag {lag:,}   latency p50 {p50}, p99 {p99}"
    ]
    if scene.sights:
        sight = max(list(scene.sights)[-2:], key=lambda sight: sight.prediction.score or 0.0)
        lines.append(_text(sight))
    shown = {
        "AUC": "window_auc",
        "average precision": "window_average_precision",
        "precision in the top 0.5 %": "window_precision_at_budget",
        "base rate": "window_base_rate",
        "log loss": "window_log_loss",
    }
    quality = meter.quality
    figured = (f"{name} {figure(quality.get(key, math.nan))}" for name, key in shown.items())
    lines += [", ".join(figured), _labels(meter).plain]
    lines += [f"{word} {said.plain}" for word, said in scene.beside.items() if word == "alerts"]
    return "\n         ".join(lines)


def _heading(scene: Scene) -> Table:
    day = "" if scene.now is None else f"{scene.now:%-d %B}, day {scene.day:.0f} of {scene.days}   "
    minutes, seconds = divmod(int(scene.seconds), 60)
    return _wide(
        Text.assemble(("Thalweg", "bold cyan"), " learns to tell card fraud"),
        Text(f"{day}{minutes}:{seconds:02}", "dim"),
    )


def _rule(title: str) -> Rule:
    return Rule(Text(title, "cyan"), align="left", style="dim")


def _sights(sights: Sequence[Sight], rows: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    for name, justify in (
        ("paid at", "left"), ("customer", "left"), ("amount", "right"), ("  score", "left"),
        ("decision", "left"), ("known later", "left"),
    ):  # fmt: skip
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # literals
    for sight in sights:
        one = sight.prediction
        alert = one.decision is True
        table.add_row(
            Text(f"{one.at:%-d %b %H:%M:%S}", "dim"),
            one.key or "",
            "" if sight.amount is None else f"{sight.amount:,.2f}",
            Text(f"  {bar(one.score)}", "bold red" if alert else "green"),
            Text("alert", "bold red") if alert else Text("pass", "dim"),
            _verdict(sight),
        )
    for _ in range(rows - len(sights)):
        table.add_row()
    return table


def _verdict(sight: Sight) -> Text:
    if sight.fraud is None:
        return Text("…", "dim")
    right = sight.fraud == (sight.prediction.decision is True)
    text = f"{'✓' if right else '✗'} {'fraud' if sight.fraud else 'genuine'}"
    return Text(text, "green" if right else "yellow")


def _running(meter: Meter) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(justify="right", style="bold", min_width=9)
    reading = meter.last
    table.add_row("scored", "–" if reading is None else f"{reading.events:,}")
    table.add_row("events/s", f"{meter.rate():,.0f}")
    table.add_row("lag", "–" if reading is None else f"{reading.lag:,}")
    table.add_row("latency p50", milliseconds(meter.latency(0.5)))
    table.add_row("latency p99", milliseconds(meter.latency(0.99)))
    return table


def _labels(meter: Meter) -> Text:
    labels = meter.quality.get("labels", 0)
    if not labels:
        return Text("no label is known yet", "dim")
    days = meter.quality.get("label_delay_seconds", math.nan) / 86_400
    learned = f"{labels:,.0f} labels learned"
    return Text(f"{learned}, on average {days:.1f} simulated days after the payment", "dim")


def _wide(*parts: RenderableType) -> Table:
    """One renderable, or two with one at each end, over the whole width."""
    table = Table.grid(expand=True)
    table.add_column(ratio=1)
    for _ in parts[1:]:
        table.add_column(justify="right", no_wrap=True)
    table.add_row(*parts)
    return table


def _text(sight: Sight) -> str:
    one = sight.prediction
    amount = "" if sight.amount is None else f"{sight.amount:,.2f}"
    decision = "alert" if one.decision is True else "pass"
    return f"{one.at:%Y-%m-%d %H:%M:%S}  {one.key}  {amount:>8}  {bar(one.score)}  {decision}"
