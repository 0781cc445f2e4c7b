"""How the tasks of a pipeline work as one: each tells what it learned and saw, and hears the rest.

What a task tells is a *delta*, one or more records of a topic with a single partition that all
tasks read: of its learner's weights, or of the events that windows took in which are shared. When
it tells follows from its own records, and which deltas it has taken over when is in its journal: so
its state stays a function of the logs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from models.deltas import Decode, DeltaError, decode
from models.protocol import Mixer, State
from streams.slices import Slice

if TYPE_CHECKING:
    from models.windows import Windows

__all__ = ["ROWS_BEGIN", "MixingError", "Peer", "group_key", "of_group", "sizes"]

_CHUNK_BYTES = 512 * 1024
"""Of a delta in one record, well below what a broker takes by default."""

_HEAD = struct.Struct("<HH")
_ROWS = struct.Struct("<BH")
_OF_ROWS = 2
"""The first byte of a delta of rows, before the number of the windows; weights have another."""
ROWS_BEGIN = _HEAD.size + _ROWS.size
"""Where the rows begin in the first record of a delta of rows."""


class MixingError(Exception):
    """A record of the deltas topic that cannot be taken over, and must not be passed over."""


class Peer:
    """One task among those that work as one.

    Args:
        learner: of the task; None where learners do not mix.
        topic: of the deltas.
        partition: of the task.
        windows: of the task, that are shared.

    Attributes:
        decoded: decodes deltas of learners, for this task or for several.
    """

    decoded: Decode

    def __init__(
        self,
        learner: Mixer[Any] | None,
        topic: str,
        partition: int = 0,
        windows: Sequence[Windows] = (),
    ) -> None:
        self.topic = topic
        self._learner = learner
        self._partition = partition
        self._windows = windows
        self._chunks: dict[int, list[bytes]] = {}
        self.decoded = decode

    @property
    def under_way(self) -> bytes:
        """The delta that the learner told and that has not come back; empty: none."""
        return b"" if self._learner is None else self._learner.under_way

    def told(self, before: bytes) -> Sequence[bytes]:
        """What the learner came to tell where before, that delta was under way; and the windows.

        As records' values, to be published in this order.
        """
        found = [] if before else _chunks(self.under_way)
        for number, windows in enumerate(self._windows):
            for delta in () if windows.exchange is None else windows.exchange.outbox():
                found += _chunks(_ROWS.pack(_OF_ROWS, number) + delta)
        return found

    def fold(self, records: Slice) -> int:
        """Take over what stands in records of the deltas topic; answers how many deltas it was.

        Args:
            records: of the group, keyed by the number of the partition that told; see `of_group`.

        Raises:
            MixingError: one of them is no part of a delta, or not the one that comes next.
        """
        folded = 0
        for key, value, offset in zip(records.keys, records.values, records.offsets, strict=True):
            try:
                sender = _sender(key)
                delta = self._whole(sender, value or b"")
                if delta is not None:
                    self._fold(sender, delta)
                    folded += 1
            except DeltaError as error:
                raise MixingError(
                    f"{self.topic}-{records.partition} at offset {offset}, key {key!r}: {error}.\n"
                    "  Something else writes to that topic, or a part of it is gone. Restore it "
                    "from a copy and start again, or\n"
                    "  begin anew under another group: thalweg worker … --group NAME"
                ) from error
        return folded

    def _fold(self, sender: int, delta: bytes) -> None:
        if self._windows and delta[:1] == bytes((_OF_ROWS,)):
            number = _ROWS.unpack_from(delta.ljust(_ROWS.size, b"\xff"))[1]
            if number >= len(self._windows):
                raise DeltaError("it is of windows that this pipeline does not share")
            own = sender == self._partition
            self._windows[number].fold(sender, delta[_ROWS.size :], own=own)
        elif self._learner is not None:
            self._learner.fold(sender, delta, self.decoded)
        else:
            raise DeltaError("it is no delta of windows, and this pipeline's learners do not mix")

    def state(self) -> State:
        """The parts of deltas whose rest has not been read."""
        return {str(sender): list(parts) for sender, parts in sorted(self._chunks.items())}

    def restore(self, state: State) -> None:
        """Take over what `state` made."""
        self._chunks = {int(sender): list(parts) for sender, parts in state.items()}

    def _whole(self, sender: int, value: bytes) -> bytes | None:
        """The delta that ends with this record; None: there is more to come."""
        value = bytes(value)
        if len(value) < _HEAD.size:
            raise DeltaError(f"{len(value)} bytes are no part of a delta")
        number, count = _HEAD.unpack_from(value)
        parts = self._chunks.pop(sender, [])
        if number != len(parts) or number >= count:
            raise DeltaError(
                f"it says to be part {number + 1} of {count} of a delta, of which "
                f"{len(parts)} have come"
            )
        parts.append(value[_HEAD.size :])
        if len(parts) == count:
            return b"".join(parts)
        self._chunks[sender] = parts
        return None


def sizes(records: Sequence[bytes]) -> list[int]:
    """The bytes of each delta that records hold, in order; see `Peer.told`."""
    found: list[int] = []
    for record in records:
        number, _ = _HEAD.unpack_from(record)
        found += [0] * (number == 0)
        found[-1] += len(record)
    return found


def group_key(group: str, partition: int) -> bytes:
    """The key of what a partition tells its own group, and no other that runs the pipeline."""
    return f"{group}/{partition}".encode()


def of_group(records: Slice, group: str) -> Slice:
    """What a group's tasks have told each other, each record keyed by the partition alone.

    A key that is of no group at all becomes None, which `Peer.fold` refuses.
    """
    own = group.encode()
    found = [(key or b"").rpartition(b"/") for key in records.keys]
    kept = [place for place, (named, slash, _) in enumerate(found) if named == own or not slash]
    return Slice(
        records.topic,
        records.partition,
        records.start,
        records.next,
        [records.offsets[place] for place in kept],
        [found[place][2] if found[place][1] else None for place in kept],
        [records.values[place] for place in kept],
        [records.timestamps[place] for place in kept],
    )


def _chunks(delta: bytes) -> list[bytes]:
    places = range(0, len(delta), _CHUNK_BYTES)
    return [
        _HEAD.pack(number, len(places)) + delta[place : place + _CHUNK_BYTES]
        for number, place in enumerate(places)
    ]


def _sender(key: bytes | None) -> int:
    told = bytes(key or b"")
    if not told.isdigit():
        raise DeltaError("the key names no partition")
    return int(told)
