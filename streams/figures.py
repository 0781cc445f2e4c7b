"""Figures of quality as people read them: with an interval, lately, and what to hold them against.

Accuracy is not among them where one outcome is rare: who never finds a fraud is right ninety-nine
times of a hundred.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from streams.letterview import escaped

__all__ = ["apart", "known", "lines", "of_segments", "table"]


class _Row(NamedTuple):
    """A figure, how it is called and written, and others that stand beside it, in words."""

    key: str
    name: str
    beside: Mapping[str, str] = {}
    written: str = "{:.4f}"


_CHANCE = {"base_rate": "{} by chance"}
_ROWS = (
    _Row("auc", "ROC AUC"),
    _Row(
        "average_precision", "average precision",
        {**_CHANCE, "no_change_average_precision": "{} by the label before"},
    ),
    _Row(
        "precision_at_budget", "precision at budget", {"precision_at_budget_ceiling": "{} at most"}
    ),
    _Row("recall_at_budget", "recall at budget", {"recall_at_budget_ceiling": "{} at most"}),
    _Row(
        "card_precision", "card precision a day",
        {"card_precision_ceiling": "{} at most", "card_precision_base_rate": "{} by chance"},
    ),
    _Row("precision", "precision", _CHANCE),
    _Row("recall", "recall"),
    _Row("false_alerts_per_caught", "false alerts for one caught", {}, "{:,.1f}"),
    _Row("f1", "F1"),
    _Row("money_caught", "money caught", {"money_recall": "{} of all"}, "{:,.0f}"),
    _Row("money_missed", "money missed", {}, "{:,.0f}"),
    _Row("money_stopped_for_nothing", "money stopped for nothing", {}, "{:,.0f}"),
    _Row("log_loss", "log loss", {"prior_log_loss": "{} by the base rate alone"}),
    _Row("brier", "Brier score"),
    _Row("calibration", "predicted over observed", {}, "{:.3f}"),
    _Row("balanced_accuracy", "balanced accuracy"),
    _Row("mae", "mean absolute error", {"no_change_mae": "{} by the label before"}),
    _Row("rmse", "root mean squared error", {"mean_rmse": "{} by the mean"}),
    _Row("r2", "R²"),
    _Row("base_rate", "base rate"),
    _Row("estimated_average_precision", "expected average precision"),
    _Row("estimated_precision", "expected precision"),
    _Row("estimated_recall", "expected recall"),
)  # fmt: skip
_ACCURACY = _Row(
    "accuracy", "accuracy",
    {"majority_accuracy": "{} by the likeliest", "no_change_accuracy": "{} by the one before"},
)  # fmt: skip
_RARE = 0.1
_OF_SEGMENTS = (
    "labels", "base_rate", "auc", "average_precision", "precision", "recall", "accuracy", "mae",
    "mean_rmse",
)  # fmt: skip
_DAY = 86_400.0


def table(quality: Mapping[str, float]) -> Table:
    """How well a model predicts; what is not defined is left out.

    Args:
        quality: the figures of `models.quality.Quality.summary`.
    """
    shown = Table(box=None, header_style="dim")
    shown.add_column("")
    shown.add_column(f"{quality.get('labels', 0):,.0f} labels", justify="right")
    shown.add_column("95 %", style="dim")
    shown.add_column(f"last {quality.get('window_labels', 0):,.0f}", justify="right")
    shown.add_column("beside", style="dim")
    for name, *cells in lines(quality):
        shown.add_row(Text(name, "dim"), *cells)
    return shown


def lines(quality: Mapping[str, float]) -> list[tuple[str, str, str, str, str]]:
    """The same as text: name, figure, interval, figure of the last labels, what stands beside."""
    found = []
    rare = not _RARE < quality.get("base_rate", 0.5) < 1 - _RARE
    for row in _ROWS if rare else (_ACCURACY, *_ROWS):
        if known(quality, row.key):
            ends = [quality.get(f"{row.key}_{end}", math.nan) for end in ("low", "high")]
            interval = (
                "" if any(map(math.isnan, ends)) else " – ".join(map(row.written.format, ends))
            )
            lately = quality.get(f"window_{row.key}", math.nan)
            beside = ", ".join(
                words.format(f"{quality[key]:.4f}")
                for key, words in row.beside.items()
                if known(quality, key)
            )
            now = "" if math.isnan(lately) else row.written.format(lately)
            found.append((row.name, row.written.format(quality[row.key]), interval, now, beside))
    if known(quality, "label_delay_seconds"):
        median = quality["label_delay_p50_seconds"] / _DAY
        days = f"{quality['label_delay_seconds'] / _DAY:,.1f} days"
        found.append(("labels come after", days, "", "", f"median {median:,.1f}"))
    return found


def apart(segments: Mapping[tuple[str, str], Mapping[str, float]]) -> Table:
    """The figures of each value of the fields that are told apart."""
    kept = of_segments(segments)
    shown = Table(box=None, header_style="dim")
    shown.add_column("")
    for key in kept:
        shown.add_column(key.replace("_", " "), justify="right")
    for (field, value), figures in segments.items():
        written = ("{:,.0f}" if key == "labels" else "{:.4f}" for key in kept)
        cells = (
            text.format(figures[key]) if known(figures, key) else "–"
            for key, text in zip(kept, written, strict=True)
        )
        shown.add_row(Text(escaped(f"{field} {value}"), "dim"), *cells)
    return shown


def of_segments(segments: Mapping[tuple[str, str], Mapping[str, float]]) -> list[str]:
    """The figures that say most of what is told apart, where they are known."""
    kept = [key for key in _OF_SEGMENTS if any(known(it, key) for it in segments.values())]
    if "base_rate" in kept and "accuracy" in kept:
        kept.remove("accuracy")  # of yes and no
    return kept


def known(figures: Mapping[str, float], key: str) -> bool:
    """Whether a figure is there and defined."""
    return not math.isnan(figures.get(key, math.nan))
