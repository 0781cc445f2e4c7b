"""A transactional producer for one partition: whole columns of records in, record batches out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiokafka
from aiokafka.errors import IllegalOperation, KafkaError, NodeNotReadyError, ProducerFenced
from aiokafka.producer import sender
from aiokafka.producer.transaction_manager import TransactionManager

from streams.framing import framed
from streams.slices import Compression, Records

__all__ = ["Fenced", "InDoubtError", "PartitionProducer", "next_sequence", "transactional_ids"]

Fenced = ProducerFenced
"""Raised when another worker has taken the partition over."""

_BATCH_BYTES = 900 * 1024
_REQUEST_BYTES = 8 * 1024 * 1024
_ANSWER_MS = 15_000  # on a connection of which only one side knows that it is dead

# Behind a commit the broker answers CONCURRENT_TRANSACTIONS for a few milliseconds and aiokafka
# sleeps this long before it asks again: 20 ms, which would be most of a prediction's latency.
sender.BACKOFF_OVERRIDE = 0.003


def transactional_ids(group: str, partition: int) -> tuple[str, str]:
    """Of the two producers of a partition, which take turns; an owner fences both."""
    return f"{group}-{partition}-a", f"{group}-{partition}-b"


def next_sequence(sequence: int, records: int) -> int:
    """The sequence number behind a batch: 31 bits, 0 follows 2147483647.

    As `DefaultRecordBatch.incrementSequence` of Kafka, whose brokers refuse anything else. A batch
    may lie across the end. At 100,000 records a second it is reached after six hours.
    """
    return (sequence + records) & 0x7FFF_FFFF


def _increment(manager: Any, partition: Any, records: int) -> None:
    """In place of aiokafka's, which goes on at -2147483648."""
    sequences = manager._sequence_numbers
    sequences[partition] = next_sequence(sequences[partition], records)


TransactionManager.increment_sequence_number = _increment


class InDoubtError(Exception):
    """The answer to a request that ends a transaction was lost."""


class _Remembering:
    """For handlers of aiokafka's sender: remembers a request whose answer was lost.

    It is repeated, and rightly so. But the first one may be on its way still, and with the same
    producer epoch it would count for the next transaction: commit it half done, or with offsets of
    the one before (KAFKA-17754; a client of KIP-890 has another epoch in each transaction).
    """

    async def do(self: Any, node_id: int) -> bool:
        client = self._sender.client
        try:
            answer = await client.send(node_id, self.create_request(), group=self.group)
        except NodeNotReadyError:  # nothing was sent
            await asyncio.sleep(self.handle_error())
            return False
        except KafkaError as error:
            self._sender.in_doubt = f"{type(self).__name__.strip('_')}: {error!r}"
            await asyncio.sleep(self.handle_error())
            return False
        pause = self.handle_response(answer)
        if pause is not None:
            await asyncio.sleep(pause)
        return pause is None


class _EndTxn(_Remembering, sender.EndTxnHandler):  # type: ignore[misc]  # aiokafka has no types
    pass


class _TxnOffsetCommit(_Remembering, sender.TxnOffsetCommitHandler):  # type: ignore[misc]
    pass


sender.EndTxnHandler = _EndTxn
sender.TxnOffsetCommitHandler = _TxnOffsetCommit


