"""How far a partition has come: in the state of its task, and in what its group has committed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from streams.image import Image
from streams.slices import Slice
from streams.task import PartitionTask

__all__ = ["Progress", "StateLostError"]


_PIECE_RECORDS = 4_096
"""What is computed in a few milliseconds, and is large enough to be cheap."""


class StateLostError(Exception):
    """The group has read records whose effect on the state is nowhere to be had."""


class Progress:
    """Two positions in each topic: the task's own, and the committed one.

    What a group has committed was published with it, in one transaction. After a crash the task
    starts from an image older than that: up to the committed position it computes again and
    publishes nothing, from there on it computes and publishes.

    Args:
        task: of the partition; has read nothing yet.

    Attributes:
        committed: by topic, the offset the group reads next; a topic of which nothing is committed
            is left out.
    """

    def __init__(self, task: PartitionTask) -> None:
        self._task = task
        self.committed: dict[str, int] = {}

    def resume(
        self,
        image: Image | None,
        committed: Mapping[str, int | None],
        starts: Mapping[str, int],
        group: str,
    ) -> None:
        """Put the task where the partition's former owner left it.

        Args:
            image: the newest there is.
            committed: what the group has committed, by topic.
            starts: where to begin in a topic of which nothing is committed.
            group: its name, for the message.

        Raises:
            StateLostError: offsets are committed, but there is no image.
            ImageError: the image is another pipeline's or another partition's.
        """
        self.committed = {topic: at for topic, at in committed.items() if at is not None}
        if image is not None:
            self._task.restore(image)
        elif self.committed:
            raise StateLostError(_no_image(self._task, self.committed, group))
        else:
            self._task.positions = dict(starts)

    def pieces(self, records: Slice, size: int = _PIECE_RECORDS) -> Iterator[tuple[Slice, bool]]:
        """A slice in pieces of at most `size`, and for each whether to publish its output."""
        published = self.committed.get(records.topic, 0)
        for part, publish in ((records.before(published), False), (records.since(published), True)):
            for piece in part.pieces(size):
                if piece.next > piece.start:
                    yield piece, publish

    def uncommitted(self, reached: Mapping[str, int]) -> dict[str, int]:
        """By topic, the position that was reached, where the committed one is behind it."""
        return {
            topic: position
            for topic, position in reached.items()
            if position > self.committed.get(topic, -1)
        }


def _no_image(task: PartitionTask, committed: Mapping[str, int], group: str) -> str:
    return (
        f"group {group!r} has read partition {task.partition} up to {dict(committed)}, but "
        f"{task.pipeline.checkpoints_topic}-{task.partition} holds no image of what it learned "
        "there.\n"
        f"  Restore that topic, or begin anew under another group: thalweg worker … --group NAME"
    )
