"""Quix Streams as its documentation has it, with River's model inside."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from quixstreams import Application, message_context

from benchmarks.systems import PAYMENTS
from benchmarks.systems.scoring import Scorer


def main(brokers: str, predictions: str) -> None:
    app = Application(
        broker_address=brokers,
        consumer_group=predictions,
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(prefix="quix-"),
        producer_extra_config={"linger.ms": 20},
        loglevel="WARNING",
    )
    scorer = Scorer()

    def score(payment: Mapping[str, Any]) -> dict[str, Any]:
        place = message_context()
        return scorer.answer(payment, place.partition, place.offset)

    payments = app.dataframe(app.topic(PAYMENTS, value_deserializer="json"))
    payments.apply(score).to_topic(app.topic(predictions, value_serializer="json"))
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
