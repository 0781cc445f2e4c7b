"""Which dead letters are meant, as a person says it: by reason, origin and time, or by place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from streams.declare import duration
from streams.errors import DeclarationError, TeachingError
from streams.letters import DeadLetter
from streams.times import milliseconds

__all__ = ["Choice", "DeadLetterError", "Place", "since"]


class DeadLetterError(TeachingError):
    """Dead letters that are asked for cannot be had."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant: those to which all that is given applies.

    Attributes:
        since: earliest timestamp, in milliseconds since 1970.
        reason: why they were turned away.
        topic: where they came from.
        partition: of that topic, and of the dead letters.
        limit: only the first so many of them.
    """

    since: int | None = None
    reason: str | None = None
    topic: str | None = None
    partition: int | None = None
    limit: int | None = None

    def fits(self, letter: DeadLetter) -> bool:
        """Whether a letter is meant, were there no limit."""
        return (
            (self.since is None or letter.raw.timestamp >= self.since)
            and self.reason in (None, letter.reason)
            and self.topic in (None, letter.topic)
            and self.partition in (None, letter.partition)
        )


def since(text: str, now: int) -> int:
    """Milliseconds since 1970 of a time, or of so long ago: ``7d``, ``12h``, ``30m``, ``90s``.

    Args:
        text: as one types it.
        now: in milliseconds.

    Raises:
        DeadLetterError: it is neither.
    """
    try:
        if text[-1:] in ("s", "m", "h", "d"):
            return now - int(duration(text, "--since") * 1000)
        return milliseconds(text)
    except (DeclarationError, ValueError, OverflowError) as error:
        raise DeadLetterError(
            f"--since {text}",
            "it is neither a time nor how long ago that was",
            "--since 2026-01-31T10:00:00Z, or --since 2h",
        ) from error


@dataclass(frozen=True, slots=True)
class Place:
    """What names one letter.

    Attributes:
        topic: where its record came from; None: the place is the letter's own.
        partition: the same of the record and of its letter.
        offset: of either.
    """

    topic: str | None
    partition: int
    offset: int

    @staticmethod
    def of(text: str) -> Place:
        """The place written as ``payments/3/1041``, or as ``3:17``.

        Raises:
            DeadLetterError: it is written otherwise.
        """
        found = re.fullmatch(r"(?:(.+)/(\d+)/(\d+))|(?:(\d+):(\d+))", text)
        if found is None:
            raise DeadLetterError(
                f"the place {text!r}",
                "a letter is named by where its record came from, or by where it stands itself",
                "payments/3/1041 (topic/partition/offset), or 3:17 (partition:offset)",
            )
        topic, *numbers = found.groups()
        partition, offset = (int(number) for number in numbers if number is not None)
        return Place(topic, partition, offset)

    def __str__(self) -> str:
        if self.topic is None:
            return f"{self.partition}:{self.offset}"
        return f"{self.topic}/{self.partition}/{self.offset}"

    def is_of(self, letter: DeadLetter) -> bool:
        """Whether it names this letter."""
        if self.topic is None:
            return (self.partition, self.offset) == (letter.raw.partition, letter.raw.offset)
        return (self.topic, self.partition, self.offset) == (
            letter.topic,
            letter.partition,
            letter.offset,
        )
