"""What a pipeline measures besides adds up, is bounded, and agrees with the plain definitions."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
import numpy as np
import pytest
from slicing import begun, slice_of
from test_daily import mean, plain
from test_quality import frozen

from models import AdaGrad, Cross, Hashed, Logistic, Number
from models.digests import digests
from models.measurement import Measurement
from models.quality import Quality
from models.textcolumn import TextColumn
from streams import Event, Labels, Measure, Pipeline, Threshold, Topic
from streams.predictions import Prediction

DAY = 86_400


class Payment(Event, frozen=True):
    id: str
    at: datetime
    card: str
    shop: str
    amount: float
    country: str


class Verdict(Event, frozen=True):
    id: str
    fraud: Literal[0, 1]
    at: datetime


def fraud(**changed) -> Pipeline:
    own = {
        "name": "fraud",
        "events": Topic("payments", schema=Payment, id="id", key="card", time="at"),
        "labels": Labels(
            "verdicts", schema=Verdict, value="fraud", time="at", matures_after="7d", otherwise=0
        ),
        "features": [Number("amount", scale="log"), Hashed("shop"), Hashed("card"),
                     Cross("card", "shop")],
        "model": Logistic(bits=18, optimizer=AdaGrad(0.1)),
        "decide": Threshold(0.3),
        "measure": Measure(
            per_day=100, one_per="card", days=30, amount="amount", by=["country"]
        ),
    }  # fmt: skip
    return Pipeline(**{**own, **changed})


def measured(kind="binary", **settings) -> Quality:
    return Quality(kind, window=50, measurement=Measurement(kind, window=50, **settings))


def feed(quality, score, decision, target, at=None, **columns):
    """Events that are scored, then labelled."""
    n = len(target)
    first = feed.next
    feed.next += n
    at = np.zeros(n) if at is None else at
    score = np.asarray(score, np.float64)
    quality.scored(first, at, score, decision, columns)
    quality.update(score, decision, target, np.zeros(n), np.arange(first, first + n))
    quality.settled(feed.next)
    return quality


@pytest.fixture(autouse=True)
def _rows():
    feed.next = 0


def test_live_card_precision_on_the_handbooks_payments_is_the_plain_definition(shared_data):
    payments = _handbook(shared_data, days=18)
    one = _tasks(fraud(), payments, partitions=1)
    three = _tasks(fraud(), payments, partitions=3)
    for tasks, merged in (one, three):
        scores = {it.id: it.score for _, found in tasks for it in found}
        final = [row for row in payments if row["day"] < 10]
        by_day = plain(
            [row["day"] for row in final],
            _cards(final).tolist(),
            [scores[row["id"]] for row in final],
            [row["fraud"] for row in final],
            100,
        )
        precision, ceiling, _ = (mean(figures) for figures in zip(*by_day, strict=True))
        found = merged.summary()
        assert found["card_precision_days"] == 10
        assert found["card_precision"] == pytest.approx(precision, abs=1e-12)
        assert found["card_precision_ceiling"] == pytest.approx(ceiling, abs=1e-12)
        assert 0 < precision < ceiling


def test_a_segment_has_the_figures_of_its_labels_alone():
    random = np.random.default_rng(1)
    country = random.choice(["AT", "BE"], 600)
    target = random.random(600) < 0.3
    score = np.clip(0.5 * target + random.random(600) / 2, 0, 1)
    quality = feed(measured(by=["country"]), score, score > 0.5, target, country=country.tolist())
    figures = quality.segments()
    assert set(figures) == {("country", "AT"), ("country", "BE")}
    for name in ("AT", "BE"):
        alone = Quality("binary")
        mine = country == name
        alone.update(score[mine], score[mine] > 0.5, target[mine])
        expected = alone.summary()
        for figure in ("labels", "auc", "average_precision", "log_loss", "precision", "recall"):
            assert figures["country", name][figure] == expected[figure]
    windowed = figures["country", "AT"]["window_labels"] + figures["country", "BE"]["window_labels"]
    assert windowed == 50


@pytest.mark.parametrize(
    ("kind", "target", "score", "decision", "figure"),
    [
        ("regression", np.arange(300.0), np.arange(300.0) + 1, None, "mae"),
        ("multiclass", ["a", "b", "c"] * 100, np.full(300, 0.5), ["a"] * 300, "accuracy"),
        ("anomaly", [0, 1, 0] * 100, np.arange(300.0), None, "auc"),
    ],
)
def test_every_kind_of_model_has_segments(kind, target, score, decision, figure):
    quality = measured(kind, by=["country"])
    feed(quality, score, decision or [None] * 300, target, country=["AT", None, "BE"] * 100)
    figures = quality.segments()
    assert {value for _, value in figures} == {"AT", "BE", "missing"}
    assert all(figure in it and it["labels"] == 100 for it in figures.values())


def test_values_beyond_the_twentieth_are_pooled_and_so_are_those_with_few_labels():
    values = [f"v{number}" for number in range(25)] * 120 + ["v3"] * 500
    quality = measured(by=["field"])
    feed(quality, np.full(len(values), 0.5), [None] * len(values), [0, 1] * (len(values) // 2),
         field=values)  # fmt: skip
    figures = quality.segments()
    assert {value for _, value in figures} == {f"v{number}" for number in range(20)} | {"other"}
    assert figures["field", "other"]["labels"] == 5 * 120
    few = measured(by=["field"])
    feed(few, np.full(150, 0.5), [None] * 150, [0, 1] * 75, field=["a"] * 140 + ["b"] * 10)
    assert {value for _, value in few.segments()} == {"a", "other"}


def test_no_value_of_a_field_that_turns_out_to_be_an_id_is_shown():
    values = ["4000"] * 100 + [str(number) for number in range(400)]
    quality = measured(by=["field"])
    feed(quality, np.full(500, 0.5), [None] * 500, [0, 1] * 250, field=values)
    [(place, figures)] = quality.segments().items()
    assert (place, figures["labels"]) == (("field", "other"), 500)


def test_money_is_what_was_caught_missed_and_stopped():
    quality = feed(
        measured(amount="amount"),
        [0.9, 0.9, 0.1, 0.1, 0.9, math.nan],
        [True, True, False, False, True, None],
        [1, 0, 1, 0, 1, 1],
        amount=np.array([10.0, 3.0, 20.0, 4.0, math.nan, 50.0]),
    )
    figures = quality.summary()
    assert figures["money_caught"] == 10.0
    assert figures["money_missed"] == 20.0
    assert figures["money_recall"] == pytest.approx(1 / 3)
    assert figures["money_stopped_for_nothing"] == 3.0
    assert figures["window_money_missed"] == 20.0
    assert figures["false_alerts_per_caught"] == 0.5


def test_what_is_estimated_before_labels_is_what_they_say_when_they_come():
    random = np.random.default_rng(3)
    true = random.beta(0.3, 3.0, 60_000)
    target = (random.random(60_000) < true).astype(int)
    score = true**2  # ranks as well, says something else
    decision = score > 0.1
    quality = measured(estimate=True)
    assert math.isnan(quality.summary()["estimated_precision"])
    feed(quality, score[:30_000], decision[:30_000], target[:30_000])
    rest = slice(30_000, None)
    quality.scored(30_000, np.zeros(30_000), score[rest], decision[rest], {})
    figures = quality.summary()
    alone = Quality("binary")
    alone.update(score[rest], decision[rest], target[rest])
    later = alone.summary()
    assert figures["estimated_events"] == 30_000
    for name in ("base_rate", "precision", "recall", "auc", "average_precision"):
        assert figures[f"estimated_{name}"] == pytest.approx(later[name], abs=0.015), name


def test_merged_partitions_measure_what_one_would_have_measured():
    random = np.random.default_rng(5)
    n = 900
    country = random.choice(["AT", "BE", "CH"], n)
    target, amount = (random.random(n) < 0.2).astype(int), random.random(n)
    score = random.random(n)
    settings = {"by": ["country"], "amount": "amount", "estimate": True}
    whole, merged = measured(**settings), measured(**settings)

    def fed(quality, rows):
        feed.next = 0
        own = {"country": country[rows].tolist(), "amount": amount[rows]}
        return feed(quality, score[rows], score[rows] > 0.5, target[rows], **own)

    fed(whole, slice(None))
    for rows in (slice(0, 500), slice(500, None)):
        merged.merge(fed(measured(**settings), rows))
    ours, theirs = merged.summary(), whole.summary()
    for name in ("money_caught", "money_missed", "estimated_events"):
        assert frozen(ours[name]) == frozen(theirs[name])
    here, there = merged.segments(), whole.segments()
    assert set(here) == set(there) == {("country", value) for value in ("AT", "BE", "CH")}
    for place, figures in there.items():
        for name, figure in figures.items():
            if not name.startswith("window_"):
                assert frozen(here[place][name]) == frozen(figure), (place, name)


def test_classes_and_values_are_merged_by_name():
    one, two = measured("multiclass", by=["field"]), measured("multiclass", by=["field"])
    feed(one, np.full(300, 0.5), ["a"] * 300, ["a", "b", "a"] * 100, field=["x", "x", "y"] * 100)
    feed.next = 0
    feed(two, np.full(300, 0.5), ["b"] * 300, ["b", "c", "b"] * 100, field=["y", "x", "y"] * 100)
    one.merge(two)
    figures = one.segments()
    assert (figures["field", "x"]["labels"], figures["field", "y"]["labels"]) == (300, 300)
    assert figures["field", "x"]["accuracy"] == 1 / 3
    assert figures["field", "y"]["accuracy"] == 1.0
    assert figures["field", "y"]["majority_accuracy"] == 2 / 3


def test_no_score_depends_on_what_is_measured():
    assert fraud().fingerprint == fraud(measure=None).fingerprint


def test_a_change_of_what_is_measured_keeps_the_state_and_begins_to_measure_anew():
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    values = [
        msgspec.json.encode(
            Payment(f"p{number}", begin + timedelta(hours=number), "c", "s", 1.0, "AT")
        )
        for number in range(400)
    ]
    before = begun(fraud(measure=Measure(by=["country"])))
    before.take(slice_of(values[:300], "payments"))
    after = begun(fraud())
    after.restore(before.image())
    assert after.learned == before.learned > 100
    output = after.take(slice_of(values[300:], "payments", start=300))
    kept = before.take(slice_of(values[300:], "payments", start=300))
    assert output.predictions.values == kept.predictions.values
    assert ("country", "AT") in before.quality.segments()
    assert after.quality.segments() == {}
    again = begun(fraud())
    again.restore(after.image())
    assert frozen(again.quality.state()) == frozen(after.quality.state())


def _handbook(folder, days):
    """Payments of the first days: id, second, day, card, shop, amount, fraud."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "handbook_raw.parquet")
    table = table.filter(pc.less(table["TX_TIME_DAYS"], days))
    names = {
        "id": "TRANSACTION_ID", "second": "TX_TIME_SECONDS", "day": "TX_TIME_DAYS",
        "card": "CUSTOMER_ID", "shop": "TERMINAL_ID", "amount": "TX_AMOUNT", "fraud": "TX_FRAUD",
    }  # fmt: skip
    columns = [table[name].to_pylist() for name in names.values()]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return [{**row, "id": str(row["id"]), "fraud": int(row["fraud"])} for row in rows]


