"""Errors of the group: those that pass, and those that do not."""

from __future__ import annotations

import asyncio
import inspect

import aiokafka
import pytest
from aiokafka.consumer import consumer
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupLoadInProgressError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from streams.broker import Broker
from streams.membership import passes, watch_over


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


pytestmark = pytest.mark.kafka


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


def test_a_member_that_nobody_polls_joins_again_after_an_error_that_passes(
    broker, topic, monkeypatch
) -> None:
    failures: list[BaseException] = []
    left = failing_once(monkeypatch, KafkaError("GroupLoadInProgressError()"))
    assert asyncio.run(joined(broker, topic(), failures, 60))
    assert not left


def test_an_error_that_stays_is_told(broker, topic, monkeypatch) -> None:
    failures: list[BaseException] = []
    failing_once(monkeypatch, GroupAuthorizationFailedError("group"))
    assert not asyncio.run(joined(broker, topic(), failures, 60))
    assert isinstance(failures[0], GroupAuthorizationFailedError)


def test_what_is_leaned_on_in_aiokafka_is_there() -> None:
    assert "= GroupCoordinator(" in inspect.getsource(consumer.AIOKafkaConsumer.start)
    assert "await self._push_error_to_user(exc)" in inspect.getsource(GroupCoordinator)
    assert list(inspect.signature(GroupCoordinator._push_error_to_user).parameters) == [
        "self",
        "exc",
    ]
