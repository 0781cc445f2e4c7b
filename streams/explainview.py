"""A prediction explained, on 80 columns for people, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from models.wording import number
from streams.letterview import escaped

if TYPE_CHECKING:
    from models.reasons import Reason
    from streams.explaining import Explained

__all__ = ["as_json", "described"]

_WIDEST = 22


def described(explained: Explained) -> Iterator[RenderableType]:
    """The answer, the fields, the reasons in words, and how far both can be trusted."""
    prediction, why = explained.prediction, explained.why
    decision = "" if prediction.decision is None else f", decided {prediction.decision}"
    yield Text(f"event {explained.event}: score {prediction.score!r}{escaped(decision)}", "bold")
    if explained.same is False:
        yield Text("that is not what was published: see thalweg audit", "red")
    if why.by_field is None:
        yield Text("this model has no answer once a field is left out: nothing to divide", "yellow")
    else:
        yield _fields(explained)
    if why.reasons:
        yield _reasons(why.reasons)
    for line in _caveats(explained):
        yield Text(line, "dim")


def as_json(explained: Explained) -> bytes:
    """The same for programs, in full precision."""
    why, prediction = explained.why, explained.prediction
    return msgspec.json.encode(
        {
            "event": explained.event,
            "prediction": prediction,
            "same": explained.same,
            "fields": why.fields,
            "by_field": why.by_field,
            "base": why.base,
            "unit": _unit(explained),
            "error": why.attribution and why.attribution.error,
            "reasons": [one._asdict() for one in why.reasons],
            "crowded": why.crowded,
            "image": explained.image,
            "records": explained.records,
            "pipeline": prediction.model,
        }
    )


def _fields(explained: Explained) -> Table:
    why = explained.why
    table = Table("field", "value", box=None)
    table.add_column("adds", justify="right")
    for name, amount in (why.by_field or {}).items():
        value = _short(_value(why.fields.get(name)))
        table.add_row(*map(Text, (escaped(name), value, f"{amount:+.4f}")))
    base = "without any field" if why.attribution else "intercept"
    total = why.base + sum((why.by_field or {}).values())
    table.add_row(base, "", f"{why.base:+.4f}")
    table.add_row(Text(_unit(explained), "bold"), "", Text(f"{total:+.4f}", "bold"))
    return table


def _reasons(reasons: tuple[Reason, ...]) -> Table:
    table = Table("code", box=None)
    table.add_column("adds", justify="right")
    table.add_column("usual", justify="right")
    table.add_column("in words")
    for one in reasons:
        usual = "–" if one.usual is None else number(one.usual)
        words = escaped(one.words)
        if one.shares:
            words += f" [its weight is also that of {escaped(', '.join(one.shares))}]"
        table.add_row(*map(Text, (one.code, f"{one.amount:+.4f}", usual, words)))
    return table


def _caveats(explained: Explained) -> Iterator[str]:
    why = explained.why
    if why.attribution is not None:
        how = (
            f"standard error {why.attribution.error:.2g}"
            if why.attribution.error
            else "exact: all ways to leave some out were tried"
        )
        times = f"{why.attribution.asked:,} times"
        yield f"Shapley values of leaving fields out, the model asked {times}"
        yield how
    if why.crowded is not None:
        yield f"{why.crowded:.2%} of the buckets hold a weight: the chance that one is shared"
    start = "the log's beginning" if explained.image is None else explained.image
    yield f"{explained.records:,} records computed again, from {start}"


def _unit(explained: Explained) -> str:
    if explained.why.attribution is not None:
        return "score"
    return "log-odds" if explained.binary else "prediction"


def _value(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "missing" if value is None else str(value)
    return number(value)


def _short(text: str) -> str:
    text = escaped(text)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
