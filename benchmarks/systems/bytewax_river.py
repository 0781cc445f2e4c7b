"""A Bytewax dataflow with its own Kafka connectors, a batch at a time, and River's model inside.

Its recovery keeps the offsets, so that a restart repeats the payments of one epoch. What the model
knows is not in it, as with the other systems that have River's.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence

import msgspec
from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from benchmarks.systems import PAYMENTS
from benchmarks.systems.scoring import Scorer

BATCH = 10_000  # the sink waits for the broker after each


def dataflow(brokers: str, predictions: str) -> Dataflow:
    scorer = Scorer()
    decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode

    def score(messages: Sequence[KafkaSourceMessage]) -> Iterator[KafkaSinkMessage]:
        for message in messages:
            answer = scorer.answer(decode(message.value), message.partition, message.offset)
            yield KafkaSinkMessage(message.key, encode(answer))

    flow = Dataflow("payments")
    payments = op.input("payments", flow, KafkaSource([brokers], [PAYMENTS], batch_size=BATCH))
    answers = op.flat_map_batch("score", payments, score)
    op.output("predictions", answers, KafkaSink([brokers], predictions))
    return flow


def main(brokers: str, predictions: str) -> None:
    recovery = tempfile.mkdtemp(prefix="bytewax-")
    init_db_dir(recovery, 1)
    cli_main(dataflow(brokers, predictions), recovery_config=RecoveryConfig(recovery))


if __name__ == "__main__":
    main(*sys.argv[1:])
