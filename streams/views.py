"""Records as a person or a program reads them."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any, BinaryIO, NamedTuple

import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from models.bytecolumn import ByteColumn
from streams.errors import UNREADABLE
from streams.slices import Headers, Slice
from streams.times import utc

__all__ = ["JsonLinesView", "LiveView", "Row", "TextView", "View", "bar", "rows_of"]

_BAR_CELLS, _EIGHTHS = 10, " ▏▎▍▌▋▊▉█"
_VALUE_CHARACTERS, _REFRESHES, _FRAME_LINES = 100, 8, 6


class View(ABC):
    """Shows records, in the order they are given.

    Attributes:
        shown: how many so far.
    """

    shown = 0

    @abstractmethod
    def show(self, slices: Sequence[Slice]) -> None:
        """Show some more."""

    def close(self) -> None:  # noqa: B027  # most have nothing to end
        """Nothing follows any more."""


class JsonLinesView(View):
    """The values alone, byte for byte, one a line; a tombstone is ``null``."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def show(self, slices: Sequence[Slice]) -> None:
        """Write the values, and make sure that they arrive."""
        for some in slices:
            if len(some):
                self._out.write(_lines(ByteColumn.of(some.values)) + b"\n")
                self.shown += len(some)
        self._out.flush()


class TextView(View):
    """Plain lines with aligned columns, under a heading."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def show(self, slices: Sequence[Slice]) -> None:
        """Write a line for each record, and make sure that they arrive."""
        for some in slices:
            rows = list(rows_of(some))
            lines = [_aligned(row) for row in rows]
            if rows and not self.shown:
                lines.insert(0, _aligned(_heading(rows[0])))
            self._out.write("".join(lines).encode())
            self.shown += len(rows)
        self._out.flush()


class LiveView(View):
    """A table on the terminal: the newest records, as many as fit, and how fast they come."""

    def __init__(self, console: Console) -> None:
        self._begun = time.monotonic()
        self._rows: deque[Row] = deque(maxlen=max(1, console.height - _FRAME_LINES))
        self._live = Live(
            console=console,
            refresh_per_second=_REFRESHES,
            get_renderable=self._table,
            vertical_overflow="crop",
        )
        self._live.start()

    def show(self, slices: Sequence[Slice]) -> None:
        """Take the newest of them into the table."""
        most = self._rows.maxlen or 0
        for some in slices:
            self._rows += rows_of(some.since(some.offsets[-most]) if len(some) > most else some)
            self.shown += len(some)

    def close(self) -> None:
        """Leave the table as it is."""
        self._live.stop()

    def _table(self) -> Table:
        rate = self.shown / max(time.monotonic() - self._begun, 1e-9)
        table = Table(box=None, caption=f"{self.shown:,} records, {rate:,.0f} a second")
        rows = list(self._rows)  # drawn in a thread of rich's
        for name in _heading(rows[0])[:4] if rows else ():
            table.add_column(name, no_wrap=True)
        for row in rows:
            style = "bold" if row.alert else ""
            table.add_row(*(Text(cell, style) for cell in row[:4]))
        return table


class Row(NamedTuple):
    """A record in a table.

    Attributes:
        place: partition and offset.
        at: event time of a prediction, else the record's timestamp, UTC.
        name: id of a prediction, else the record's key.
        text: score and decision of a prediction, else the value.
        scored: whether it is a prediction.
        alert: whether it is one whose decision is True.
    """

    place: str
    at: str
    name: str
    text: str
    scored: bool = False
    alert: bool = False


class _Prediction(msgspec.Struct, gc=False):
    """What `streams.codec.Prediction` says about an event, of any pipeline."""

    id: str | None
    score: float | None
    decision: Any
    at: datetime


_decoder = msgspec.json.Decoder(_Prediction)


def rows_of(some: Slice) -> Iterator[Row]:
    """Records as text; what a terminal would take for a command is taken out."""
    columns = (some.offsets, some.keys, some.values, some.timestamps)
    for offset, key, value, timestamp, headers in zip(
        *columns, some.headers or repeat(()), strict=False
    ):
        yield _row(f"{some.partition}:{offset}", _printable(key or b""), value, timestamp, headers)


def _row(place: str, key: str, value: bytes | None, timestamp: int, headers: Headers) -> Row:
    try:
        found = _decoder.decode(value or b"")
    except UNREADABLE:
        reasons = [reason for name, reason in headers if name == "thalweg.reason"]
        shown = b"(no value)" if value is None else value[: 4 * _VALUE_CHARACTERS]
        at = "–" if (when := utc(timestamp)) is None else _time(when)
        return Row(place, at, key, _cut(_printable(b": ".join([*filter(None, reasons), shown]))))
    decision = "" if found.decision is None else _printable(str(found.decision).encode())
    name = key if found.id is None else _printable(found.id.encode())
    text = f"{bar(found.score)}  {decision}"
    return Row(place, _time(found.at), name, text, scored=True, alert=found.decision is True)


def bar(score: float | None) -> str:
    """A score and, if it is one of 0..1, a bar as long: ``█████      0.5000``."""
    if score is None:
        return f"{'':{_BAR_CELLS}} {'–':>6}"
    if not 0 <= score <= 1:
        return f"{'':{_BAR_CELLS}} {score:>6.6g}"
    full, rest = divmod(round(score * _BAR_CELLS * 8), 8)
    drawn = "█" * full + (_EIGHTHS[rest] if rest else "")
    return f"{drawn:{_BAR_CELLS}} {score:.4f}"


def _lines(values: ByteColumn) -> bytes:
    """The values with a line break between each two, and no other one."""
    lines = values.joined()
    if lines is None:
        return _lines(ByteColumn.of([b"null" if value is None else value for value in values]))
    if lines.count(b"\n") < len(values):
        return lines
    # JSON has no line break inside a string: what is one stands between two tokens.
    return b"\n".join(value.replace(b"\n", b" ") for value in values if value is not None)


def _heading(row: Row) -> Row:
    if row.scored:
        return Row("place", "at", "id", f"{'score':{_BAR_CELLS + 9}}decision")
    return Row("place", "at", "key", "value")


def _aligned(row: Row) -> str:
    return f"{row.place:<12} {row.at:<23}  {row.name:<20}  {row.text}".rstrip() + "\n"


def _time(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE_CHARACTERS else f"{text[: _VALUE_CHARACTERS - 1]}…"


def _printable(raw: bytes) -> str:
    text = raw.decode(errors="replace")
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "·" for character in text)
