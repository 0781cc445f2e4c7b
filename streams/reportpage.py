"""A report as one HTML page that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from streams import figures
from streams.diagnosis import Finding
from streams.facts import Facts
from streams.markup import Child, Markup, date, element, page, section, table
from streams.readings import quantile
from streams.reportpictures import pictures
from streams.reportstyle import STYLE
from streams.symptoms import symptoms

__all__ = ["written"]

_MARKS = {"wrong": "✗", "doubtful": "?", "good": "✓"}
_COLUMNS, _PERCENT = 15, 100
_DAY = 86_400
_TILES = (
    ("auc", "ROC AUC", "{:.3f}", "0.5 by a random score"),
    ("r2", "R²", "{:.3f}", "0 by the mean"),
    ("card_precision", "card precision a day", "{:.3f}", "{card_precision_ceiling:.3f} at most"),
    (
        "precision_at_budget", "precision at budget", "{:.3f}",
        "{precision_at_budget_ceiling:.3f} at most",
    ),
    ("calibration", "predicted over observed", "{:.2f}", "1 is right"),
    ("base_rate", "base rate", "{:.2%}", "of the labels are positive"),
    ("label_delay_p50_seconds", "labels come after", "{:.1f} days", "median"),
    (
        "estimated_average_precision", "expected average precision", "{:.3f}",
        "of events without a label yet",
    ),
)  # fmt: skip
"""Key, name, how it is written, and what stands beside it."""


def written(facts: Facts) -> str:
    """The page."""
    return page(
        f"{facts.pipeline.name}: report",
        STYLE,
        element(
            "main",
            _head(facts),
            _said(symptoms(facts)),
            _tiles(facts),
            *pictures(facts),
            *_tables(facts),
            _foot(facts),
        ),
    )


def _head(facts: Facts) -> Markup:
    summary, points = facts.summary, facts.points
    span = f"{date(points[0].begin)} to {date(points[-1].end)}" if points else "no time"
    told = f"{facts.about}: {summary.events:,} events of {span}, {summary.learned:,} labels"
    return element(
        "header",
        element("h1", facts.pipeline.name),
        element("p", told),
        element("p", f"{facts.pipeline.model_version}, reported {facts.made_at}", class_="dim"),
    )


def _said(found: Sequence[Finding]) -> Markup:
    """What is wrong right now."""
    items = [
        element(
            "li",
            element("span", _MARKS[it.severity], class_="mark"),
            element("span", it.found, class_="found"),
            element("span", it.mend, class_="mend") if it.mend and it.severity != "good" else None,
            class_=it.severity,
        )
        for it in found
    ]
    words = "What is wrong with the model right now"
    return section(words, element("ul", *items, class_="findings"))


def _tiles(facts: Facts) -> Markup | None:
    """The figures that say most, large."""
    tiles = [
        element(
            "div",
            element("div", name, class_="name"),
            element("div", value, class_="value"),
            element("div", beside, class_="dim"),
            class_="tile",
        )
        for name, value, beside in (*_main(facts), *_told(facts), *_live(facts))
    ]
    words = "Right now: on the newest third of the labels"
    return section(words, element("div", *tiles, class_="tiles")) if tiles else None


def _main(facts: Facts) -> Iterator[tuple[str, str, str]]:
    now, main = facts.now, facts.main
    if figures.known(now, main.key):
        floors = (
            f"{now[key]:.3g} by {it}" for key, it in main.floors.items() if figures.known(now, key)
        )
        yield main.name, f"{now[main.key]:.3f}", "; ".join(floors)


def _told(facts: Facts) -> Iterator[tuple[str, str, str]]:
    told = {**facts.quality, **facts.now}
    by_card = figures.known(told, "card_precision")
    for key, name, text, beside in _TILES:
        if figures.known(told, key) and not (by_card and key == "precision_at_budget"):
            scale = _DAY if key.endswith("_seconds") else 1.0
            yield name, text.format(told[key] / scale), beside.format_map(told)


def _live(facts: Facts) -> Iterator[tuple[str, str, str]]:
    live = facts.live
    if live is None:
        return
    yield "group", live.state, f"{live.members} members, {len(live.partitions)} partitions"
    yield "lag", f"{live.behind:,}", "records not committed yet"
    if live.meter.last is not None:
        middle, late = (quantile(live.meter.last.latency, share) for share in (0.5, 0.99))
        if not math.isnan(late):
            beside = f"p50 {1000 * middle:,.0f} ms, since the workers began"
            yield "latency p99", f"{1000 * late:,.0f} ms", beside


def _tables(facts: Facts) -> Iterator[Markup]:
    if facts.segments:
        yield section("Segments", _segments(facts))
    drivers = facts.pipeline.drivers
    if drivers is not None and drivers.events:
        yield section(
            "What drives the scores",
            element("p", "What each column of the features adds to the log-odds, or to the number "
                    "predicted: its size in the mean over all events, and what it adds to those "
                    "that are decided yes."),
            _drivers(facts),
        )  # fmt: skip
    elif drivers is None:
        yield section(
            "What drives the scores",
            element("p", "This model has no weights to read. thalweg explain takes its single "
                    "answers apart."),
        )  # fmt: skip
    if classes := facts.summary.quality.classes():
        rows = [
            ("all others" if it.name is None else str(it.name), f"{it.labels:,}",
             f"{it.correct / it.decided:.3f}" if it.decided else "–")
            for it in classes
        ]  # fmt: skip
        yield section("Classes", table(("class", "labels", "recall"), rows))
    if facts.labelled:
        head = ("", "all", "95 %", f"last {facts.quality.get('window_labels', 0):,.0f}", "beside")
        yield section("All figures", table(head, figures.lines(facts.quality)))
    counted: list[tuple[str, str]] = []
    for name, counts in (
        ("turned away", facts.notes.turned_away),
        ("labels", facts.notes.outcomes),
        ("decided", facts.notes.decided),
    ):
        counted += [(f"{name}: {it}", f"{count:,}") for it, count in counts.most_common()]
    counted += [(f"model: {name}", f"{value:,.6g}") for name, value in facts.model.items()]
    yield section("Counts", table(("", ""), counted))


def _segments(facts: Facts) -> Markup:
    kept = figures.of_segments(facts.segments)
    rows = []
    for (field, value), figure in facts.segments.items():
        cells: list[Child] = [field, value]
        for key in kept:
            number = figure.get(key, math.nan)
            cells.append(_cell(key, number))
        rows.append(cells)
    return table(("field", "value", *(key.replace("_", " ") for key in kept)), rows)


def _cell(key: str, number: float) -> Child:
    if math.isnan(number):
        return "–"
    if key == "labels":
        return f"{number:,.0f}"
    return _bar(number, f"{number:.3f}") if key in ("auc", "average_precision") else f"{number:.4f}"


def _drivers(facts: Facts) -> Markup:
    drivers = facts.pipeline.drivers
    assert drivers is not None
    size = drivers.size / max(drivers.events, 1)
    alerting = drivers.alerting / max(drivers.alerted, 1)
    most = float(size.max(initial=0.0)) or 1.0
    order = sorted(range(len(size)), key=lambda place: -size[place])[:_COLUMNS]
    rows = [
        (
            drivers.names[place],
            _bar(float(size[place]) / most, f"{size[place]:.3f}"),
            f"{alerting[place]:+.3f}" if drivers.alerted else "–",
        )
        for place in order
    ]
    return table(("column", "size, all events", "adds, decided yes"), rows)


def _foot(facts: Facts) -> Markup:
    images = facts.summary.images
    begun = ", ".join(f"image {number} of partition {at}" for at, number in images.items())
    return element(
        "footer",
        element("p", f"Begun from {begun}." if begun else None),
        element("p", "Every score was computed again from the records, as it was when they came."),
    )


def _bar(share: float, text: str) -> Markup:
    width = f"width:{_PERCENT * min(max(share, 0.0), 1.0):.1f}%"
    return element("div", element("div", style=width, class_="fill"), element("span", text),
                   class_="bar")  # fmt: skip
