"""An audited prediction on 80 columns, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import TYPE_CHECKING

import msgspec
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from streams.errors import UNREADABLE
from streams.letterview import escaped, moment, shown

if TYPE_CHECKING:
    from models.contributions import Contribution, Explanation
    from streams.auditing import Audit
    from streams.predictions import Prediction

__all__ = ["as_json", "described"]

_WIDEST = 24


def described(audit: Audit) -> Iterator[RenderableType]:
    """The verdict, both predictions, the event, and what each feature added to the score."""
    yield _verdict(audit)
    yield _predictions(audit)
    yield Text(f"event {audit.found.event}, of {moment(audit.event.timestamp)} UTC", "bold")
    if audit.secrets:
        yield Text(f"not shown: it holds {', '.join(audit.secrets)}", "dim")
    else:
        yield Text(shown(audit.event.value))
    if audit.why.explanation is None:
        told = "what single features contribute is known of Logistic and Linear models only"
        yield Text(f"{told}; thalweg explain divides the score among the fields", "dim")
    else:
        yield from _explained(audit.why.explanation, audit)
    yield Text(_way(audit), "dim")
    for line in audit.elsewhere:
        yield Text(f"another machine made that image, the last bits may differ: {line}", "yellow")


def as_json(audit: Audit) -> bytes:
    """The same for programs."""
    found, explanation = audit.found, audit.why.explanation
    return msgspec.json.encode(
        {
            "event": str(found.event),
            "prediction": str(found.place),
            "equal": audit.same,
            "equal_score": audit.same_score,
            "same_version": audit.same_version,
            "apart": audit.apart,
            "published": _value(found.row.value),
            "recomputed": _value(audit.recomputed.value),
            "fields": audit.why.fields,
            "contributions": explanation
            and [{**one._asdict(), "amount": one.amount} for one in explanation.contributions],
            "intercept": explanation and explanation.bias,
            "sum": explanation and explanation.margin,
            "image": audit.image,
            "records": audit.records,
            "elsewhere": audit.elsewhere,
            "pipeline": audit.pipeline,
        }
    )


def _verdict(audit: Audit) -> Text:
    published = audit.published
    if audit.same:
        text = Text(
            "equal: the prediction computed again is the published one, to the byte", "green"
        )
    elif audit.same_score:
        text = Text(f"not equal: the scores are, to the bit; what differs is {audit.apart}", "red")
    else:
        text = Text(f"not equal: {audit.apart}", "red")
    if published is not None and not audit.same_version:
        other = f"\npublished by {published.model}; this pipeline is {audit.pipeline}: another one"
        text.append(other, "yellow")
    return text


def _predictions(audit: Audit) -> Table:
    table = Table("", "score", "decision", "labels learned", "version", box=None)
    for name, found in (("published", audit.published), ("recomputed", audit.expected)):
        cells = ("–",) * 4 if found is None else _cells(found)
        table.add_row(Text(name, "dim"), *map(Text, cells))
    return table


def _cells(found: Prediction) -> tuple[str, ...]:
    decision = "–" if found.decision is None else escaped(str(found.decision))
    if isinstance(found.decided_by, str):
        decision += f", by {escaped(found.decided_by)}"
    return repr(found.score), decision, f"{found.learned:,}", escaped(found.model)


def _explained(explanation: Explanation, audit: Audit) -> Iterator[RenderableType]:
    table = Table("feature", "value", box=None)
    for name in ("x", "bucket", "weight", "adds"):
        table.add_column(name, justify="right")
    ranked = sorted(explanation.contributions, key=lambda one: -abs(one.amount))
    for one in ranked:
        weight = "several" if isnan(one.weight) else f"{one.weight:.4f}"
        place = ("–", "–") if one.bucket < 0 else (f"{one.bucket}", weight)
        numbers = ("–" if isnan(one.x) else f"{one.x:.4g}", *place, f"{one.amount:+.4f}")
        table.add_row(*map(Text, (escaped(one.feature), _read(one, audit), *numbers)))
    table.add_row("intercept", "", "", "", "", f"{explanation.bias:+.4f}")
    kind = "log-odds" if audit.binary else "prediction"
    table.add_row(Text(kind, "bold"), "", "", "", "", Text(f"{explanation.margin:+.4f}", "bold"))
    yield table


def _read(one: Contribution, audit: Audit) -> str:
    """What the feature read: the category, or the number as it stood in the event."""
    if one.category:
        return _short(" × ".join("missing" if it is None else it for it in one.category))
    return _short(str(audit.why.fields.get(one.feature, "")))


def _short(text: str) -> str:
    text = escaped(text)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _way(audit: Audit) -> str:
    start = "the log's beginning" if audit.image is None else audit.image
    return f"{audit.records:,} records computed again, from {start}"


def _value(raw: bytes | None) -> object:
    try:
        found: object = msgspec.json.decode(raw or b"")
    except UNREADABLE:
        return (raw or b"").decode(errors="replace")
    return found
