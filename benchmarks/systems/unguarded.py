"""Thalweg's worker with its guarantees or without, to measure what they cost.

Without them a worker sends what it computes, and that is all: no transaction, no journal, no image,
no offset is committed. After a crash nothing would be left of what it learned. For that reason it
is here, and not in the product.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import aiokafka

from benchmarks import pipelines
from streams import partition, transactions
from streams.framing import framed
from streams.producer import PartitionProducer
from streams.settings import resolve
from streams.slices import Compression, Records
from streams.worker import run

_BATCH_BYTES = 900 * 1024
_REQUEST_BYTES = 8 * 1024 * 1024


class PlainProducer(PartitionProducer):
    """Sends the same batches outside of any transaction."""

    def __init__(
        self,
        client: Mapping[str, Any],
        transactional_id: str,  # noqa: ARG002  # the signature of what it takes the place of
        timeout: float,  # noqa: ARG002
        compression: Compression,
    ) -> None:
        self._producer = aiokafka.AIOKafkaProducer(
            **client,
            compression_type=None if compression == "none" else compression,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_REQUEST_BYTES,
        )
        self._compression = compression
        self._sent = []

    async def send(self, topic: str, partition: int, records: Records) -> list[Any]:
        """Send records, which have no headers; answers futures of the batches' metadata."""
        self._sent = [
            await self._producer.send_batch(batch, topic, partition=partition)
            for batch in framed(records, _BATCH_BYTES, self._compression, transactional=False)
        ]
        return self._sent


class Unguarded(transactions.Transactions):
    """Sends what is in the outbox as soon as something is."""

    def begin(self, journal_end: int, *, has_image: bool) -> None:
        super().begin(journal_end, has_image=has_image)
        self._recorder = None

    def _is_done(self) -> bool:
        return not self._outbox

    async def _transact(self) -> None:
        self._work.clear()
        while self._outbox:
            await self._send_computed()
        await self._producers[0].delivered()


def main(brokers: str, predictions: str, kind: str, guarantees: str, *settings: str) -> int:
    """Run a worker.

    Args:
        brokers: to ask first.
        predictions: its topic, which names the pipeline.
        kind: of the pipeline, a function of `benchmarks.pipelines`.
        guarantees: ``on`` or ``off``.
        settings: of the worker, ``name=value``.
    """
    if guarantees == "off":
        transactions.PartitionProducer = PlainProducer
        partition.Transactions = Unguarded
    pipeline = getattr(pipelines, kind)(predictions.removesuffix(".predictions"))
    flags = dict(setting.split("=", 1) for setting in settings)
    return run(pipeline, *resolve(flags={"brokers": brokers, "metrics_port": 0, **flags}))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
