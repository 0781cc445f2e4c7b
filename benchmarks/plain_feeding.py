"""What one would write with confluent-kafka to fill a topic from a file, and to read it again.

``python -m benchmarks.plain_feeding produce FILE TOPIC BROKERS``, or ``tail TOPIC ROWS BROKERS``.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

KEY = "card"


def rows(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each row."""
    if path.suffix == ".jsonl":
        with path.open("rb") as lines:
            for line in lines:
                yield json.loads(line)[KEY].encode(), line.rstrip()
    elif path.suffix == ".csv":
        with path.open(newline="") as lines:
            for row in csv.DictReader(lines):
                yield row[KEY].encode(), json.dumps(row).encode()
    else:
        from pyarrow.parquet import ParquetFile

        for batch in ParquetFile(path).iter_batches():
            for row in batch.to_pylist():
                yield row[KEY].encode(), json.dumps(row).encode()


def produce(path: str, topic: str, brokers: str) -> None:
    """Send every row."""
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 50,
            "queue.buffering.max.messages": 500_000,
        }
    )
    for key, value in rows(Path(path)):
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


def tail(topic: str, count: str, brokers: str) -> None:
    """Print that many values."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "plain-feeding"})
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    left, out = int(count), sys.stdout.buffer
    while left:
        for message in consumer.consume(min(left, 10_000), 1.0):
            if message.error() is None:
                out.write(message.value() + b"\n")
                left -= 1
    out.flush()
    consumer.close()


if __name__ == "__main__":
    {"produce": produce, "tail": tail}[sys.argv[1]](*sys.argv[2:])
