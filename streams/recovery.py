"""Reading again what was read before: records of several topics in the order of the journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from streams.journal import Script
from streams.slices import Slice

__all__ = ["Recovery"]


class Recovery:
    """Puts records that come topic by topic back into the order in which they were consumed.

    Args:
        script: the steps to be taken.
        begin: by topic, the offset from which its records will come.
        end: by topic, the offset at which the script ends.

    Attributes:
        left: how many offsets are still to be read.
    """

    def __init__(self, script: Script, begin: Mapping[str, int], end: Mapping[str, int]) -> None:
        self._script = script
        self._at = dict(begin)
        self._waiting: dict[str, deque[Slice]] = {topic: deque() for topic in begin}
        self.left = sum(end[topic] - at for topic, at in begin.items())

    @property
    def wanted(self) -> str | None:
        """The topic whose records are needed now; None once there is nothing left to be done."""
        step = self._script.step
        return None if step is None else step[0]

    def waiting(self, topic: str) -> int:
        """How many slices of a topic wait for their turn."""
        return len(self._waiting[topic])

    def offer(self, records: Slice) -> None:
        """Take in a slice, behind those of the same topic that came before."""
        self._waiting[records.topic].append(records)

    def ready(self) -> Iterator[Slice]:
        """What can be computed now, in order."""
        while (step := self._script.step) is not None:
            topic, upto = step
            waiting = self._waiting[topic]
            if not waiting:
                return
            records = waiting.popleft()
            if records.next > upto:
                waiting.appendleft(records.since(upto))
                records = records.before(upto)
            self.left -= records.next - self._at[topic]
            self._at[topic] = records.next
            if records.next == upto:
                self._script.done()
            yield records

    def rest(self) -> list[Slice]:
        """What came beyond the end of the script."""
        return [records for waiting in self._waiting.values() for records in waiting]
