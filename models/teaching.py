"""Errors that teach: what was given, why it cannot work, what to write instead."""

from __future__ import annotations

__all__ = ["Teaching"]


class Teaching(Exception):  # noqa: N818  # what errors are, and none by itself
    """A mistake of the user's, told in three parts.

    Attributes:
        given: what was given, as a statement.
        why: why it cannot work.
        write: what to write instead.
    """

    def __init__(self, given: str, why: str, write: str) -> None:
        super().__init__(given, why, write)
        self.given, self.why, self.write = given, why, write

    def __str__(self) -> str:
        return f"{self.given}\n  why:   {self.why}\n  write: {self.write}"