class PartitionProducer:
    """Writes what one input partition's task makes, in transactions.

    Starting it with the same `transactional_id` fences whoever had it before: their open
    transaction is aborted, and their next request fails with `Fenced`.

    Args:
        client: connection and security options of aiokafka.
        transactional_id: one of `transactional_ids`.
        timeout: seconds after which the broker aborts a transaction left open.
        compression: of the record batches.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        transactional_id: str,
        timeout: float,
        compression: Compression,
    ) -> None:
        self._producer = aiokafka.AIOKafkaProducer(
            **client,
            transactional_id=transactional_id,
            transaction_timeout_ms=int(timeout * 1000),
            compression_type=None if compression == "none" else compression,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_REQUEST_BYTES,
            request_timeout_ms=_ANSWER_MS,
        )
        self._compression = compression
        self._sent: list[asyncio.Future[Any]] = []

    async def start(self) -> None:
        """Connect, and fence the partition's former owner."""
        await self._producer.start()

    async def abort_what_hangs(self, places: Iterable[aiokafka.TopicPartition], group: str) -> None:
        """Abort what an end of a transaction was never written for: records here, and offsets.

        A coordinator that is only just starting may take an abort for done without telling the
        partitions. What was sent hangs there, and the next commit of the same producer would commit
        it, too. So an empty transaction is opened wherever the owner writes, and aborted.

        Args:
            places: partitions that it writes to.
            group: whose offsets it commits.
        """
        with self._cause():
            await self._producer.begin_transaction()
            while not await self._producer._sender._do_add_offsets_to_txn(group):
                pass
            for place in places:
                self._producer._txn_manager.maybe_add_partition_to_txn(place)
            await self._producer.abort_transaction()

    async def stop(self) -> None:
        """Disconnect; a transaction left open is aborted by the broker or by the next owner."""
        await self._producer.stop()

    async def begin(self) -> None:
        """Open a transaction.

        Raises:
            InDoubtError: a request of the last one may still be on its way. Whoever opens the
                partition next has another epoch, and nothing that is late can reach it.
        """
        if (doubt := getattr(self._producer._sender, "in_doubt", None)) is not None:
            raise InDoubtError(
                f"the broker's answer was lost, and the request may arrive yet ({doubt}); the "
                "worker has to start again before it opens another transaction"
            )
        self._sent.clear()
        with self._cause():
            await self._producer.begin_transaction()

    async def send(self, topic: str, partition: int, records: Records) -> list[Any]:
        """Put records into the open transaction; answers futures of the batches' metadata.

        Returns as soon as the last batch is queued: `add_offsets` waits for the broker.
        """
        batches: Iterator[Any]
        if records.headers is None:
            batches = framed(records, _BATCH_BYTES, self._compression, transactional=True)
        else:
            batches = self._built(records)
        with self._cause():
            futures = [
                await self._producer.send_batch(batch, topic, partition=partition)
                for batch in batches
            ]
        self._sent += futures
        return futures

    async def delivered(self) -> None:
        """Wait until nothing is on its way any more; what failed is raised by `add_offsets`."""
        if on_the_way := [future for future in self._sent if not future.done()]:
            await asyncio.wait(on_the_way)

    def _built(self, records: Records) -> Iterator[Any]:
        """Batches of records that have headers, built by aiokafka a record at a time."""
        batch = self._producer.create_batch()
        for key, value, timestamp, headers in zip(
            records.keys, records.values, records.timestamps, records.headers or (), strict=True
        ):
            entry = {"key": key, "value": value, "timestamp": timestamp, "headers": list(headers)}
            if batch.append(**entry) is None:
                yield batch
                batch = self._producer.create_batch()
                batch.append(**entry)
        if batch.record_count():
            yield batch

    async def add_offsets(self, offsets: Mapping[Any, int], group: str) -> None:
        """Have what was sent, and the consumed `offsets` of `group`, in the transaction; or raise.

        The offsets are added while the last batches are still on their way: each way there and
        back is time in which nothing can be sent.
        """
        waiting = [*self._sent]
        if offsets:
            waiting.append(self._producer.send_offsets_to_transaction(offsets, group))
        with self._cause():
            await asyncio.gather(*waiting)

    async def commit(self) -> None:
        """Commit the transaction, or raise."""
        with self._cause():
            await self._producer.commit_transaction()

    @contextmanager
    def _cause(self) -> Iterator[None]:
        """Of a producer that has failed aiokafka says only that it cannot go on: say why."""
        try:
            yield
        except (IllegalOperation, AssertionError) as error:
            sending = self._producer._sender.sender_task
            if sending.done() and (cause := sending.exception()) is not None:
                raise cause from error
            raise
