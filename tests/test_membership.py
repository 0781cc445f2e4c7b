"""Errors of the group: those that pass, and those that do not."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence

import aiokafka
import pytest
from aiokafka.consumer import consumer
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupLoadInProgressError,
    KafkaConnectionError,
    KafkaError,
    NoError,
    NotCoordinatorForGroupError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.commit import OffsetFetchResponse_v3
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from streams.broker import Broker
from streams.membership import Member, passes, watch_over


@pytest.mark.parametrize(
    ("error", "does"),
    [
        (KafkaConnectionError("closed"), True),
        (GroupLoadInProgressError(), True),
        (KafkaError("KafkaConnectionError('closed')"), True),
        (GroupAuthorizationFailedError("group"), False),
        (TopicAuthorizationFailedError("topic"), False),
    ],
)
def test_what_passes(error, does) -> None:
    assert passes(error) is does


class Coordinator(GroupCoordinator):
    """Answers what it is told to, and has no broker."""

    def __init__(self, answer: OffsetFetchResponse_v3) -> None:
        self.group_id = "group"
        self.answer = answer
        self.is_dead = False

    async def _send_req(self, request: object) -> OffsetFetchResponse_v3:
        return self.answer

    def coordinator_dead(self) -> None:
        self.is_dead = True


class WatchedCoordinator(Member, Coordinator):
    """The same, watched over."""


def told(error: type[KafkaError], topics: Sequence[object] = ()) -> OffsetFetchResponse_v3:
    return OffsetFetchResponse_v3(0, [*topics], error.errno)


TP = TopicPartition("payments", 3)


def test_aiokafka_takes_a_group_that_is_being_loaded_for_one_that_committed_nothing() -> None:
    """If this fails, aiokafka looks at the error itself now, and `Member` need not."""
    answered = Coordinator(told(GroupLoadInProgressError))._do_fetch_commit_offsets([TP])
    assert asyncio.run(answered) == {}


@pytest.mark.parametrize("error", [GroupLoadInProgressError, NotCoordinatorForGroupError])
def test_a_group_that_is_being_loaded_is_asked_again(error: type[KafkaError]) -> None:
    member = WatchedCoordinator(told(error))
    with pytest.raises(error) as caught:
        asyncio.run(member._do_fetch_commit_offsets([TP]))
    assert caught.value.retriable
    assert member.is_dead is (error is NotCoordinatorForGroupError)


def test_a_topic_that_the_broker_does_not_know_yet_is_asked_for_again() -> None:
    unknown = [("payments", [(3, -1, "", UnknownTopicOrPartitionError.errno)])]
    with pytest.raises(UnknownTopicOrPartitionError) as caught:
        asyncio.run(WatchedCoordinator(told(NoError, unknown))._do_fetch_commit_offsets([TP]))
    assert caught.value.retriable


@pytest.mark.parametrize(("offset", "found"), [(7, {TP: OffsetAndMetadata(7, "")}), (-1, {})])
def test_what_is_committed_is_answered(offset: int, found: dict[object, object]) -> None:
    member = WatchedCoordinator(told(NoError, [("payments", [(3, offset, "", 0)])]))
    assert asyncio.run(member._do_fetch_commit_offsets([TP])) == found


def failing_once(monkeypatch, error: KafkaError) -> list[KafkaError]:
    """The first time a member synchronises, the broker answers with an error."""
    synchronise, left = CoordinatorGroupRebalance._send_sync_group_request, [error]

    async def request(self, request):
        if left:
            self._coordinator.request_rejoin()
            raise left.pop()
        return await synchronise(self, request)

    monkeypatch.setattr(CoordinatorGroupRebalance, "_send_sync_group_request", request)
    return left


async def joined(broker: Broker, topic: str, failures: list[BaseException], seconds: float) -> bool:
    """Whether a consumer that nobody polls comes to own the topic's partition."""
    member = aiokafka.AIOKafkaConsumer(
        topic, bootstrap_servers=broker.bootstrap, group_id=f"{topic}-group"
    )
    watch_over(member, failures.append)
    try:
        async with asyncio.timeout(seconds):
            await member.start()  # waits until it has an assignment
    except KafkaError:
        assert failures
    finally:
        await member.stop()
    return not failures


@pytest.mark.kafka
def test_a_member_that_nobody_polls_joins_again_after_an_error_that_passes(
    broker, topic, monkeypatch
) -> None:
    failures: list[BaseException] = []
    left = failing_once(monkeypatch, KafkaError("GroupLoadInProgressError()"))
    assert asyncio.run(joined(broker, topic(), failures, 60))
    assert not left


@pytest.mark.kafka
def test_an_error_that_stays_is_told(broker, topic, monkeypatch) -> None:
    failures: list[BaseException] = []
    failing_once(monkeypatch, GroupAuthorizationFailedError("group"))
    assert not asyncio.run(joined(broker, topic(), failures, 60))
    assert isinstance(failures[0], GroupAuthorizationFailedError)


def test_what_is_leaned_on_in_aiokafka_is_there() -> None:
    assert "= GroupCoordinator(" in inspect.getsource(consumer.AIOKafkaConsumer.start)
    assert "await self._push_error_to_user(exc)" in inspect.getsource(GroupCoordinator)
    asking = inspect.getsource(GroupCoordinator._do_fetch_commit_offsets)
    assert "request = OffsetFetchRequest(" in asking
    assert "await self._send_req(request)" in asking
    assert list(inspect.signature(GroupCoordinator._push_error_to_user).parameters) == [
        "self",
        "exc",
    ]
