"""The pictures of a report, each with the words that say how to read it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from streams import charts
from streams.facts import Facts
from streams.markup import Markup, date, element, picture, section, table

__all__ = ["pictures"]

_INPUTS = 12


def pictures(facts: Facts) -> Iterator[Markup]:
    """All that there is something to see in."""
    ranking = facts.ranking
    if facts.judged:
        yield _quality(facts)
    if facts.days or (facts.judged and ranking is not None):
        yield _alerted(facts)
    if ranking is not None and ranking.positives:
        yield _ranked(facts)
    if len(facts.points) > 1:
        yield _drift(facts)
        if facts.judged:
            yield _labels(facts)


def _quality(facts: Facts) -> Markup:
    positives = "" if facts.ranking is None else ", ten of them positive"
    words = f"By when events happened. A point has a hundred labels at least{positives}."
    begin, end = facts.judged[-1].begin, facts.judged[-1].end
    if begin < facts.points[-1].begin:
        words += (
            f" Nothing after {date(end)} is shown: labels of it are still to come, and those that "
            "come early are others than those that come late."
        )
    return _pictured(
        f"Over time: {facts.main.name}", charts.quality(facts.judged, facts.main), words
    )


def _alerted(facts: Facts) -> Markup:
    measure = facts.pipeline.measure
    if facts.days and measure is not None:
        words = (
            f"Of the {measure.per_day:,} highest a day the share that is positive, and what a "
            "perfect score would have got: there are only so many. As that has found some before, "
            "a day can be above it."
        )
    else:
        words = (
            "Of the 0.5 % of the events with the highest scores the share that is positive, and "
            "what a perfect score would have got: there are only so many."
        )
    drawn = charts.days(facts.days, facts.judged)
    return _pictured("Over time: precision of what is alerted", drawn, words)


def _ranked(facts: Facts) -> Markup:
    assert facts.ranking is not None
    words = (
        "Of those with the highest scores the share that is positive, by the share of the "
        "positives that is found so. Newest third of the labels."
    )
    drawn = [picture(charts.ranked(facts.ranking), "precision over recall")]
    if facts.pipeline.kind == "binary":
        words = (
            "Left: whether what is predicted in one of ten cases comes true in one of ten, with "
            f"95 % intervals. Right: {words[0].lower()}{words[1:]}"
        )
        drawn.insert(0, picture(charts.trusted(facts.ranking), "observed over predicted"))
    title = "Calibration and ranking" if len(drawn) > 1 else "Ranking"
    return section(title, element("p", words), element("div", *drawn, class_="pair"))


def _drift(facts: Facts) -> Markup:
    samples = next(iter(facts.notes.samples.values()), [])
    return _pictured(
        "Over time: drift",
        charts.drift(facts.points, samples),
        "How much scores and inputs are spread otherwise than in the middle third of the events: "
        "population stability index, less what chance makes of it.",
        _moved(facts),
    )


def _moved(facts: Facts) -> Markup | None:
    first, last = facts.points[0], facts.history.latest() or facts.points[-1]
    by = {name: -1.0 if math.isnan(index) else index for name, index in last.shifts.items()}
    if not by:
        return None
    rows = [
        (name, f"{by[name]:.3f}", f"{first.missing[name]:.1%}", f"{last.missing[name]:.1%}")
        for name in sorted(by, key=by.__getitem__, reverse=True)[:_INPUTS]
    ]
    head = ("input", "index, newest tenth", "missing at first", "missing in the newest tenth")
    words = element("summary", "Inputs, by how far they moved")
    return element("details", words, table(head, rows))


def _labels(facts: Facts) -> Markup:
    return _pictured(
        "Over time: labels",
        charts.delays(facts.judged, facts.points),
        "How late they come, by when the event happened, and how many events have one.",
    )


def _pictured(title: str, svg: str, words: str, more: Markup | None = None) -> Markup:
    return section(title, element("p", words), picture(svg, title), more)
