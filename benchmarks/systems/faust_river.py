"""A Faust agent as its documentation has it, with River's model inside."""

from __future__ import annotations

import sys
import tempfile

import faust

from benchmarks.systems import PAYMENTS
from benchmarks.systems.scoring import Scorer


def main(brokers: str, predictions: str) -> None:
    app = faust.App(
        predictions,
        broker=f"kafka://{brokers}",
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        store="memory://",
        datadir=tempfile.mkdtemp(prefix="faust-"),
    )
    payments = app.topic(PAYMENTS, value_serializer="json", key_serializer="raw")
    answers = app.topic(predictions, value_serializer="json", key_serializer="raw")
    scorer = Scorer()

    @app.agent(payments)
    async def score(stream: faust.Stream) -> None:
        async for event in stream.events():
            place = event.message
            answer = scorer.answer(event.value, place.partition, place.offset)
            await answers.send(key=event.key, value=answer)

    faust.Worker(app, loglevel="WARNING").execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
