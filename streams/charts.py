"""Pictures of a report, as SVG: their greys and colours can be read on white and on black.

No text of an event stands in them, only numbers and dates: `streams.reportpage` writes texts.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from models.curves import precision_recall, reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from models.daily import Day
    from models.history import Point
    from models.ranking import Ranking
    from streams.facts import Main

__all__ = ["COLOURS", "GREY", "STYLE", "days", "delays", "drift", "quality", "ranked", "trusted"]

GREY = "#808a94"
COLOURS = (
    "#4c8bf5", "#e8833a", "#3aa76d", "#c65bcf", "#d6a419", "#d9534f", "#3fb0c4", "#8d6e63",
    "#7986cb",
)  # fmt: skip
STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "thalweg",  # the same picture of the same figures
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.prop_cycle": mpl.cycler(color=COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), GREY
    ),
}
_WIDE, _HALF = (9.0, 2.9), (4.6, 3.2)
_SEEN = 0.001
_YEARS = 1900, 2200
_TICKS = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
_DAY = 86_400


def quality(points: Sequence[Point], main: Main) -> str:
    """The main figure over time, its interval, and what needs no model."""
    with _drawn(_WIDE) as (figure, svg):
        axes = figure.subplots()
        known = _seen(points)
        at, low, high = (
            _middles(known),
            *(_column(known, f"{main.key}_{end}") for end in ("low", "high")),
        )
        axes.fill_between(at, low, high, alpha=0.2, linewidth=0, label="95 %")
        axes.plot(at, _column(known, main.key), "o-", markersize=4, label=main.name)
        for (key, name), line in zip(main.floors.items(), ("--", ":"), strict=False):
            axes.plot(at, _column(known, key), line, color=GREY, label=name)
        axes.set_ylim(bottom=0)
        _dated(axes)
        _legend(axes)
    return svg()


def days(found: Sequence[Day], points: Sequence[Point]) -> str:
    """Of what is alerted, the share that is positive, with what a perfect score would get.

    Args:
        found: card precision of each day; where there is none, precision at budget is drawn.
        points: the time.
    """
    with _drawn(_WIDE) as (figure, svg):
        axes = figure.subplots()
        if found:
            alerted = [day for day in found if day.alerts]
            at = [_moment((day.day + 0.5) * _DAY) for day in alerted]
            got = [day.caught / day.alerts for day in alerted]
            most = [min(day.most / day.alerts, 1.0) for day in alerted]
            chance = [day.base_rate for day in alerted]
        else:
            known = _seen(points)
            at, got = _middles(known), _column(known, "precision_at_budget")
            most = _column(known, "precision_at_budget_ceiling")
            chance = _column(known, "base_rate")
        axes.plot(at, most, "-", color=COLOURS[2], linewidth=1, label="a perfect score")
        axes.plot(at, got, "o-", color=COLOURS[0], markersize=4, label="precision")
        axes.plot(at, chance, "--", color=GREY, label="a random score")
        axes.set_ylim(0, 1.05)
        _dated(axes)
        _legend(axes)
    return svg()


def trusted(ranking: Ranking) -> str:
    """What became of probabilities, on scales where one in a thousand is as far as one in ten."""
    with _drawn(_HALF) as (figure, svg):
        axes = figure.subplots()
        claims = [it for it in reliability(ranking) if 0 < it.predicted < 1 and 0 < it.observed < 1]
        axes.set_xscale("logit")
        axes.set_yscale("logit")
        ends = [end for it in claims for end in (it.predicted, it.low, it.high) if 0 < end < 1]
        low, high = (min(ends) / 2, 1 - (1 - max(ends)) / 2) if ends else (0.01, 0.99)
        axes.plot([low, high], [low, high], "--", color=GREY, label="as claimed")
        axes.errorbar(
            [it.predicted for it in claims],
            [it.observed for it in claims],
            [
                [it.observed - it.low for it in claims],
                [it.high - it.observed for it in claims],
            ],
            fmt="o", markersize=4, label="what came true",
        )  # fmt: skip
        for axis, scale in ((axes.xaxis, axes.set_xlim), (axes.yaxis, axes.set_ylim)):
            scale(low, high)
            axis.set_major_locator(mpl.ticker.FixedLocator(_TICKS))
            axis.set_minor_locator(mpl.ticker.NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
        axes.set_xlabel("predicted")
        axes.set_ylabel("observed")
        axes.grid()
        _legend(axes)
    return svg()


def ranked(ranking: Ranking) -> str:
    """Precision over recall."""
    with _drawn(_HALF) as (figure, svg):
        axes = figure.subplots()
        recall, precision = precision_recall(ranking)
        axes.plot(recall, precision, label="precision")
        total = ranking.positives + ranking.negatives
        axes.axhline(
            ranking.positives / max(total, 1), linestyle="--", color=GREY, label="a random score"
        )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.05)
        axes.set_xlabel("recall: share of the positives that is found")
        axes.grid()
        _legend(axes)
    return svg()


def drift(points: Sequence[Point], samples: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """How far scores and inputs are from those of the middle third, and what the model says.

    Args:
        points: the time.
        samples: moments, and what a model told of itself then.
    """
    with _drawn(_WIDE) as (figure, svg):
        axes = figure.subplots()
        seen = _seen(points)
        at = _middles(seen)
        most = [max(point.shifts.values(), default=math.nan) for point in seen]
        scores = [point.score_shift for point in seen]
        axes.plot(at, scores, "o-", markersize=3, label="scores")
        axes.plot(at, most, "o-", markersize=3, label="the input that moved most")
        axes.axhline(0.25, linestyle="--", color=GREY, label="much has changed")
        watched = [(when, it) for when, it in samples if "drift_evidence" in it]
        if watched:
            when = [datetime.fromisoformat(it) for it, _ in watched]
            evidence = [it["drift_evidence"] for _, it in watched]
            axes.plot(when, evidence, color=COLOURS[3], label="the model's own evidence, 1: alarm")
        # How far the first scores were from those of a model that had learned is no news.
        late = scores[len(scores) // 3 :] + most
        axes.set_ylim(0, 1.15 * max([0.5, *filter(math.isfinite, late)]))
        axes.set_ylabel("stability index")
        _dated(axes)
        _legend(axes)
    return svg()


def delays(judged: Sequence[Point], points: Sequence[Point]) -> str:
    """How late labels are, and of how many events one is known.

    Args:
        judged: the time whose labels have come.
        points: all of it.
    """
    with _drawn(_WIDE) as (figure, svg):
        late, known = figure.subplots(1, 2)
        seen, told = _seen(points), _seen(judged)
        for key, name in (("label_delay_p50_seconds", "median"), ("label_delay_seconds", "mean")):
            late.plot(
                _middles(told), np.array(_column(told, key)) / _DAY, "o-", markersize=3, label=name
            )
        late.set_ylim(0, 1.2 * max(late.get_ylim()[1], 1e-3))
        late.set_ylabel("days until the label")
        _dated(late)
        _legend(late)
        widths = [(point.end - point.begin) / _DAY for point in seen]
        begins = [_moment(point.begin) for point in seen]
        rates = [point.events / width for point, width in zip(seen, widths, strict=True)]
        labels = [point.labels / width for point, width in zip(seen, widths, strict=True)]
        for heights, colour, name in ((rates, GREY, "events"), (labels, COLOURS[0], "labelled")):
            known.bar(begins, heights, widths, align="edge", color=colour, alpha=0.6, label=name)
        known.set_ylabel("a day")
        _dated(known)
        _legend(known)
    return svg()


@contextmanager
def _drawn(size: tuple[float, float]) -> Iterator[tuple[Figure, Callable[[], str]]]:
    """A figure in our style, and what gives its SVG once it is drawn."""
    written = io.BytesIO()
    with mpl.rc_context(dict(STYLE)):
        figure = Figure(figsize=size, layout="constrained")
        yield figure, lambda: written.getvalue().decode()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})


def _seen(points: Sequence[Point]) -> list[Point]:
    """Those that a picture has room for: a few events of another century are left out."""
    total, before, kept = sum(point.events for point in points), 0, []
    for point in points:
        before += point.events
        after = total - before + point.events
        year = _moment(point.begin).year
        if before > _SEEN * total and after > _SEEN * total and _YEARS[0] < year < _YEARS[1]:
            kept.append(point)
    return kept


def _moment(seconds: float) -> datetime:
    """Within the years that a calendar has."""
    return datetime.fromtimestamp(min(max(seconds, -62_000_000_000), 253_000_000_000), UTC)


def _middles(points: Sequence[Point]) -> list[datetime]:
    return [_moment((point.begin + point.end) / 2) for point in points]


def _column(points: Sequence[Point], key: str) -> list[float]:
    return [point.figures.get(key, math.nan) for point in points]


def _dated(axes: Axes) -> None:
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.grid(axis="y")


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=4, borderaxespad=0.0)
