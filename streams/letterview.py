"""A dead letter in words, printed so that nothing in it can command a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from streams.schema import fields_of

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["escaped", "expected", "moment", "shown"]

_SHOWN, _LINE = 4_096, 16


def expected(pipeline: Pipeline, topic: str) -> str:
    """The fields that a record of the topic is to have, one a line."""
    labels = pipeline.label_topic
    schema = None
    if topic == pipeline.events.name:
        schema = pipeline.events.schema
    elif labels is not None and topic == labels.topic:
        schema = labels.schema
    if schema is None:
        return "–"
    return "\n".join(
        f"{field.wire}: {field.spelled}" + ("" if field.default is None else f" = {field.default}")
        for field in fields_of(schema).values()
    )


def shown(raw: bytes | None) -> str:
    """Bytes as text in which nothing is a command to a terminal, or as a hex dump.

    Of many, the first ones, and how many more there are.
    """
    if raw is None:
        return "(none)"
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        lines = range(0, min(len(raw), _SHOWN), _LINE)
        return "\n".join(_dumped(raw, at) for at in lines) + _more(len(raw))
    return escaped(text[:_SHOWN]) + _more(len(text))


def _more(length: int) -> str:
    left = length - _SHOWN
    return f"\n… {left:,} more: thalweg dead-letters export has all" if left > 0 else ""


def _dumped(raw: bytes, at: int) -> str:
    """A line of a hex dump: ``00000000  7b 22 ff  {"·``."""
    line = raw[at : at + _LINE]
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in line)
    return f"{at:08x}  {line.hex(' '):<{3 * _LINE}} {text}"


def escaped(text: str) -> str:
    """The text with what is not printable, such as escape sequences, written out: ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def moment(milliseconds: int) -> str:
    """A timestamp, UTC; as a number where it has no date."""
    try:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds:,} ms"
    return at.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
