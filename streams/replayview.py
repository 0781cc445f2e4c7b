"""What a replay came to, as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from streams import figures
from streams.letterview import escaped

if TYPE_CHECKING:
    from streams.comparing import Comparison
    from streams.replaying import Summary

__all__ = ["as_json", "described"]


def described(summary: Summary, seconds: float) -> Iterator[RenderableType]:
    """The end of a replay: what it read, how well it predicted, and what is not equal."""
    rate = (summary.events + summary.warmed) / max(seconds, 1e-9)
    before = f", behind {summary.warmed:,} to get there" if summary.warmed else ""
    yield f"{summary.events:,} events{before} in {seconds:.1f} s: {rate:,.0f} a second"
    table = Table(box=None, show_header=False)
    rows = [("labels learned", f"{summary.learned:,}")]
    if summary.dead_letters:
        rows.append(("turned away", f"{summary.dead_letters:,}; the first: {summary.turned_away}"))
    if summary.images:
        images = (f"{number} of partition {at}" for at, number in summary.images.items())
        rows.append(("from image", ", ".join(images)))
    for name, text in rows:
        table.add_row(Text(name, "dim"), text)
    yield table
    if summary.learned:
        yield figures.table(summary.quality.summary())
    if segments := summary.quality.segments():
        yield figures.apart(segments)
    if summary.comparisons:
        yield from _compared(summary)


def as_json(summary: Summary, seconds: float) -> bytes:
    """The same for programs."""
    return msgspec.json.encode(
        {
            "events": summary.events,
            "warmed": summary.warmed,
            "learned": summary.learned,
            "dead_letters": summary.dead_letters,
            "turned_away": summary.turned_away,
            "seconds": seconds,
            "images": summary.images,
            "quality": summary.quality.summary(),
            "segments": [
                {"field": field, "value": value, "quality": quality}
                for (field, value), quality in summary.quality.segments().items()
            ],
            "equal": summary.equal if summary.comparisons else None,
            "comparisons": summary.comparisons,
        }
    )


def _compared(summary: Summary) -> Iterator[RenderableType]:
    def total(name: str) -> int:
        return sum(getattr(one, name) for one in summary.comparisons)

    compared = f"{total('compared'):,} compared with what was published"
    if summary.equal and not summary.events:
        yield Text("nothing to compare: the range holds no event", "yellow")
        return
    if summary.equal:
        yield Text(f"equal to the byte: {compared}", "green")
        return
    counts = {
        f"{total('differing'):,} differ": total("differing"),
        f"{total('missing'):,} were not published": total("missing"),
        f"{total('unexpected'):,} were published besides": total("unexpected"),
    }
    words = ", ".join(text for text, count in counts.items() if count)
    yield Text(f"not equal: {compared}, {words}", "red")
    yield from map(_first, summary.comparisons)


def _first(comparison: Comparison) -> Table:
    """The first differences of a partition."""
    table = Table(box=None, show_header=False)
    for one in comparison.first:
        table.add_row(Text(f"{one.partition}/{one.offset}", "bold"), Text(one.apart))
        table.add_row(Text("published", "dim"), Text(escaped(one.published or "–")))
        table.add_row(Text("recomputed", "dim"), Text(escaped(one.recomputed or "–")))
    return table
