"""What a dashboard shows: rows of panels, each with its queries, unit and legend.

Queries name metrics by the catalogue's own objects, so none can name what no worker exports. The
text behind a panel is the catalogue's too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from streams.catalogue import METRICS, Metric

__all__ = ["Board", "Kind", "Panel", "Query", "Row", "Unit", "named", "quantile", "rate", "value"]

Kind: TypeAlias = Literal["lines", "stacked", "number"]
Unit: TypeAlias = Literal["s", "bytes", "cps", "percentunit", "short"]
"""As Grafana spells them: seconds, bytes, so many a second, shares of 1, plain numbers."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query in PromQL and what its series are called.

    Attributes:
        expression: with Grafana's variables, such as ``$pipeline``.
        legend: with labels in double braces.
    """

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: of at most six words.
        unit: of all its queries.
        queries: one or more.
        kind: lines, lines on top of each other, or one coloured number.
        low: below here a number is red.
        modest: below here it is yellow.
        warn: from here it is yellow.
        alarm: from here it is red, and on lines a mark is drawn.
        about: said before the catalogue's words, where the queries compute something.
    """

    title: str
    unit: Unit
    queries: tuple[Query, ...]
    kind: Kind = "lines"
    low: float | None = None
    modest: float | None = None
    warn: float | None = None
    alarm: float | None = None
    about: str = ""

    @property
    def metrics(self) -> list[Metric]:
        """The catalogue's metrics that it shows."""
        asked = set().union(*(named(query.expression) for query in self.queries))
        return [metric for metric in METRICS if metric.name in asked]

    @property
    def description(self) -> str:
        """What its values say, and what to do."""
        told = (f"{metric.meaning} *To do:* {metric.action}" for metric in self.metrics)
        return "\n\n".join(filter(None, (self.about, *told)))


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard.

    Attributes:
        name: of its file, and in its address.
        title: as people read it.
        about: what question it answers.
        rows: from top to bottom.
        variables: beside ``pipeline``: the labels it can be narrowed to.
    """

    name: str
    title: str
    about: str
    rows: tuple[Row, ...]
    variables: tuple[str, ...] = field(default=())

    @property
    def panels(self) -> Iterator[Panel]:
        """All of them, in order."""
        for row in self.rows:
            yield from row.panels


def named(expression: str) -> set[str]:
    """The metrics of ours that a query names, those of no catalogue included.

    >>> named('rate(thalweg_slice_seconds_sum[1m]) / up')
    {'thalweg_slice_seconds'}
    """
    histograms = {metric.name for metric in METRICS if metric.type == "histogram"}
    found = set()
    for name in re.findall(r"\bthalweg_\w+", expression):
        stem = re.sub(r"_(bucket|sum|count)$", "", name)
        found.add(stem if stem in histograms else name)
    return found


def value(metric: Metric, /, how: str = "", over: str = "", part: str = "", **labels: str) -> str:
    """The series of a metric that the board's variables choose.

    Args:
        metric: of the catalogue.
        how: an aggregation, such as ``max by (partition)``.
        over: a function and its range, such as ``rate 1m``.
        part: of a histogram, such as ``_sum``.
        labels: patterns they have to match.
    """
    chosen = {"pipeline": "$pipeline", **labels}
    matchers = ", ".join(f'{label}=~"{pattern}"' for label, pattern in chosen.items())
    series = f"{metric.name}{part}{{{matchers}}}"
    if over:
        function, _, span = over.partition(" ")
        series = f"{function}({series}[{span}])"
    return f"{how} ({series})" if how else series


def rate(metric: Metric, /, by: str = "", part: str = "", **labels: str) -> str:
    """What a counter gains a second, summed, by some labels or altogether."""
    how = f"sum by ({by})" if by else "sum"
    return value(metric, how, "rate $__rate_interval", part, **labels)


def quantile(share: float, metric: Metric, /, by: str = "", **labels: str) -> str:
    """A quantile of a histogram over the last minutes."""
    buckets = rate(metric, f"le, {by}" if by else "le", "_bucket", **labels)
    return f"histogram_quantile({share:g}, {buckets})"
