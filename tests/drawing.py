"""Draws what a dashboard shows, from its JSON and what Prometheus answered, as a picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from prometheus_server import Samples

__all__ = ["draw"]

_COLORS = {"green": "#3a9d5d", "yellow": "#e0a526", "red": "#cf3f3a"}
_INCHES, _COLUMNS = 0.75, 24


def draw(board: dict[str, Any], answers: dict[int, list[Samples]], path: Path) -> None:
    """Write a picture of a dashboard.

    Args:
        board: as Grafana reads it.
        answers: for each panel, by its id, those to its queries.
        path: of the picture.
    """
    panels = board["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) + 1
    figure = plt.figure(figsize=(_COLUMNS * _INCHES, height * _INCHES * 0.62), facecolor="#f4f4f6")
    figure.suptitle(board["title"], x=0.01, y=1 - 0.25 / height, ha="left", va="top", weight="bold")
    for panel in panels:
        place = panel["gridPos"]
        low = 1 - (place["y"] + 1 + place["h"]) / height
        if panel["type"] == "row":
            figure.text(0.01, low + 0.2 / height, panel["title"], weight="bold", color="#444")
            continue
        margin_x, margin_y = 1.1 / _COLUMNS, 1.3 / height
        number = panel["type"] == "stat"
        box = (
            place["x"] / _COLUMNS + (0.15 / _COLUMNS if number else margin_x),
            low + (0.15 / height if number else margin_y),
            place["w"] / _COLUMNS - (0.3 / _COLUMNS if number else 1.3 * margin_x),
            place["h"] / height - (0.3 / height if number else 1.9 * margin_y),
        )
        axes = figure.add_axes(box)
        (_number if number else _lines)(axes, panel, answers[panel["id"]])
    figure.savefig(path, dpi=60)
    plt.close(figure)


def _number(axes: Axes, panel: dict[str, Any], answers: list[Samples]) -> None:
    last = [samples[-1][1] for answer in answers for samples in answer.values()]
    value = last[0] if last else None
    defaults = panel["fieldConfig"]["defaults"]
    color = "#888888"
    for step in defaults["thresholds"]["steps"] if value is not None else ():
        if step["value"] is None or value >= step["value"]:
            color = _COLORS[step["color"]]
    axes.set_facecolor(color)
    axes.set_xticks([])
    axes.set_yticks([])
    shown = "nothing yet" if value is None else _written(value, defaults["unit"])
    axes.text(0.5, 0.40, shown, ha="center", va="center", fontsize=22, color="white", weight="bold")
    axes.text(0.03, 0.95, panel["title"], ha="left", va="top", color="white", fontsize=10)


def _lines(axes: Axes, panel: dict[str, Any], answers: list[Samples]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    stacking = defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal"
    begin = min((s[0][0] for answer in answers for s in answer.values()), default=0.0)
    stack: dict[float, float] = {}
    for target, answer in zip(panel["targets"], answers, strict=True):
        for labels, samples in answer.items():
            named = re.sub(
                r"{{(\w+)}}", lambda it, of=dict(labels): of.get(it[1], ""), target["legendFormat"]
            )
            times = [at - begin for at, _ in samples]
            if stacking:
                below = [stack.get(at, 0.0) for at, _ in samples]
                stack |= {at: stack.get(at, 0.0) + v for at, v in samples}
                axes.fill_between(
                    times, below, [stack[at] for at, _ in samples], alpha=0.5, label=named
                )
            else:
                axes.plot(times, [v for _, v in samples], label=named, linewidth=1.3)
    steps = defaults.get("thresholds", {}).get("steps", ()) if not stacking else ()
    top = axes.get_ylim()[1]
    for step in steps:
        if step["value"] is not None and step["value"] <= 3 * top:
            axes.axhline(step["value"], color=_COLORS[step["color"]], linestyle="--", linewidth=1)
    axes.set_title(panel["title"], loc="left", fontsize=10)
    if min(axes.get_ylim()) > 0 or stacking:
        axes.set_ylim(bottom=0)
    unit = defaults["unit"]
    axes.yaxis.set_major_formatter(lambda value, _: _written(value, unit))
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    handles, names = axes.get_legend_handles_labels()
    axes.legend(
        handles[:8], names[:8], fontsize=6, ncols=4 if len(names) > 2 else 2, frameon=False,
        loc="upper left", bbox_to_anchor=(-0.05, -0.08), columnspacing=1,
    )  # fmt: skip


def _written(value: float, unit: str) -> str:
    """A value much as Grafana would write it."""
    match unit:
        case "percentunit":
            return f"{100 * value:.3g}%"
        case "s" if 0 < abs(value) < 1:
            return f"{1000 * value:.3g} ms"
        case "s":
            return f"{value:,.3g} s" if abs(value) < 100 else f"{value / 60:,.0f} min"
        case "bytes":
            return f"{value / 2**20:.3g} MiB"
    thousands = abs(value) >= 1_000
    return f"{value / 1_000:,.3g} K" if thousands else f"{value:.3g}"
