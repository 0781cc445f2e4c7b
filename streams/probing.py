"""A transaction that is opened and aborted, to see whether we may and what time the broker has."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError
from kafka.structs import OffsetAndMetadata

from streams.cluster import Security, connection

__all__ = ["Probe", "probe"]

_ANSWER_MS = 10_000


@dataclass(frozen=True, slots=True)
class Probe:
    """What became of it.

    Attributes:
        denied: what we lack a right on, Group or TransactionalId; None if nothing.
        failed: why it could not be done, if not for want of a right.
        clock_ms: how far the broker's clock is ahead of ours at least; 0 where no difference can
            be told, None where it was not learned.
    """

    denied: str | None = None
    failed: str | None = None
    clock_ms: float | None = None


def probe(
    client: KafkaAdminClient,
    bootstrap: str,
    security: Security,
    group: str,
    place: TopicPartition,
    clock: Callable[[], float] = time.time,
) -> Probe:
    """Open a transaction with an offset of the group in it, ask when it began, and abort it.

    No record is written and no offset changes. Its id is no worker's, so nobody is fenced.

    Args:
        client: asks when it began.
        bootstrap: where the brokers are.
        security: options of the connection.
        group: whose right is tried.
        place: of a topic that the group reads.
        clock: ours, in seconds.
    """
    name = f"{group}-doctor"
    producer = KafkaProducer(
        **connection(bootstrap, security),
        transactional_id=name,
        transaction_timeout_ms=_ANSWER_MS,
        max_block_ms=_ANSWER_MS,
    )
    try:
        producer.init_transactions()
        producer.begin_transaction()
        try:
            before = clock() * 1000
            offset = OffsetAndMetadata(0, "", -1)
            producer.send_offsets_to_transaction({place: offset}, group)
            after = clock() * 1000
            began = client.describe_transactions([name])[name].transaction_start_time_ms
        finally:
            producer.abort_transaction()
    except AuthorizationError as error:
        kind = type(error).__name__.removesuffix("AuthorizationFailedError")
        return Probe(denied=kind)
    except KafkaError as error:
        return Probe(failed=repr(error))
    finally:
        producer.close(timeout=1)
    # What is stamped in whole milliseconds can seem to lie one before.
    return Probe(clock_ms=min(0.0, began + 1 - before) + max(0.0, began - after))