def _cards(rows):
    return digests(TextColumn.of([str(row["card"]) for row in rows]))[:, 0]


def _tasks(pipeline, payments, partitions):
    """What each partition predicted, and the quality of all; labels come two days later."""
    begin = datetime(2018, 4, 1, tzinfo=UTC)
    tasks, merged = [], pipeline.new_quality()
    for number in range(partitions):
        mine = [row for row in payments if int(row["card"]) % partitions == number]
        task = begun(pipeline)
        lines = []
        told = [
            Verdict(row["id"], 1, begin + timedelta(seconds=int(row["second"]) + 2 * DAY))
            for row in mine
            if row["fraud"]
        ]
        task.take(slice_of([msgspec.json.encode(one) for one in told], "verdicts"))
        for start in range(0, len(mine), 4_000):
            events = [
                Payment(
                    row["id"], begin + timedelta(seconds=int(row["second"])), str(row["card"]),
                    str(row["shop"]), row["amount"], "XX",
                )
                for row in mine[start : start + 4_000]
            ]  # fmt: skip
            values = [msgspec.json.encode(one) for one in events]
            lines += task.take(slice_of(values, "payments", start=start)).predictions.values
        tasks.append((task, [msgspec.json.decode(line, type=Prediction) for line in lines]))
        merged.merge(task.quality)
    return tasks, merged
