"""All images of a pipeline for one group, partition by partition: what the commands work on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from streams.checkpoint import Checkpoints
from streams.errors import TeachingError
from streams.manifest import Manifest
from streams.security import client_options
from streams.signing import key_of
from streams.topics import topic_named

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["GroupImages", "NoImageError"]


class NoImageError(TeachingError):
    """There is no such image, or no such partition."""


class GroupImages:
    """The images of a pipeline's tasks as one consumer group made them.

    Args:
        pipeline: of the tasks.
        settings: of a worker of the group.
        partition: the only one to look at; None: all.
        trusting: read images whoever signed them.

    Attributes:
        group: its name.
        client: connection options of aiokafka.
        signed: whether there is a key that all images have to be signed with.

    Raises:
        ClusterError: there is no Kafka.
        TopicError: there is no topic of checkpoints.
        NoImageError: there is no such partition.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        settings: Settings,
        partition: int | None = None,
        *,
        trusting: bool = False,
    ) -> None:
        self.group = settings.group or pipeline.name
        self.client: dict[str, Any] = client_options(settings)
        topic = pipeline.checkpoints_topic
        count = topic_named(settings.brokers, topic, self.client).partitions
        if partition is not None and partition >= count:
            raise NoImageError(
                f"--partition {partition}",
                f"{topic} has {count} partitions, counted from 0",
                f"--partition {count - 1}",
            )
        key = key_of(settings)
        self.signed = key is not None
        self._of = {
            number: Checkpoints(
                self.client,
                topic,
                number,
                self.group,
                kept=settings.checkpoints_kept,
                store=settings.checkpoint_store,
                key=key,
                trusting=trusting,
            )
            for number in (range(count) if partition is None else [partition])
        }

    def __getitem__(self, partition: int) -> Checkpoints:
        return self._of[partition]

    def __len__(self) -> int:
        return len(self._of)

    @cached_property
    def manifests(self) -> dict[int, list[Manifest]]:
        """By partition, of the images that are kept, the newest first."""

        async def read() -> Sequence[list[Manifest]]:
            return await asyncio.gather(*(it.manifests() for it in self._of.values()))

        return dict(zip(self._of, asyncio.run(read()), strict=True))

    @property
    def refused(self) -> list[str]:
        """Of images that cannot be used, why."""
        return [
            f"partition {number}: {reason}"
            for number, checkpoints in self._of.items()
            for reason in checkpoints.refused
        ]
