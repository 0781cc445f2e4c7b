"""How well a worker predicts, as a table and as a curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

__all__ = ["chart", "curve", "figure", "figures", "milliseconds"]

_FROM, _TO, _MARGIN = 0.4, 1.0, 24
_BLOCKS = " ▁▂▃▄▅▆▇█"


def chart(values: Sequence[float], width: int, height: int) -> list[str]:
    """Numbers from 0.4 to 1 as columns of a chart: `height` lines of at most `width` characters."""
    if not values:
        return [""] * height
    columns = np.array_split(np.asarray(values), min(width, len(values)))
    share = (np.array([column.mean() for column in columns]) - _FROM) / (_TO - _FROM)
    eighths = np.clip(np.rint(share * 8 * height), 1, 8 * height).astype(int)
    return [
        "".join(_BLOCKS[level] for level in np.clip(eighths - 8 * floor, 0, 8).tolist())
        for floor in reversed(range(height))
    ]


def figures(quality: Mapping[str, float]) -> Table:
    """How well it predicts: over all labels, over the last ones, and by chance."""
    recent = int(quality.get("window_labels", 0))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column("all labels", justify="right", no_wrap=True)
    table.add_column(f"last {recent:,}", justify="right", style="bold", min_width=11, no_wrap=True)
    table.add_column("by chance", justify="right", style="dim", no_wrap=True)
    rows = (
        ("ROC AUC", "auc", 0.5),
        ("average precision", "average_precision", quality.get("base_rate", math.nan)),
        ("precision, top 0.5 %", "precision_at_budget", quality.get("base_rate", math.nan)),
        ("log loss", "log_loss", quality.get("prior_log_loss", math.nan)),
    )
    for name, key, chance in rows:
        overall, lately = (quality.get(prefix + key, math.nan) for prefix in ("", "window_"))
        table.add_row(name, *map(figure, (overall, lately, chance)))
    return table


def curve(auc: Sequence[float], width: int, height: int) -> Table:
    """The chart with its name and its scale, and the newest value at its end."""
    table = Table.grid(padding=(0, 1))
    blank = [""] * (height - 2)
    columns = (
        ("AUC of the", "last labels", *blank),
        (f"{_TO}", *blank, f"{_FROM}"),
        chart(auc, width - _MARGIN, height),
        ("", *blank, f"{auc[-1]:.3f}" if auc else ""),
    )
    for name, scale, drawn, newest in zip(*columns, strict=True):
        table.add_row(
            Text(name, "dim"), Text(scale, "dim"), Text(drawn, "cyan"), Text(newest, "bold")
        )
    return table


def figure(value: float) -> str:
    """A figure with four decimals; a dash where it is not defined."""
    return "–" if math.isnan(value) else f"{value:.4f}"


def milliseconds(seconds: float) -> str:
    """A time as text; a dash where there is none."""
    return "–" if math.isnan(seconds) else f"{seconds * 1000:,.0f} ms"
