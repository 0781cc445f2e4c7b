from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime

import msgspec
import pytest
from rich.console import Console
from river.anomaly import HalfSpaceTrees

from models import BySource, Clock, Cross, Hashed, LabelRate, Logistic, Spikes, Tokens, Window
from models.codes import code
from streams import (
    AlertBudget,
    Bands,
    Event,
    Field,
    Labels,
    Pipeline,
    Rule,
    Score,
    Threshold,
    Topic,
)
from streams.checking import Checked, as_json, check, describe
from streams.schema import Label


class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    card: str
    terminal: str
    amount: float
    tags: list[str]
    note: str | None = None


class Verdict(Label, frozen=True, kw_only=True):
    by: str


PIPELINE = Pipeline(
    name="fraud",
    events=Topic("payments", schema=Payment, id="tx_id", key="card", time="at"),
    labels=Labels("chargebacks", matures_after="7d", otherwise=0),
    features=[
        Clock("at", ["hour", "weekday"]),
        Hashed("card"),
        Cross("card", "terminal"),
        Tokens("tags"),
    ],
    model=Logistic(bits=10),
    decide=Threshold(0.9),
)


@pytest.fixture
def shown() -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(describe(PIPELINE))
    return console.file.getvalue()


def test_every_field_is_told_with_its_role_and_what_reads_it():
    lines = {line.field: line for line in check(PIPELINE).fields}
    assert list(lines) == list(Payment.__struct_fields__)
    assert [lines[name].role for name in ("tx_id", "card", "at", "amount")] == [
        "id",
        "key",
        "time",
        "",
    ]
    assert (lines["at"].features, lines["at"].entries) == (("Clock at",), ("2",))
    assert lines["card"].features == ("Hashed card", "Cross card*terminal")
    assert lines["tags"].entries == ("≤ 64",)
    assert (lines["note"].type, lines["note"].features) == ("str | None", ())


class Visit(Event, frozen=True, rename="camel"):
    visit_no: str
    page_kind: str
    at: datetime = msgspec.field(name="Wann")
    seconds: float | None = None


def test_what_a_record_calls_its_fields_is_told_and_a_record_is_shown():
    visits = Pipeline(
        name="visits",
        events=Topic("visits", schema=Visit, id="visit_no", key="page_kind", time="at"),
        labels=Labels("sales"),
        features=[Hashed("page_kind")],
        model=Logistic(bits=4),
    )
    checked = check(visits)
    assert {line.field: (line.record, line.default) for line in checked.fields} == {
        "visit_no": ("visitNo", None),
        "page_kind": ("pageKind", None),
        "at": ("Wann", None),
        "seconds": ("seconds", "None"),
    }
    event, label = checked.samples
    assert (event.topic, event.key) == ("visits", "whose key is its pageKind")
    assert isinstance(msgspec.json.decode(event.value, type=Visit), Visit)
    assert (label.topic, label.key) == ("sales", "whose key is that of its event")
    assert isinstance(msgspec.json.decode(label.value, type=Label), Label)
    out = io.StringIO()
    Console(file=out, width=100, soft_wrap=True).print(describe(visits))
    assert "in the record" in out.getvalue()
    assert "float | None = None" in out.getvalue()
    assert event.value in out.getvalue()


def test_names_in_the_record_are_left_out_where_they_are_those_of_the_fields(shown):
    assert "in the record" not in shown
    assert "a record of payments, whose key is its card" in shown


def test_the_topics_it_needs_are_told_with_their_partitions_and_cleanup():
    assert [(line.role, line.topic, line.cleanup) for line in check(PIPELINE).topics] == [
        ("events", "payments", "delete"),
        ("labels", "chargebacks", "delete"),
        ("predictions", "fraud.predictions", "delete"),
        ("dead-letters", "fraud.dead-letters", "delete"),
        ("checkpoints", "fraud.checkpoints", "compact"),
        ("journal", "fraud.journal", "delete"),
    ]
    assert check(PIPELINE).topics[1].partitions == "as many as events, keyed alike"


def test_the_weight_table_of_a_partition_is_told_in_bytes():
    checked = check(PIPELINE)
    assert checked.buckets == 1024
    assert checked.memory >= 1024 * 2 * 8


def test_what_a_published_reason_stands_for_is_told():
    assert not check(PIPELINE).reasons
    reasoned = replace(PIPELINE, reasons=3)
    checked = check(reasoned)
    assert checked.reasons == {name: code(name) for it in PIPELINE.features for name in it.names}
    out = io.StringIO()
    Console(file=out, width=100).print(describe(reasoned))
    assert all(it in out.getvalue() for it in checked.reasons.values())


