"""Topics in memory: what a test driver has instead of a broker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streams.partitioning import partitions_of
from streams.slices import Headers, Records, Slice

__all__ = ["Log", "Record"]


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands in a topic; `timestamp` in milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Headers = ()


class Log:
    """A topic with its partitions; offsets count from 0, without gaps.

    Attributes:
        records: of all partitions, in the order in which they were appended.
    """

    def __init__(self, name: str, partitions: int) -> None:
        self.name = name
        self.records: list[Record] = []
        self._partitions: list[list[Record]] = [[] for _ in range(partitions)]
        self._turn = 0

    def end(self, partition: int) -> int:
        """The offset that the partition's next record gets."""
        return len(self._partitions[partition])

    def route(self, keys: Sequence[bytes | None]) -> list[int]:
        """The partition for each key, as Kafka's own clients choose it; without one, in turns."""
        chosen = partitions_of(keys, len(self._partitions), self._turn)
        self._turn += keys.count(None)
        places: list[int] = chosen.tolist()
        return places

    def append(self, partition: int, records: Records) -> list[Record]:
        """Add records to a partition; they are returned as they stand there."""
        headers: Iterable[Headers] = records.headers or [()] * len(records)
        rows = zip(records.keys, records.values, records.timestamps, headers, strict=True)
        added = [
            Record(self.name, partition, offset, *row)
            for offset, row in enumerate(rows, self.end(partition))
        ]
        self._partitions[partition] += added
        self.records += added
        return added

    def read(self, partition: int, start: int, limit: int | None) -> Slice:
        """At most `limit` records of a partition from offset `start` on, all that are there if None."""
        stop = None if limit is None else start + limit
        found = self._partitions[partition][start:stop]
        headers = [record.headers for record in found]
        return Slice(
            self.name,
            partition,
            start,
            start + len(found),
            [record.offset for record in found],
            [record.key for record in found],
            [record.value for record in found],
            [record.timestamp for record in found],
            headers if any(headers) else None,
        )
