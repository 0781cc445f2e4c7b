"""How far a consumer group has come, and how far it could be."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError

from streams.cluster import Security, admin

__all__ = ["Lag", "lag"]

_COORDINATOR_S = 15.0


@dataclass(frozen=True, slots=True)
class Lag:
    """One partition as a consumer group sees it.

    Attributes:
        topic: its topic.
        partition: its number.
        committed: the offset the group reads next; None where it has committed none.
        begin: the first offset that is still there.
        end: the offset the next record gets.
    """

    topic: str
    partition: int
    committed: int | None
    begin: int
    end: int

    @property
    def behind(self) -> int:
        """Offsets between what is committed, or the beginning, and the end.

        A transaction's marker takes an offset too, so on a transactional topic a group that has
        read everything can be behind by one.
        """
        return self.end - max(self.begin, self.committed or 0)


def lag(
    bootstrap: str, group: str, topics: Iterable[str], security: Security | None = None
) -> list[Lag]:
    """The lag of a group on every partition of the topics that exist, in order.

    Raises:
        ClusterError: there is no Kafka.
    """
    with admin(bootstrap, security) as client:
        names = list(dict.fromkeys(topics))
        partitions = [
            TopicPartition(found["name"], partition["partition_index"])
            for found in (client.describe_topics(names) if names else [])
            if not found["error_code"]
            for partition in found["partitions"]
        ]
        if not partitions:
            return []
        committed = _committed(client, group, partitions)
        begin = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
        end = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
    return [
        Lag(tp.topic, tp.partition, committed.get(tp), begin[tp].offset, end[tp].offset)
        for tp in sorted(partitions, key=lambda tp: (names.index(tp.topic), tp.partition))
    ]


def _committed(
    client: KafkaAdminClient, group: str, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """The committed offsets; a partition without one is left out."""
    deadline = time.monotonic() + _COORDINATOR_S
    while True:
        try:
            found = client.list_group_offsets({group: partitions})[group]
        except KafkaError as error:
            # The first question of all makes a cluster create its topic of offsets.
            if not error.retriable or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            # Kafka says -1 where nothing is committed.
            return {tp: place.offset for tp, place in found.items() if place.offset >= 0}
