"""What a feature says about an event, in plain words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from models.bags import Bag
from models.feature import Feature
from models.features import Clock, Cross
from models.labelrate import LabelRate
from models.spikes import Spikes
from models.window import Window

__all__ = ["number", "said"]

_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
_SPANS = ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
_OF_A_KEY = {
    "sum": "total {field} of this {by}{over} is {value}",
    "mean": "mean {field} of this {by}{over} is {value}",
    "std": "{field} of this {by}{over} varies by {value}",
    "min": "smallest {field} of this {by}{over} is {value}",
    "max": "largest {field} of this {by}{over} is {value}",
    "count": "{value} events of this {by}{over}",
    "distinct": "{value} different values of {field} for this {by}{over}",
    "ratio": "{field} is {value} × the mean of this {by}{over}",
    "since_last": "{value} since the last event of this {by}",
    "first_seen": "first event of this {by} was {value} before",
}
_WITHOUT = {
    "ratio": "no other {field} of this {by}{over} to compare with",
    "since_last": "no event of this {by} before",
}
_OF_LABELS = {
    "count": "{value} events of this {by}{over}, {delay} ago, are judged",
    "positives": "{value} of the events of this {by}{over}, {delay} ago, were positive",
    "rate": "share {value} of the events of this {by}{over}, {delay} ago, was positive",
    "since_positive": "last label of this {by} is positive, of an event {value} before",
    "streak": "labels of this {by} are positive without exception since {value} before",
}
_SECONDS = frozenset({"since_last", "first_seen", "since_positive", "streak"})


def said(feature: Feature, name: str, value: Any, usual: float | None = None) -> str:
    """A column in words.

    Args:
        feature: whose it is.
        name: of the column.
        value: the number; the category, or a tuple of several; the elements of a bag in a list;
            None where it is missing.
        usual: the mean of such numbers so far.

    >>> from models.features import Number
    >>> said(Number("amount", scale="standard"), "amount", 43.77, 61.2)
    'amount is 43.77, usually 61.2'
    """
    if isinstance(feature, Window):
        return _of_window(feature, name, value, usual)
    if isinstance(feature, LabelRate | Spikes):
        return _of_past(feature, name, value, usual)
    if value is None:
        return f"{name} is missing"
    if isinstance(feature, Bag):
        return f"{name} has {', '.join(map(_category, value)) or 'nothing'}"
    if isinstance(feature, Cross):
        parts = zip(feature.fields, value, strict=True)
        return ", ".join(f"{field} {_category(it)}" for field, it in parts)
    if isinstance(feature, Clock):
        return f"{name.rpartition('.')[2]} of {feature.field} is {value}"
    if isinstance(value, int | float):
        return f"{name} is {number(value)}{_usually(usual, number)}"
    return f"{name} is {_category(value)}"


def number(value: float) -> str:
    """Four digits of it; whole numbers as they are."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _of_window(window: Window, name: str, value: float | None, usual: float | None) -> str:
    stat, place = window.columns[name]
    words = {"field": window.field, "by": window.by, "over": _over(window.over[place])}
    if value is None:
        return _WITHOUT.get(stat, f"{name} is missing").format(**words)
    if stat == "first_seen" and value == 0.0:
        return f"first event of this {window.by}"
    spelled = _span if stat in _SECONDS else number
    return _OF_A_KEY[stat].format(value=spelled(value), **words) + _usually(usual, spelled)


def _of_past(
    feature: LabelRate | Spikes, name: str, value: float | None, usual: float | None
) -> str:
    *_, last = name.split(".")
    if value is None:
        streak = isinstance(feature, LabelRate) and last in _SECONDS
        return f"no positive label of this {feature.by} of late" if streak else f"{name} is missing"
    spelled: Callable[[float], str] = number
    if isinstance(feature, Spikes):
        template = "{value} times{over} {field} was more than {above} × the usual of this {by}"
        words = {"field": feature.field, "above": number(feature.above)}
    else:
        stat = last if last in _SECONDS else name.split(".")[-2]
        template, spelled = _OF_LABELS[stat], _span if stat in _SECONDS else number
        words = {"delay": _over(feature.delay).removeprefix(" over ")}
    said = template.format(value=spelled(value), over=_over(last), by=feature.by, **words)
    return said + _usually(usual, spelled)


def _usually(usual: float | None, spelled: Any) -> str:
    return "" if usual is None else f", usually {spelled(usual)}"


def _over(length: str) -> str:
    found = re.fullmatch(r"(\d+)([smhd])", length)
    if found is None:
        return f" over {length}"
    count, unit = int(found[1]), _UNITS[found[2]]
    return f" over {count} {unit}{'' if count == 1 else 's'}"


def _span(seconds: float) -> str:
    size, unit = next((it for it in _SPANS if abs(seconds) >= it[0]), _SPANS[-1])
    return f"{number(float(f'{seconds / size:.2g}'))} {unit}" if math.isfinite(seconds) else "?"


def _category(value: object) -> str:
    return "missing" if value is None else str(value)
