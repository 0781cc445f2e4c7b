"""What one writes by hand for speed: librdkafka's client, batches, msgspec, and River's model."""

from __future__ import annotations

import signal
import sys
import time

import msgspec
from confluent_kafka import Consumer, Producer

from benchmarks.systems import PAYMENTS
from benchmarks.systems.scoring import Scorer

BATCH = 1_000
COMMIT_EVERY_S = 1.0


def main(brokers: str, predictions: str) -> None:
    scorer = Scorer()
    decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 20})
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": predictions,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([PAYMENTS])
    running, committed = True, time.monotonic()

    def stop(*_: object) -> None:
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    while running:
        for message in consumer.consume(BATCH, 0.1):
            partition = message.partition()
            answer = scorer.answer(decode(message.value()), partition, message.offset())
            producer.produce(predictions, encode(answer), message.key(), partition)
        producer.poll(0)
        if time.monotonic() - committed > COMMIT_EVERY_S:
            producer.flush()
            consumer.commit(asynchronous=True)
            committed = time.monotonic()
    producer.flush()
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
