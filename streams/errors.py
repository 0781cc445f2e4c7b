"""Errors that teach: what was given, why it cannot work, what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import msgspec

from models.teaching import Teaching

__all__ = [
    "UNREADABLE",
    "DeclarationError",
    "SettingsError",
    "TeachingError",
    "nearest",
    "one_of",
]

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON or msgpack ends in where somebody wrote something else, or nested it deeply."""


class TeachingError(Teaching, ValueError):
    """A mistake of the user's, told in three parts.

    Attributes:
        where: the place it was given, such as ``"fraud.py, line 12"``, once that is known.
    """

    where: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {super().__str__()}" if self.where else super().__str__()


class DeclarationError(TeachingError):
    """A pipeline is declared in a way that cannot work."""


class SettingsError(TeachingError):
    """A setting of the worker has a name or a value that it cannot have."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`; None where none is like it."""
    names = list(known)
    folded = {other.lower().replace("-", "_"): other for other in names}
    found = get_close_matches(name.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def one_of(names: Iterable[str]) -> str:
    """Names as an English choice: ``a``, ``a or b``, ``a, b or c``."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
