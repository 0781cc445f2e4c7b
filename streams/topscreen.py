"""A group on a terminal of 80 columns: a line for each partition, or one partition in full."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from streams.figures import table
from streams.readings import BOUNDS, Meter
from streams.watching import Glance, Partition

__all__ = ["ORDERS", "Screen"]

_DAY_S = 86_400.0
_LATE_S = 60.0
_OLD_S = 900.0
_SIZES = (("G", 1e9), ("M", 1e6), ("k", 1e3))


def _least(value: float) -> float:
    """Sorts what is not known to the end."""
    return math.inf if math.isnan(value) else value


ORDERS: Mapping[str, Callable[[Partition], float]] = {
    "partition": lambda one: one.number,
    "lag": lambda one: -one.behind,
    "rate": lambda one: -one.meter.rate(),
    "p99": lambda one: _least(-one.meter.latency(0.99)),
    "AUC": lambda one: _least(_quality(one, "auc")),
}
"""What the partitions can be sorted by; the worst come first."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What is seen of a group.

    Attributes:
        glance: at the group; None before the first.
        order: one of `ORDERS`.
        chosen: the partition to be looked into; None for all.
        typed: digits of the partition that is being chosen.
        trouble: why there is no newer glance.
    """

    glance: Glance | None
    order: str = "partition"
    chosen: int | None = None
    typed: str = ""
    trouble: str | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.trouble is not None:
            yield Text(self.trouble, "red")
        if self.glance is None:
            if self.trouble is None:
                yield Text("looking …", "dim")
            return
        yield from _heading(self.glance)
        yield Text()
        one = next((it for it in self.glance.partitions if it.number == self.chosen), None)
        if one is None:
            yield _partitions(self.glance, self.order)
        else:
            yield from _in_full(one)
        yield Text()
        yield self._keys()

    def _keys(self) -> Text:
        if self.chosen is not None:
            return Text("Esc all partitions   q quit", "dim")
        typed = f" {self.typed}" if self.typed else ""
        return Text(f"s sorted by {self.order}   number, Enter: look into{typed}   q quit", "dim")


def _heading(glance: Glance) -> Iterator[RenderableType]:
    sound = glance.state == "Stable"
    owned = sum(one.owner is not None for one in glance.partitions)
    yield Text.assemble(
        (f"{glance.group}  ", "bold cyan"),
        (glance.state or "no such group", "green" if sound else "yellow"),
        f", {_counted(glance.members, 'worker')}, {owned} of "
        f"{_counted(len(glance.partitions), 'partition')} owned",
    )
    meter = glance.meter
    yield Text(
        f"lag {glance.behind:,}   {meter.rate():,.0f} events/s   "
        f"latency p50 {_latency(meter, 0.5)}, p99 {_latency(meter, 0.99)}{_skew(glance)}"
    )
    yield _judged(meter)
    orphans = [str(one.number) for one in glance.partitions if one.owner is None]
    if orphans:
        yield Text(f"nobody has partition {', '.join(orphans)}", "red")
    if glance.silent:
        yield Text(f"no metrics at {', '.join(glance.silent)}; --metrics host:port,…", "yellow")


def _skew(glance: Glance) -> str:
    """How many times the mean the busiest partition takes; nothing of one, or at rest."""
    rates = [one.meter.rate() for one in glance.partitions if one.page is not None]
    mean = sum(rates) / max(len(rates), 1)
    return f"   skew {max(rates) / mean:.1f}" if len(rates) > 1 and mean > 0 else ""


def _judged(meter: Meter) -> Text:
    """How well it predicts, never without how late that is known."""
    quality = meter.quality
    count = quality.get("window_labels", 0.0)
    if not count:
        return Text("no label is known yet", "dim")
    days = quality.get("window_label_delay_seconds", math.nan) / _DAY_S
    late = "" if math.isnan(days) else f", {days:,.1f} days late"
    figures = [("AUC", "window_auc"), ("AP", "window_average_precision")]
    if "window_auc" not in quality:
        figures = [("MAE", "window_mae"), ("RMSE", "window_rmse")]
    shown = "   ".join(f"{name} {_figure(quality.get(key, math.nan))}" for name, key in figures)
    return Text(f"{shown}   mean of the partitions; last {count:,.0f} labels{late}")


def _partitions(glance: Glance, order: str) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    shown.add_column("", justify="right", no_wrap=True)
    shown.add_column("owner", no_wrap=True, max_width=12, overflow="ellipsis")
    for name in ("lag", "age", "ev/s", "p50", "p99", "AUC", "AP", "drift", "alerts", "image"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in sorted(glance.partitions, key=ORDERS[order]):
        shown.add_row(str(one.number), one.owner or Text("nobody", "red"), *_cells(one))
    return shown


def _cells(one: Partition) -> Iterator[RenderableType]:
    yield _short(one.behind)
    page = one.page
    if page is None:
        yield from ["–"] * 9
        return
    yield Text(_time(page.lag_s), "red" if page.lag_s > _LATE_S else "")
    yield _short(one.meter.rate())
    yield _latency(one.meter, 0.5)
    yield _latency(one.meter, 0.99)
    yield _figure(_quality(one, "auc"))
    yield _figure(_quality(one, "average_precision"))
    yield Text(str(page.alarms), "bold yellow") if page.alarms else "–"
    yield _alerts(page.alerting)
    yield Text(_time(page.checkpoint_s), "red" if page.checkpoint_s > _OLD_S else "")


def _alerts(alerting: Mapping[str, float]) -> Text:
    """Alerts today of how many there may be; a dash without a budget."""
    if not alerting:
        return Text("–")
    today, budget = int(alerting.get("today", 0)), int(alerting.get("budget", 0))
    return Text(f"{today}/{budget}", "yellow" if today >= budget else "")


def _in_full(one: Partition) -> Iterator[RenderableType]:
    owner = one.owner or "nobody"
    yield Text.assemble((f"partition {one.number}", "bold"), f"   of {owner}   lag {one.behind:,}")
    if one.page is None:
        yield Text("no metrics page tells of it", "yellow")
        return
    reading = one.page.reading
    yield Text(
        f"{reading.events:,} events   {reading.learned:,} labels learned   "
        f"{reading.dead_letters:,} dead letters   checkpoint {_time(one.page.checkpoint_s)} old"
    )
    yield Text()
    yield table(reading.quality)
    for title, figures in (("model", one.page.model), ("alerts", one.page.alerting)):
        if figures:
            known = (f"{name} {value:,.4g}" for name, value in figures.items())
            yield Text(f"\n{title}: {', '.join(known)}")


def _quality(one: Partition, name: str) -> float:
    """A figure over the last labels."""
    return one.meter.quality.get(f"window_{name}", math.nan)


def _latency(meter: Meter, share: float) -> str:
    """A quantile; what lies beyond the last bucket is only known to."""
    seconds = meter.latency(share)
    return f">{_time(seconds)}" if seconds >= BOUNDS[-2] else _time(seconds)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}".replace("0.", ".", 1)


def _short(value: float) -> str:
    """A count in five characters: 12,345 is 12.3k."""
    if value < 10_000:
        return f"{value:.0f}"
    unit, size = next((unit, size) for unit, size in _SIZES if value >= size)
    digits = ".1f" if value < 99.95 * size else ".0f"
    return f"{value / size:{digits}}{unit}"


def _time(seconds: float) -> str:
    """A length of time in five characters."""
    if math.isnan(seconds):
        return "–"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    for unit, size, end in (("s", 1.0, 120.0), ("m", 60.0, 7_200.0), ("h", 3_600.0, 2 * _DAY_S)):
        if seconds < end:
            return f"{seconds / size:.3g}{unit}"
    return f"{seconds / _DAY_S:.0f}d"
