"""How far a partition has come: in the state of its task, and in what its group has committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streams.image import Image, fitting
from streams.journal import Entry, JournalGapError, Recorder, Script
from streams.recovery import Recovery
from streams.task import PartitionTask

__all__ = ["Progress", "StateLostError"]


class StateLostError(Exception):
    """The group has read records whose effect on the state is nowhere to be had."""


class Progress:
    """Two positions in each topic: the task's own, and the committed one.

    What a group has committed was published with it, in one transaction. After a crash the task
    starts from an image older than that: up to the committed position it computes again, in the
    order that the journal tells, and publishes nothing; from there on it computes and publishes.

    Args:
        task: of the partition; has read nothing yet.
        group: whose offsets are committed.

    Attributes:
        committed: by topic, the offset the group reads next; a topic of which nothing is committed
            is left out. How far it has read deltas is known once the journal is: see `recovery`.
    """

    def __init__(self, task: PartitionTask, group: str) -> None:
        self._task = task
        self._group = group
        self.committed: dict[str, int] = {}
        self._has_image = False

    def resume(
        self,
        image: Image | None,
        committed: Mapping[str, int | None],
        starts: Mapping[str, int],
    ) -> None:
        """Take over the image of the partition's former owner.

        Args:
            image: the newest there is.
            committed: what the group has committed, by topic.
            starts: where to begin in a topic of which nothing is committed.

        Raises:
            StateLostError: offsets are committed, but there is no image.
            ImageError: the image is another pipeline's or another partition's.
        """
        self.committed = {topic: at for topic, at in committed.items() if at is not None}
        if image is not None:
            with fitting():
                self._task.restore(image)
            self._has_image = True
        elif self.committed:
            raise StateLostError(self._no_image())
        else:
            self._task.positions = dict(starts)

    @property
    def end(self) -> dict[str, int]:
        """By topic, the offset from which on records have not been consumed."""
        return {
            topic: max(at, self.committed.get(topic, at))
            for topic, at in self._task.positions.items()
        }

    def recovery(self, entries: Sequence[Entry], earliest: Mapping[str, int]) -> Recovery:
        """What is to be computed again before anything new.

        Args:
            entries: of the journal since the image.
            earliest: by topic, the first offset that can still be read.

        Raises:
            StateLostError: the logs or the journal lack what is needed.
        """
        if entries:
            if not self._has_image:
                raise StateLostError(self._no_image())
            self._catch_up(entries[-1].end)
        begin, end = dict(self._task.positions), self.end
        gone = {topic: at for topic, at in begin.items() if at < earliest.get(topic, 0)}
        if gone:
            raise StateLostError(self._truncated(gone, earliest))
        try:
            return Recovery(Script(entries, begin, end), begin, end)
        except JournalGapError as error:
            raise StateLostError(self._no_journal(error)) from error

    def recorder(self) -> Recorder:
        """A recorder of what is consumed from now on."""
        return Recorder(self.end)

    def uncommitted(self, reached: Mapping[str, int]) -> dict[str, int]:
        """By topic, the position that was reached, where the committed one is behind it."""
        return {
            topic: position
            for topic, position in reached.items()
            if position > self.committed.get(topic, -1)
        }

    def _catch_up(self, told: Mapping[str, int]) -> None:
        """Believe the journal, where it tells of more than the group's offsets.

        Each transaction commits both. But offsets can be gone: they expire, and a broker that was
        killed may answer as if it had never had any.
        """
        for topic, at in told.items():
            self.committed[topic] = max(at, self.committed.get(topic, -1))

    def _no_image(self) -> str:
        task = self._task
        return (
            f"group {self._group!r} has read partition {task.partition} up to "
            f"{dict(self.committed)}, but {task.pipeline.checkpoints_topic}-{task.partition} holds "
            "no image of what it learned there.\n"
            f"  Restore that topic, or {_ANEW}"
        )

    def _truncated(self, gone: Mapping[str, int], earliest: Mapping[str, int]) -> str:
        number = self._task.partition
        place = self._task.pipeline.partition_of
        lost = ", ".join(
            f"{topic}-{place(topic, number)} begins at {earliest[topic]}, {at} is needed"
            for topic, at in gone.items()
        )
        return (
            f"records were deleted before they were learned, or before an image held what was "
            f"learned from them: {lost}.\n"
            "  Restore the topic from a copy and start again, or\n"
            f"  {_WITHOUT}, or\n"
            f"  {_ANEW}\n"
            "  For the future: retention.ms well above the longest stop of the workers."
        )

    def _no_journal(self, error: Exception) -> str:
        topic = f"{self._task.pipeline.journal_topic}-{self._task.partition}"
        return (
            f"{topic} does not tell in which order events and labels were learned since the "
            f"image: {error}.\n"
            "  Restore the topic from a copy and start again, or\n"
            f"  {_WITHOUT}, or\n"
            f"  {_ANEW}"
        )


_ANEW = "begin anew under another group: thalweg worker … --group NAME"
_WITHOUT = (
    "go on from an image without what came after it: thalweg checkpoints rollback PIPELINE --to N"
)
