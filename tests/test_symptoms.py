"""What is wrong is said, the worst first, and nothing is said to be wrong that is not."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models import AdaGrad, Hashed, Linear, Logistic, Number
from streams import Event, Measure, Pipeline, Threshold, Topic, replaying, reruns
from streams.facts import Facts
from streams.readings import Meter
from streams.reported import Notes, Reported
from streams.symptoms import symptoms
from streams.watching import Glance, Partition

START = datetime(2026, 3, 1, tzinfo=UTC)


class Seen(Event, frozen=True):
    id: str
    at: datetime
    shop: str
    amount: float | None
    label: float | None = None


class Flagged(Event, frozen=True):
    id: str
    at: datetime
    shop: str
    amount: float | None
    label: bool | None = None


def pipeline(kind="binary", **changed) -> Pipeline:
    number = kind == "regression"
    rate = 10.0 if number else 0.1
    own = {
        "name": "it",
        "events": Topic("events", schema=Seen if number else Flagged, id="id", time="at"),
        "labels": "label",
        "features": [Number("amount", scale="log"), Hashed("shop")],
        "model": (Linear if number else Logistic)(bits=12, optimizer=AdaGrad(rate)),
    }
    return Pipeline(**{**own, **changed})


def events(n=6_000, days=30, seed=1, kind="binary"):
    rng = np.random.default_rng(seed)
    for number in range(n):
        bad = rng.random() < 0.2
        amount = float(rng.lognormal(5 if bad else 3, 0.7))
        yield {
            "id": f"e{number}",
            "at": (START + timedelta(days=days * number / n)).isoformat(),
            "shop": f"s{rng.integers(9)}",
            "amount": round(amount, 2),
            "label": bad if kind == "binary" else amount * 2 + float(rng.normal()),
        }


def facts(tmp_path, declared, rows, live=None) -> Facts:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    reported = Reported.of(declared)
    summary, notes = replaying.Summary.of(reported), Notes(reported)
    sources = reruns.files_of(reported, str(path), None, 1, None)
    asyncio.run(
        reruns.replay_files(
            reported, sources, 1, lambda _: replaying.to_nowhere(), summary, lambda _: None,
            notes.watch,
        )
    )  # fmt: skip
    return Facts(reported, summary, notes, "a file", "now", live)


def said(found, about, severity):
    return " ".join(it.found for it in found if (it.about, it.severity) == (about, severity))


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_a_model_that_is_well_has_nothing_wrong(tmp_path, kind):
    found = symptoms(facts(tmp_path, pipeline(kind), events(kind=kind)))
    assert found[0].found == "nothing looks wrong"
    assert {it.severity for it in found} == {"good"}


def test_a_report_changes_no_score_and_no_fingerprint(tmp_path):
    declared = pipeline()
    assert Reported.of(declared).fingerprint == declared.fingerprint
    summary = facts(tmp_path, declared, events(500)).summary
    plain = replaying.Summary.of(declared)
    sources = reruns.files_of(declared, str(tmp_path / "events.jsonl"), None, 1, None)
    asyncio.run(
        reruns.replay_files(
            declared, sources, 1, lambda _: replaying.to_nowhere(), plain, lambda _: None
        )
    )
    shared = plain.quality.summary()
    assert {name: summary.quality.summary()[name] for name in shared} == pytest.approx(
        shared, nan_ok=True
    )


def test_labels_that_say_nothing_make_it_no_better_than_chance(tmp_path):
    rng = np.random.default_rng(3)
    rows = [{**row, "label": bool(rng.random() < 0.2)} for row in events()]
    text = said(symptoms(facts(tmp_path, pipeline(), rows)), "quality", "wrong")
    assert "cannot be told from what needs no model: a random score gets 0.199" in text


def test_a_model_that_became_worse_is_said_first(tmp_path):
    def turned(row, number):
        return {**row, "amount": 20.0} if number > 4_000 else row

    rows = [turned(row, number) for number, row in enumerate(events())]
    found = symptoms(facts(tmp_path, pipeline(), rows))
    assert "more than chance explains" in said(found, "trend", "wrong")
    assert found[0].severity == "wrong"
    assert "amount" in said(found, "inputs", "doubtful")


def test_a_field_that_goes_missing_is_named(tmp_path):
    rows = [{**row, "amount": None} if number > 4_500 else row
            for number, row in enumerate(events())]  # fmt: skip
    found = symptoms(facts(tmp_path, pipeline(), rows))
    assert "amount is missing in" in said(found, "inputs", "doubtful")


def test_records_that_are_turned_away_are_counted_by_reason(tmp_path):
    rows = [{**row, "shop": 7} if number % 20 == 0 else row for number, row in enumerate(events())]
    assert "schema 300" in said(symptoms(facts(tmp_path, pipeline(), rows)), "records", "wrong")


def test_without_labels_or_events_that_is_what_is_wrong(tmp_path):
    rows = [{**row, "label": None} for row in events(500)]
    assert said(symptoms(facts(tmp_path, pipeline(), rows)), "labels", "wrong")
    assert said(symptoms(facts(tmp_path, pipeline(), [])), "events", "wrong")


def test_a_segment_in_which_it_fails_is_named(tmp_path):
    rng = np.random.default_rng(4)
    rows = [{**row, "label": bool(rng.random() < 0.2)} if row["shop"] == "s3" else row
            for row in events(9_000)]  # fmt: skip
    declared = pipeline(measure=Measure(by=["shop"]))
    assert "shop is s3" in said(symptoms(facts(tmp_path, declared, rows)), "segment", "doubtful")


def test_a_decision_that_is_seldom_taken_is_told_in_tenths(tmp_path):
    found = symptoms(facts(tmp_path, pipeline(decide=Threshold(0.6)), events()))
    assert re.search(r"of 100 that should be \d\.\d are$", said(found, "decisions", "good"))


def test_a_partition_without_a_worker_is_wrong(tmp_path):
    owned = [Partition(0, "host-0"), Partition(1)]
    live = Glance("it", "Stable", 1, owned, Meter())
    found = symptoms(facts(tmp_path, pipeline(), events(1_200), live))
    assert said(found, "workers", "wrong") == "1 of 2 partitions have no worker"
