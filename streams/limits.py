"""A limit on bad records: a few are set aside, too many mean that something is wrong upstream."""

from __future__ import annotations

__all__ = ["DeadLetterLimit", "TooManyDeadLettersError"]

_RECENT = 10_000
_ENOUGH = 1_000


class TooManyDeadLettersError(Exception):
    """More of the recent records were bad than the worker is to put up with."""


class DeadLetterLimit:
    """Counts records and dead letters, with more weight on recent ones.

    Args:
        share: of the recent records that may be bad; judged once a thousand were seen.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._seen = 0
        self._bad = 0

    def count(self, seen: int, bad: int, where: str) -> None:
        """Take account of a slice.

        Args:
            seen: its records.
            bad: how many of them were turned away.
            where: the topic and partition, for the message.

        Raises:
            TooManyDeadLettersError: the limit is passed.
        """
        self._seen += seen
        self._bad += bad
        if self._seen >= _ENOUGH and self._bad > self._share * self._seen:
            raise TooManyDeadLettersError(
                f"{self._bad:,} of the last {self._seen:,} records of {where} were bad, more than "
                f"the limit of {self._share:.0%}.\n"
                "  why:   most likely the schema of the topic and of the pipeline differ\n"
                "  write: thalweg dead-letters list PIPELINE, which tells why; or "
                "--dead-letter-limit 1, to go on"
            )
        if self._seen > _RECENT:
            self._seen //= 2
            self._bad //= 2
