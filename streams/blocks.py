"""Messages for both topics in the order in which they arrive, as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain, pairwise
from typing import Literal, TypeAlias

import numpy as np

__all__ = ["Block", "Role"]

Role: TypeAlias = Literal["events", "labels"]
"""Which topic a message is for."""


@dataclass(frozen=True, slots=True)
class Block:
    """Messages as columns of equal length.

    Attributes:
        roles: the topic of each.
        keys: Kafka's record key.
        values: Kafka's record value.
        timestamps: Kafka's record time, ms since 1970: what the message itself gives as its time.
        arrivals: when it is sent, ms since 1970. Later than its timestamp if it is late.
    """

    roles: list[Role] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def merge(cls, blocks: Iterable[Block]) -> Block:
        """All messages by arrival; of two at the same time, the one in the earlier block first."""
        parts = list(blocks)
        whole = cls(
            *(
                list(chain.from_iterable(getattr(part, f.name) for part in parts))
                for f in fields(cls)
            )
        )
        return whole.take(np.argsort(np.asarray(whole.arrivals, np.int64), kind="stable").tolist())

    def take(self, places: Sequence[int]) -> Block:
        """The messages at these places, in this order."""
        return Block(
            [self.roles[i] for i in places],
            [self.keys[i] for i in places],
            [self.values[i] for i in places],
            [self.timestamps[i] for i in places],
            [self.arrivals[i] for i in places],
        )

    def of(self, role: Role) -> Block:
        """The messages for one topic."""
        return self.take([i for i, own in enumerate(self.roles) if own == role])

    def cut(self, start: int, stop: int) -> Block:
        """Messages ``start <= i < stop``."""
        return Block(
            self.roles[start:stop],
            self.keys[start:stop],
            self.values[start:stop],
            self.timestamps[start:stop],
            self.arrivals[start:stop],
        )

    def pieces(self, size: int | None) -> Iterator[Block]:
        """The messages in blocks of at most `size`, or in one; none if there are no messages."""
        size = size or max(len(self), 1)
        for start in range(0, len(self), size):
            yield self.cut(start, start + size)

    def spans(self, since: int, length: int) -> Iterator[tuple[int, Block]]:
        """The messages, sorted by arrival, by spans of time: the number of each and its messages.

        Span k is ``since + k * length <= arrival < since + (k + 1) * length``; empty ones are
        left out.
        """
        span = (np.asarray(self.arrivals, np.int64) - since) // length
        edges = [0, *(np.flatnonzero(np.diff(span)) + 1).tolist(), len(self)]
        for start, stop in pairwise(edges):
            if start < stop:
                yield int(span[start]), self.cut(start, stop)