def test_a_river_model_has_no_table():
    class Reading(Event, frozen=True):
        heat: float

    checked = check(
        Pipeline(
            name="heat", events=Topic("readings", schema=Reading), model=HalfSpaceTrees(seed=1)
        )
    )
    assert (checked.buckets, checked.memory, checked.labels) == (None, None, "none")
    assert checked.fields[0].features == ("as it is",)


def test_people_and_programs_are_told_the_same(shown):
    checked = msgspec.json.decode(as_json(PIPELINE), type=Checked)
    assert checked == check(PIPELINE)
    for told in (checked.version, checked.fingerprint, checked.labels, checked.decision):
        assert told in shown
    assert "1,024 buckets, 0.0 MB in each partition" in shown


def test_labels_and_decision_are_told_in_words():
    checked = check(PIPELINE)
    assert checked.labels == (
        "label in chargebacks, joined by its id; silence for 7d means 0; "
        "up to 1,000,000 events wait in each partition"
    )
    assert checked.decision == "true for a score of 0.9 or more"


def test_what_else_is_done_with_labels_is_told_where_it_is_declared():
    labels = Labels(
        "verdicts", schema=Verdict, matures_after="7d", otherwise=0, source="by", hold=True,
        correctable="60d", propensity="amount",
    )  # fmt: skip
    model = BySource({"desk": Logistic(bits=4), "bank": Logistic(bits=4)}, "bank")
    checked = check(
        Pipeline(
            name="fraud",
            events=Topic("payments", schema=Payment, id="tx_id", key="card", time="at"),
            labels=labels,
            features=[Hashed("card")],
            model=model,
        )
    )
    assert "taught apart by its by; held until then; corrected until 60d" in checked.labels
    assert {line.field: line.role for line in checked.fields}["amount"] == "propensity"


def test_the_memory_of_windows_is_told_and_which_see_their_own_partition_only():
    windows = [
        Window("amount", by="card", over=["1d", "7d"], stats=["mean"], remember=1000),
        Window(by="terminal", over=["1h"], stats=["count"], remember=500),
        LabelRate(by="terminal", over=["1d"], delay="7d", remember=250),
        Spikes("amount", by="card", above=2, usual="9d", over=["1d"], remember=100),
    ]
    pipeline = Pipeline(
        name="fraud",
        events=Topic("payments", schema=Payment, id="tx_id", key="card", time="at"),
        features=windows,
        labels=Labels("chargebacks"),
        model=Logistic(bits=4),
    )
    lines = {line.field: line for line in check(pipeline).fields}
    assert (lines["amount"].features, lines["amount"].entries) == (
        ("Window amount-by-card", "Spikes amount-spikes-by-card"),
        ("2", "1"),
    )
    assert lines["terminal"].features == (
        "Window events-by-terminal",
        "LabelRate labels-by-terminal",
    )
    size = sum(window.most_bytes for window in windows) / 1e6
    assert check(pipeline).windows == (
        f"up to 1,950 events, {size:.1f} MB in each partition; "
        "those by terminal see the events of their own partition"
    )
    assert check(PIPELINE).windows is None


def test_windows_that_are_shared_are_told_with_the_topic_they_need():
    windows = [
        Window(by="terminal", over=["1h"], stats=["count"], remember=500, shared=True),
        Window(by="card", over=["1h"], stats=["count"], remember=500),
    ]
    pipeline = Pipeline(
        name="fraud",
        events=Topic("payments", schema=Payment, id="tx_id", key="card", time="at"),
        features=windows,
        labels=Labels("chargebacks"),
        model=Logistic(bits=4),
    )
    checked = check(pipeline)
    assert checked.windows is not None
    assert checked.windows.endswith("those by terminal remember the events of all partitions")
    assert [it.partitions for it in checked.topics if it.role == "deltas"] == [
        "1, which all tasks read"
    ]


def test_how_is_decided_is_told_in_words():
    def told(**how):
        features, model = PIPELINE.features, PIPELINE.model
        return Pipeline(name="fraud", events=PIPELINE.events, features=features, model=model,
                        labels=Labels("chargebacks"), **how)  # fmt: skip

    rule = Rule("huge", (Field("amount") > 5_000) & (Score() > 0.2), then="decline", shadow=True)
    bands = Bands({"approve": 0.0, "decline": 0.8})
    checked = check(told(decide=bands, rules=[rule], explore=0.01))
    assert checked.decision == (
        "approve from 0, decline from 0.8; 0.01 of the severest decisions are not taken, by chance"
    )
    assert checked.rules == ("huge: 'decline' where (amount > 5000 and score > 0.2), in shadow",)
    budget = AlertBudget(per_day=9, one_per="card", partitions=2)
    assert check(told(decide=budget)).decision == (
        "true for 9 events a day (UTC), 5 of them in partition 0, one for each card"
    )
