"""Lengths of time as people write them: "90s", "30m", "12h", "7d"."""

from __future__ import annotations

import re

__all__ = ["seconds"]

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds(text: object) -> int | None:
    """How many seconds; None where the text is no positive whole number and one of s, m, h, d.

    >>> seconds("7d")
    604800
    """
    found = re.fullmatch(r"(\d{1,9})([smhd])", text) if isinstance(text, str) else None
    return (int(found[1]) * _UNITS[found[2]] or None) if found else None
