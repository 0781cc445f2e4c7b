"""What one writes by hand in asyncio: aiokafka's client, batches in and out, msgspec, River."""

from __future__ import annotations

import asyncio
import signal
import sys
import time

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.systems import PAYMENTS
from benchmarks.systems.scoring import Scorer

BATCH = 1_000
BATCH_BYTES = 512 * 1024
COMMIT_EVERY_S = 1.0


async def serve(brokers: str, predictions: str) -> None:
    scorer = Scorer()
    decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    producer = AIOKafkaProducer(bootstrap_servers=brokers, max_batch_size=BATCH_BYTES)
    consumer = AIOKafkaConsumer(
        PAYMENTS,
        bootstrap_servers=brokers,
        group_id=predictions,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with producer, consumer:
        sent, committed = [], time.monotonic()
        while not stopped.is_set():
            fetched = await consumer.getmany(timeout_ms=100, max_records=BATCH)
            for (_, partition), messages in fetched.items():
                batch = producer.create_batch()
                for message in messages:
                    answer = encode(scorer.answer(decode(message.value), partition, message.offset))
                    if not batch.append(key=message.key, value=answer, timestamp=None):  # full
                        sent.append(
                            await producer.send_batch(batch, predictions, partition=partition)
                        )
                        batch = producer.create_batch()
                        batch.append(key=message.key, value=answer, timestamp=None)
                sent.append(await producer.send_batch(batch, predictions, partition=partition))
            if time.monotonic() - committed > COMMIT_EVERY_S:
                await asyncio.gather(*sent)
                await consumer.commit()
                sent, committed = [], time.monotonic()
        await asyncio.gather(*sent)
        await consumer.commit()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
