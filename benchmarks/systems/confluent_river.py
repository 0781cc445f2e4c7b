"""What one writes by hand for speed: librdkafka's client, batches, msgspec, and River's model."""

from __future__ import annotations

import math
import signal
import sys
import time

import msgspec
from confluent_kafka import Consumer, Producer
from river.linear_model import LogisticRegression
from river.optim import SGD
from river.preprocessing import FeatureHasher

from benchmarks.payments import CATEGORIES
from benchmarks.systems import BITS, LEARNING_RATE, PAYMENTS

BATCH = 1_000
COMMIT_EVERY_S = 1.0


def main(brokers: str, predictions: str) -> None:
    model = FeatureHasher(2**BITS, seed=0) | LogisticRegression(SGD(LEARNING_RATE))
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
            payment = decode(message.value())
            x = {name: payment[name] for name in CATEGORIES}
            x["amount"] = math.log1p(payment["amount"])
            score = model.predict_proba_one(x)[True]
            model.learn_one(x, payment["fraud"] == 1)
            answer = {
                "id": payment["id"],
                "score": score,
                "decision": int(score > 0.5),
                "at": payment["at"],
                "partition": message.partition(),
                "offset": message.offset(),
            }
            producer.produce(predictions, encode(answer), message.key(), message.partition())
        producer.poll(0)
        if time.monotonic() - committed > COMMIT_EVERY_S:
            producer.flush()
            consumer.commit(asynchronous=True)
            committed = time.monotonic()
    producer.flush()
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
