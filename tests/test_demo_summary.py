"""The summary of the demonstration, for a person and for a program."""

from __future__ import annotations

import json
import math

import msgspec
from rich.console import Console

from streams.demo_summary import Summary, farewell, steps


def summary(**changed) -> Summary:
    whole = {
        "seconds": 58.0, "days": 120, "payments": 452_989, "predictions": 452_989, "doubled": 0,
        "alerts": 2_345, "dead_letters": 0, "labels_sent": 3_500, "labels_learned": 426_727,
        "latency_p50": 0.0124, "latency_p99": 0.1531, "window_auc": [0.5, 0.7, 0.93],
        "quality": {"auc": 0.9031, "window_auc": 0.92, "label_delay_seconds": 602_662.0},
    }  # fmt: skip
    return Summary(**{**whole, **changed})


def printed(seen: Summary) -> str:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(farewell(seen))
    return captured.get()


def test_a_person_reads_what_went_in_came_out_and_was_learned():
    text = printed(summary())
    for said in (
        "452,989  payments of 120 days in 58 s", "predictions read back from Kafka, none twice",
        "426,727  labels learned, 7.0 simulated days after the payment", "0.9031",
        "12 ms  from a payment to its prediction, 99th percentile 153 ms", "▁▄▇",
    ):  # fmt: skip
        assert said in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_doubled_predictions_are_not_kept_quiet():
    assert "17 of them twice" in printed(summary(doubled=17))


def test_a_program_reads_json_in_which_what_is_not_defined_is_null():
    seen = json.loads(msgspec.json.encode(summary(quality={"auc": math.nan})))
    assert seen["quality"] == {"auc": None}
    assert seen["predictions"] == 452_989


def test_the_commands_to_go_on_with_are_of_a_kafka_that_stays_or_of_the_one_that_was_given():
    new = steps(".venv/bin/thalweg", "examples/fraud.py", None)
    assert "  .venv/bin/thalweg broker\n" in new
    assert "  .venv/bin/thalweg worker examples/fraud.py\n" in new
    given = steps("thalweg", "examples/fraud.py", "kafka:9092")
    assert "  thalweg topics examples/fraud.py --delete --brokers kafka:9092\n" in given
    assert "broker\n" not in given
