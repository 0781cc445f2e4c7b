"""The journal: in which order a partition's records were consumed, a record for each transaction.

Events and labels are two logs, and what is learned depends on how they were interleaved. That
order is nowhere but here: with it a state can be computed again, to the bit.
And a broker that has lost a group's offsets has not lost how far it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from streams.errors import UNREADABLE

__all__ = ["Entry", "JournalGapError", "Recorder", "Script"]


class JournalGapError(Exception):
    """The journal does not say how records that were consumed followed each other."""


class Entry(msgspec.Struct, frozen=True):
    """What one transaction consumed.

    Attributes:
        begin: by topic, the offset at which it began.
        steps: topics in turn, and the offset up to which each was read then.
    """

    begin: dict[str, int]
    steps: list[tuple[str, int]]

    @property
    def end(self) -> dict[str, int]:
        """By topic, the offset up to which it was read."""
        return self.begin | dict(self.steps)

    def encode(self) -> bytes:
        """As JSON, the value of its record."""
        return msgspec.json.encode(self)

    @staticmethod
    def decode(value: bytes) -> Entry:
        """From the value of its record.

        Raises:
            JournalGapError: it is none.
        """
        try:
            entry = _decoder.decode(value)
        except UNREADABLE as error:
            raise JournalGapError(f"a record of the journal is no entry: {error}") from error
        if not entry.steps or not dict(entry.steps).keys() <= entry.begin.keys():
            raise JournalGapError("a record of the journal is no entry: it leads from nowhere")
        return entry


_decoder = msgspec.json.Decoder(Entry)


class Recorder:
    """Gathers the steps of a transaction.

    Args:
        begin: by topic, the offset up to which the journal has been written.
    """

    def __init__(self, begin: Mapping[str, int]) -> None:
        self._begin = dict(begin)
        self._steps: list[tuple[str, int]] = []

    def note(self, topic: str, upto: int) -> None:
        """Records of a topic were consumed up to an offset."""
        if self._steps and self._steps[-1][0] == topic:
            self._steps.pop()
        self._steps.append((topic, upto))

    def entry(self, reached: Mapping[str, int]) -> Entry | None:
        """What was consumed since the last entry, up to the offsets `reached`; None if nothing was.

        Where offsets without a record were passed over, they end the entry.
        """
        noted = self._begin | dict(self._steps)
        for topic, upto in reached.items():
            if upto > noted[topic]:
                self.note(topic, upto)
        if not self._steps:
            return None
        entry = Entry(self._begin, self._steps)
        self._begin, self._steps = entry.end, []
        return entry


class Script:
    """The steps from one point of the log to another, to be taken once more.

    Args:
        entries: of the journal, in order; those that end before `begin` may be among them.
        begin: by topic, the offset to start from.
        end: by topic, the offset to arrive at.

    Raises:
        JournalGapError: the entries do not lead from the one to the other.
    """

    def __init__(
        self, entries: Iterable[Entry], begin: Mapping[str, int], end: Mapping[str, int]
    ) -> None:
        self._steps: list[tuple[str, int]] = []
        at = dict(begin)
        for entry in entries:
            if other := entry.end.keys() - at.keys():
                raise JournalGapError(f"the journal tells of {', '.join(sorted(other))}")
            if any(start > at[topic] for topic, start in entry.begin.items()):
                break
            for topic, upto in entry.steps:
                if at[topic] < min(upto, end[topic]):
                    at[topic] = min(upto, end[topic])
                    self._steps.append((topic, at[topic]))
        if any(at[topic] < upto for topic, upto in end.items()):
            raise JournalGapError(f"the journal leads from {dict(begin)} to {at}, not {dict(end)}")
        self._steps.reverse()

    @property
    def step(self) -> tuple[str, int] | None:
        """The topic to be read now, and up to which offset; None once all is done."""
        return self._steps[-1] if self._steps else None

    def done(self) -> None:
        """That step is taken."""
        self._steps.pop()
