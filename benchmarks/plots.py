"""Pictures for the documentation, made of what the benchmarks have written: ``make bench-plots``.

Each is an SVG without a background whose greys and colours can be read on white and on black.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from streams.charts import COLOURS, STYLE

__all__ = ["PICTURES", "draw"]

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results"
PICTURES = ROOT / "docs/pictures"

_CURVES = {"slice": "events of a slice", "features": "features", "value": "bytes of a value"}


def stages(figure: Figure, rows: Sequence[Mapping[str, Any]]) -> None:
    """Where the microseconds of an event go: a bar for each pipeline, its stages stacked."""
    axes = figure.subplots()
    names = [row["pipeline"] for row in rows]
    begun = [0.0] * len(rows)
    for stage in dict.fromkeys(stage for row in rows for stage in row["stages_us"]):
        widths = [row["stages_us"].get(stage, 0.0) for row in rows]
        axes.barh(names, widths, left=begun, height=0.5, label=stage)
        begun = [left + width for left, width in zip(begun, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("µs of CPU an event, without Kafka")
    axes.grid(axis="x")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)


def costs(figure: Figure, measured: Mapping[str, Any]) -> None:
    """What an event costs against the size of slices, the number of features, and its bytes."""
    for axes, (axis, label) in zip(figure.subplots(1, len(_CURVES)), _CURVES.items(), strict=True):
        rows = [row for row in measured["rows"] if row["axis"] == axis]
        for kind in dict.fromkeys(_kind(row["at"]) for row in rows):
            chosen = [row for row in rows if _kind(row["at"]) == kind]
            points = [(_number(row["at"]), row["us_per_event"]) for row in chosen]
            axes.loglog(*zip(*points, strict=True), marker="o", markersize=4, label=kind)
        if axes.get_legend_handles_labels()[1]:
            axes.legend()
        axes.set_xlabel(label)
        axes.grid(which="major")
    figure.axes[0].set_ylabel("µs of CPU an event")


def latency(figure: Figure, rows: Sequence[Mapping[str, Any]]) -> None:
    """Milliseconds that the worker adds, against the rate of events."""
    axes = figure.subplots()
    timed = sorted((row for row in rows if "added_ms" in row), key=lambda row: row["rate"])
    rates = [row["rate"] for row in timed]
    for colour, read in zip(COLOURS, timed[0]["added_ms"], strict=False):
        for share, line in (("p50", "-"), ("p99", "--")):
            added = [row["added_ms"][read][share] for row in timed]
            label = f"{read}, {share}"
            axes.loglog(rates, added, line, color=colour, marker="o", markersize=4, label=label)
    axes.set_xlabel("events a second")
    axes.set_ylabel("ms added")
    axes.grid()
    axes.legend()


def memory(figure: Figure, measured: Mapping[str, Any]) -> None:
    """Resident memory of a worker over its first millions of events."""
    axes = figure.subplots()
    samples = measured["samples"]
    axes.plot([one["millions"] for one in samples], [one["rss_mib"] for one in samples], marker="o")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("million events")
    axes.set_ylabel("MiB resident")
    axes.grid()


def soak(figure: Figure, measured: Mapping[str, Any]) -> None:
    """What a worker takes, and how long it takes, over time at an even rate."""
    samples = measured["samples"]
    at = [one["at_s"] / 60 for one in samples]
    shown = {
        "MiB resident": ("rss_mib",),
        "ms of latency": ("p50_ms", "p99_ms"),
        "file descriptors": ("fds",),
        "series": ("series",),
    }
    for axes, (label, names) in zip(figure.subplots(2, 2).flat, shown.items(), strict=True):
        for name in names:
            axes.plot(at, [one[name] for one in samples], label=name.removesuffix("_ms"))
        if len(names) > 1:
            axes.set_yscale("log")
            axes.legend()
        else:
            axes.set_ylim(0, 1.2 * max(one[names[0]] for one in samples))
        axes.set_xlabel("minutes")
        axes.set_ylabel(label)
        axes.grid()


def mixing_scale(figure: Figure, measured: Mapping[str, Any]) -> None:
    """Accuracy and bytes against the number of learners, labels between looks, and delay."""
    rows = measured["rows"]
    (one,) = (row for row in rows if row["question"] == "one")
    asked = {
        "learners": ("learners", "learners"),
        "interval": ("look", "labels between looks"),
        "delay": ("delay", "events on the way"),
    }
    axes = figure.subplots(2, len(asked), sharex="col", sharey="row")
    for column, (question, (axis, label)) in zip(axes.T, asked.items(), strict=True):
        shown = {"mixed": [row for row in rows if row["question"] == question]}
        if question == "learners":
            shown["alone"] = [row for row in rows if row["question"] == "alone"]
        for place, (name, told) in enumerate(shown.items()):
            at = [row[axis] for row in told]
            for figure_name, line in (("auc", "-"), ("ap", "--")):
                values = [row[figure_name] for row in told]
                called = f"{figure_name.upper()}, {name}"
                column[0].plot(at, values, line, color=COLOURS[place], marker="o", markersize=3,
                               label=called)  # fmt: skip
        for figure_name, line in (("auc", "-"), ("ap", "--")):
            column[0].axhline(one[figure_name], color=COLOURS[2], linestyle=line, linewidth=1)
        mixed = shown["mixed"]
        column[1].plot([row[axis] for row in mixed], [row["bytes_percent"] for row in mixed],
                       color=COLOURS[0], marker="o", markersize=3)  # fmt: skip
        column[1].set_xscale("log")
        column[1].set_xlabel(label)
        for each in column:
            each.grid()
    axes[0, 0].set_ylabel("AUC, AP; lines: one learner")
    axes[1, 0].set_ylabel("deltas, % of the input")
    axes[1, 0].set_ylim(bottom=0)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _kind(at: str) -> str:
    """What a point is beside its number: ``nested``."""
    _, comma, kind = at.partition(", ")
    return kind if comma else ""


def _number(at: str) -> int:
    return int(re.match(r"[\d,]*\d", at)[0].replace(",", ""))


DRAWN: Mapping[str, tuple[Callable[[Figure, Any], None], tuple[float, float]]] = {
    "stages": (stages, (8.0, 3.2)),
    "costs": (costs, (9.0, 3.2)),
    "latency": (latency, (6.0, 3.4)),
    "memory": (memory, (6.0, 3.0)),
    "soak": (soak, (9.0, 5.0)),
    "mixing_scale": (mixing_scale, (10.0, 5.0)),
}

SOURCES = {"soak": "make soak", "mixing_scale": "python -m benchmarks.mixing_scale"}
"""What measures it, where that is not ``make bench-<name>``."""


def draw(name: str, measured: Any, path: Path) -> None:
    """Write one picture."""
    drawn, size = DRAWN[name]
    with mpl.rc_context(dict(STYLE)):
        figure = Figure(figsize=size, layout="constrained")
        drawn(figure, measured)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for name in DRAWN:
        source = RESULTS / f"{name}.json"
        if source.exists():
            draw(name, json.loads(source.read_text()), PICTURES / f"{name}.svg")
            print(f"written: {PICTURES / name}.svg")
        else:
            print(f"left out: {name}, which {SOURCES.get(name, f'make bench-{name}')} measures")
