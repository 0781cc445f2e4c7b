"""A Faust agent as its documentation has it, with River's model inside."""

from __future__ import annotations

import math
import sys
import tempfile

import faust
from river.linear_model import LogisticRegression
from river.optim import SGD
from river.preprocessing import FeatureHasher

from benchmarks.payments import CATEGORIES
from benchmarks.systems import BITS, LEARNING_RATE, PAYMENTS


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
    model = FeatureHasher(2**BITS, seed=0) | LogisticRegression(SGD(LEARNING_RATE))

    @app.agent(payments)
    async def score(stream: faust.Stream) -> None:
        async for event in stream.events():
            payment = event.value
            x = {name: payment[name] for name in CATEGORIES}
            x["amount"] = math.log1p(payment["amount"])
            probability = model.predict_proba_one(x)[True]
            model.learn_one(x, payment["fraud"] == 1)
            answer = {
                "id": payment["id"],
                "score": probability,
                "decision": int(probability > 0.5),
                "at": payment["at"],
                "partition": event.message.partition,
                "offset": event.message.offset,
            }
            await answers.send(key=event.key, value=answer)

    faust.Worker(app, loglevel="WARNING").execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
