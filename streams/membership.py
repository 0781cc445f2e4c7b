"""How a worker stays a member of its group, whatever the broker answers.

aiokafka shows an error of the group to whoever polls the consumer next, and waits for that. A
worker that has no partitions polls nothing: it would wait for ever, and the group with it.

When it asks what the group has committed, it does not look at the answer's own error, only at those
of partitions. A broker that is still loading the group sends nothing but the error, which so reads
as *nothing is committed*.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aiokafka.consumer import consumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorForGroupError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest

__all__ = ["Member", "coordinator_awaited", "passes", "watch_over"]

log = logging.getLogger("thalweg")

_RETRY_S = 1.0


def passes(error: KafkaError) -> bool:
    """Whether an error may be gone in a moment: it says so, or aiokafka has wrapped it.

    An error for which aiokafka has no other use it wraps in a plain `KafkaError`: a broker that is
    still loading the group as the members synchronise, a connection lost as a producer starts.
    """
    return bool(error.retriable) or type(error) is KafkaError


def coordinator_awaited(record: logging.LogRecord) -> bool:
    """Whether aiokafka logs that the group has no coordinator yet; it asks again by itself."""
    return isinstance(record.args, tuple) and any(
        isinstance(argument, GroupCoordinatorNotAvailableError) for argument in record.args
    )


class Member(GroupCoordinator):  # type: ignore[misc]  # aiokafka ships no types
    """Joins the group again after an error that passes; any other one stops the worker."""

    async def _send_req(self, request: Any) -> Any:
        answer = await super()._send_req(request)
        if isinstance(request, OffsetFetchRequest):
            self._check(answer)
        return answer

    def _check(self, answer: Any) -> None:
        """Raise what an answer about committed offsets says is wrong, and aiokafka passes over."""
        error = for_code(getattr(answer, "error_code", 0))
        if error is NotCoordinatorForGroupError:
            self.coordinator_dead()
        if issubclass(error, KafkaError) and error.errno:
            raise error
        for topic, partitions in answer.topics:
            for partition, *_, code in partitions:
                if for_code(code) is UnknownTopicOrPartitionError:
                    raise UnknownTopicOrPartitionError(f"{topic}-{partition}")

    async def _push_error_to_user(self, exc: Exception) -> None:
        failed: Callable[[BaseException], None] | None
        failed = getattr(self._subscription, "failed", None)
        if failed is not None and isinstance(exc, KafkaError) and passes(exc):
            log.warning("the group does not answer as it should; joining again: %r", exc)
            self.request_rejoin()
            await asyncio.sleep(_RETRY_S)
            return
        if failed is not None:
            failed(exc)
        await super()._push_error_to_user(exc)


def watch_over(member: Any, failed: Callable[[BaseException], None]) -> None:
    """Have a consumer that has not started stay in its group; `failed` is told why it cannot."""
    consumer.GroupCoordinator = Member
    member._subscription.failed = failed
