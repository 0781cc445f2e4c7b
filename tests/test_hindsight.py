"""`thalweg what-if` counts what a backtest decided, by the labels that came since."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner

from streams.errors import TeachingError
from streams.hindsight import Hindsight
from streams.loading import load
from streams.recordings import write_files
from streams.replaycommands import replay
from streams.simulator import Simulator
from streams.whatifcommand import what_if
from tests.card_schemas import SCHEMAS

PIPELINE = (
    SCHEMAS
    + """
from models import Hashed, Logistic, Number
from streams import AlertBudget, Bands, Labels, Pipeline, Threshold, Topic

pipeline = Pipeline(
    name="card",
    events=Topic("payments", schema=Payment, id="tx_id", key="customer_id", time="at"),
    labels=Labels("chargebacks", schema=Chargeback, id="tx_id", value="fraud", time="at",
                  matures_after="3d", otherwise=0),
    features=[Number("amount", scale="standard"), Hashed("terminal_id")],
    model=Logistic(bits=12),
    decide={decide},
)
"""
)
PARTITIONS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("what-if")
    write_files(Simulator(seed=11, days=20, customers=200, terminals=300), folder)
    return folder


def file_of(folder, decide):
    file = folder / "card.py"
    file.write_text(PIPELINE.format(decide=decide))
    return file


def run(command, folder, file, *words):
    files = ["--events", folder / "payments.jsonl", "--labels", folder / "chargebacks.jsonl"]
    arguments = [file, *files, "--partitions", PARTITIONS, *words]
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)


def read(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def truth(folder):
    """By event: whether it was a fraud, and where it is known by the end."""
    payments = {it["tx_id"]: it for it in read(folder / "payments.jsonl")}
    last = max(datetime.fromisoformat(it["at"]) for it in payments.values())
    end = (last - timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    frauds = {it["tx_id"] for it in read(folder / "chargebacks.jsonl") if it["fraud"]}
    known = {
        name: name in frauds
        for name, it in payments.items()
        if datetime.fromisoformat(it["at"]) < end
    }
    return payments, known


@pytest.mark.parametrize(
    ("decide", "severest"),
    [
        ("Threshold(0.4)", True),
        ('Bands({"approve": 0, "ask": 0.2, "decline": 0.4})', "decline"),
        ('AlertBudget(per_day=20, one_per="customer_id", partitions=2)', True),
    ],
    ids=["threshold", "bands", "budget"],
)
def test_the_first_line_is_what_a_replay_decides(folder, decide, severest):
    file = file_of(folder, decide)
    lines = run(what_if, folder, file, "--json", "--amount", "amount", "--after", "1s").stdout
    row = json.loads(lines.splitlines()[0])
    run(replay, folder, file, "--to-file", folder / "predictions.jsonl")
    payments, known = truth(folder)
    begin = min(datetime.fromisoformat(it["at"]) for it in payments.values())
    stopped = {it["id"] for it in read(folder / "predictions.jsonl") if it["decision"] == severest}
    late = {
        name
        for name in known
        if datetime.fromisoformat(payments[name]["at"]) >= begin + timedelta(seconds=1)
    }
    frauds = {name for name in late if known[name]}
    hits = stopped & frauds
    assert hits
    assert row["recall"] == pytest.approx(len(hits) / len(frauds))
    assert row["precision"] == pytest.approx(len(hits) / len(stopped & late))
    assert row["caught"] == pytest.approx(sum(payments[name]["amount"] for name in hits))
    assert row["missed"] == pytest.approx(sum(payments[name]["amount"] for name in frauds - hits))


def test_a_ladder_of_thresholds_and_budgets_is_shown(folder):
    file = file_of(folder, "Threshold(0.5)")
    shown = run(what_if, folder, file, "--amount", "amount", "--one-per", "customer_id").stdout
    assert "threshold 0.9" in shown
    assert "budget 500" in shown
    rows = run(what_if, folder, file, "--budget", "20", "--budget", "3", "--json").stdout
    ways = [json.loads(line) for line in rows.splitlines()]
    assert [row["way"] for row in ways] == ["as declared", "budget 20", "budget 3"]
    assert 15 < ways[1]["alerts_a_day"] <= 20
    assert ways[1]["recall"] >= ways[2]["recall"]


@pytest.mark.parametrize(
    ("amount", "one_per", "given"),
    [
        ("customer_id", None, "--amount customer_id, which is no number"),
        ("amout", None, "--amount 'amout': no field is called 'amout'"),
        (None, "card", "--one-per 'card': no field is called 'card'"),
    ],
)
def test_a_field_that_is_asked_for_exists(folder, amount, one_per, given):
    declared = load(file_of(folder, "Threshold(0.5)"))
    with pytest.raises(TeachingError) as refused:
        Hindsight(declared, amount, one_per)
    assert refused.value.given == given


def test_what_never_happened_cannot_be_asked_about(folder):
    declared = load(file_of(folder, "Threshold(0.5)"))
    with pytest.raises(TeachingError, match="scored no event"):
        Hindsight(declared, None, None).past()
