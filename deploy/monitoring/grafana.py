"""Dashboards as Grafana reads them, built with Grafana's own types."""

from __future__ import annotations

import json
from itertools import count
from typing import TypeAlias

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as choices
from grafana_foundation_sdk.models import dashboard as kinds

from deploy.monitoring.panels import Board, Panel

__all__ = ["SOURCE", "rendered"]

SOURCE = "thalweg-prometheus"
"""Uid of the data source that `deploy/grafana/provisioning` declares."""

_WIDTH = 24
_SOURCE = kinds.DataSourceRef(type_val="prometheus", uid=SOURCE)
_Drawn: TypeAlias = stat.Panel | timeseries.Panel


def rendered(board: Board) -> str:
    """A dashboard as JSON."""
    built = (
        dashboard.Dashboard(board.title)
        .uid(f"thalweg-{board.name}")
        .description(board.about)
        .tags(["thalweg"])
        .link(
            dashboard.DashboardLink("Thalweg")
            .type(kinds.DashboardLinkType.DASHBOARDS)
            .tags(["thalweg"])
            .include_vars(True)
            .keep_time(True)
        )
        .readonly()
        .refresh("10s")
        .time("now-30m", "now")
        .timezone("browser")
        .tooltip(kinds.DashboardCursorSync.CROSSHAIR)
    )
    for label in ("pipeline", *board.variables):
        built.with_variable(_variable(label))
    ids = count(1)
    for row in board.rows:
        built.with_row(dashboard.Row(row.title).id(next(ids)))
        for place, panel in enumerate(row.panels):
            width = _span(place, len(row.panels), panel.kind == "number")
            built.with_panel(_panel(panel, width).id(next(ids)))
    return json.dumps(built.build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _variable(label: str) -> dashboard.QueryVariable:
    chosen = "" if label == "pipeline" else '{pipeline=~"$pipeline"}'
    variable = (
        dashboard.QueryVariable(label)
        .label(label.capitalize())
        .datasource(_SOURCE)
        .query(f"label_values(thalweg_events_total{chosen}, {label})")
        .refresh(kinds.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(kinds.VariableSort.NUMERICAL_ASC)
    )
    return variable.include_all(True) if label == "pipeline" else variable


def _span(place: int, panels: int, small: bool) -> int:
    """The width of a panel: rows are filled to the last column, five to a line at most."""
    most = 5 if small else 4 if panels % 4 == 0 else 3
    lines = -(-panels // most)
    a_line = -(-panels // lines)
    first = place // a_line * a_line
    there = min(a_line, panels - first)
    # What does not divide goes to the first panels of the line.
    return _WIDTH // there + (place - first < _WIDTH % there)


def _panel(panel: Panel, width: int) -> _Drawn:
    number = panel.kind == "number"
    drawn: _Drawn = _number(panel).height(4) if number else _lines(panel).height(8)
    drawn.title(panel.title).description(panel.description).unit(panel.unit)
    drawn.span(width).datasource(_SOURCE).no_value("nothing yet")
    for place, query in enumerate(panel.queries):
        drawn.with_target(
            prometheus.Dataquery()
            .expr(query.expression)
            .legend_format(query.legend)
            .ref_id(chr(ord("A") + place))
            .datasource(_SOURCE)
            .range()
        )
    return drawn


def _number(panel: Panel) -> stat.Panel:
    return (
        stat.Panel()
        .thresholds(_thresholds(panel))
        .color_mode(choices.BigValueColorMode.BACKGROUND)
        .graph_mode(choices.BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _lines(panel: Panel) -> timeseries.Panel:
    drawn = timeseries.Panel().legend(
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(choices.LegendDisplayMode.LIST)
        .placement(choices.LegendPlacement.BOTTOM)
    )
    if panel.kind == "stacked":
        drawn.stacking(common.StackingConfig().mode(choices.StackingMode.NORMAL)).fill_opacity(30)
    if panel.alarm is not None:
        drawn.thresholds(_thresholds(panel)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(choices.GraphThresholdsStyleMode.LINE)
        )
    return drawn


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    """Green between what is too low and what is too high, yellow on the way to either."""
    bounds = [
        (bound, color)
        for bound, color in (
            (panel.low, "yellow" if panel.modest is not None else "green"),
            (panel.modest, "green"),
            (panel.warn, "yellow"),
            (panel.alarm, "red"),
        )
        if bound is not None
    ]
    lowest = "red" if panel.low is not None else "yellow" if panel.modest is not None else "green"
    steps = [
        kinds.Threshold(value=bound, color=color) for bound, color in [(None, lowest), *bounds]
    ]
    return dashboard.ThresholdsConfig().mode(kinds.ThresholdsMode.ABSOLUTE).steps(steps)
