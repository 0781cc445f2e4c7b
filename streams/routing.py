"""Which partition of which topic each record of a block goes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from streams.chunks import Columns
from streams.errors import TeachingError, one_of
from streams.partitioning import partitions_of

__all__ = ["Router"]


class Router:
    """Finds the lane of each record: one partition of one topic.

    Args:
        topic: the topic of all records, or the topic of each role.
        counts: the number of partitions of each topic.

    Attributes:
        lanes: topic and partition, for each lane number.
    """

    def __init__(self, topic: str | Mapping[str, str], counts: Mapping[str, int]) -> None:
        self.lanes = [(name, number) for name, count in counts.items() for number in range(count)]
        self._topic = topic
        self._counts = counts
        self._turn = 0

    def split(self, block: Columns) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """The lanes that the block has records for, each with its records' places, in order.

        Raises:
            TeachingError: a record has a role that no topic is given for.
        """
        lane = np.empty(len(block), np.int64)
        keys = ByteColumn.of([None] * len(block) if block.keys is None else block.keys)
        for name, places in self._by_topic(block):
            own = ByteColumn(keys.data, keys.starts[places], keys.lengths[places])
            partition = partitions_of(own, self._counts[name], self._turn)
            lane[places] = self.lanes.index((name, 0)) + partition
            self._turn += int(np.count_nonzero(own.lengths < 0))
        order = np.argsort(lane, kind="stable")
        edges = np.searchsorted(lane[order], np.arange(len(self.lanes) + 1)).tolist()
        for number, (start, stop) in enumerate(pairwise(edges)):
            if start < stop:
                yield number, order[start:stop]

    def _by_topic(self, block: Columns) -> Iterator[tuple[str, NDArray[np.int64]]]:
        if isinstance(self._topic, str):
            yield self._topic, np.arange(len(block))
            return
        unknown = {None} if block.roles is None else set(block.roles).difference(self._topic)
        if unknown:
            raise TeachingError(
                f"records of the role {min(map(repr, unknown))}",
                f"topics are given for {one_of(map(repr, self._topic))} only",
                "a topic for each role that the records have",
            )
        column = np.asarray(block.roles, object)
        for role, name in self._topic.items():
            yield name, np.flatnonzero(column == role)
