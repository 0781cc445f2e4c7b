"""Where a pipeline runs: its group, its images, and what is left of its logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.checkpoint import Checkpoints
from streams.errors import TeachingError
from streams.image import ImageError
from streams.manifest import Manifest

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["ReplayError", "Site", "listed", "too_old"]


class ReplayError(TeachingError):
    """What was computed once cannot be computed again."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a pipeline runs.

    Attributes:
        pipeline: as it is declared now.
        group: whose offsets, journal and images are meant.
        client: connection options of aiokafka.
        store: of images; see `Checkpoints`.
        key: that images are signed with.
    """

    pipeline: Pipeline
    group: str
    client: Mapping[str, Any]
    store: str | None = None
    key: bytes | None = None

    def checkpoints(self, partition: int) -> Checkpoints:
        """The images of a partition.

        Raises:
            ReplayError: they hold pickles, and there is no key to tell who wrote them.
        """
        topic = self.pipeline.checkpoints_topic
        if self.pipeline.pickled and self.key is None:
            raise ReplayError(
                f"images of {self.pipeline.name} without the key they are signed with",
                "a River estimator is kept as a pickle, and whoever can write to "
                f"{self.store or topic} could have another loaded here",
                "--checkpoint-key-file FILE, the one of its workers; or replay --from-image none",
            )
        return Checkpoints(
            self.client, topic, partition, self.group, store=self.store, key=self.key
        )


async def too_old(site: Site, partition: int, gone: Iterable[str]) -> ReplayError:
    """The error to be raised where topics had records deleted; it tells which images there are."""
    try:
        kept = listed(await site.checkpoints(partition).manifests())
    except ImageError:
        kept = "no image that can be used"
    return ReplayError(
        f"partition {partition} of {site.pipeline.name} from so far back",
        f"{' and '.join(gone)} had records deleted that this needs, and there is {kept}",
        "an event, or --from, behind one of these images; for the future, retention.ms and "
        "checkpoints_kept as long as audits are to reach back",
    )


def listed(manifests: Iterable[Manifest]) -> str:
    """Images in words."""
    images = [
        f"image {it.number} at {', '.join(f'{topic} {at}' for topic, at in it.positions.items())}"
        for it in manifests
    ]
    return "; ".join(images) or "no image"
