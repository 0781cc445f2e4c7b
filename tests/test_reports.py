"""``thalweg report`` writes one page that needs nothing else, whatever stands in the events."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import matplotlib.image
import numpy as np
import pytest
from browser import look
from click.testing import CliRunner
from outside import Worker, read
from test_markup import Reader
from test_symptoms import START, events

from streams import load, producing, topics
from streams.broker import Broker
from streams.reportcommand import report
from streams.simulator import Simulator
from tests.card_schemas import SCHEMAS

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'
ESCAPES = "\x1b]0;title\x07\x1b[2J"
DECLARED = """
from datetime import datetime
from streams import Event, Labels, Measure, Pipeline, Topic
import msgspec
from models import AdaGrad, Adaptive, Hashed, Linear, Logistic, Number
from river import tree

class Seen(Event, frozen=True, rename={{"shop": "<b>shop</b>"}}):
    id: str
    at: datetime
    shop: str
    amount: float | None
    label: {label}

pipeline = Pipeline(
    name="it", events=Topic("events", schema=Seen, id="id", time="at"), labels="label",
    features=[Number("amount", scale="log"), Hashed("shop")], model={model},
    measure=Measure({measure}),
)
"""
BINARY = {
    "label": "bool | None", "model": "Logistic(bits=12, optimizer=AdaGrad(0.1))",
    "measure": 'per_day=20, one_per="shop", amount="amount", by=["shop"]',
}  # fmt: skip
KINDS = {
    "binary": BINARY,
    "adaptive": {**BINARY, "model": "Adaptive(Logistic(bits=12), reference=500)"},
    "tree": {**BINARY, "model": "tree.HoeffdingTreeClassifier()"},
    "regression": {
        "label": "float | None", "model": "Linear(bits=12)", "measure": 'by=["shop"]',
    },
    "multiclass": {
        "label": "str | None", "model": "tree.HoeffdingTreeClassifier()",
        "measure": 'by=["shop"]',
    },
}  # fmt: skip


def written(tmp_path: Path, rows, declared=BINARY, *words: str) -> str:
    pipeline, file = tmp_path / "it.py", tmp_path / f"{HOSTILE.replace('/', '')}.jsonl"
    pipeline.write_text(DECLARED.format(**declared))
    lines = ({**row, "<b>shop</b>": row["shop"]} for row in rows)
    file.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in lines))
    page = tmp_path / "report.html"
    given = [str(pipeline), "--events", str(file), "--to-file", str(page), *words]
    run = CliRunner().invoke(report, given)
    if run.exception is not None and not isinstance(run.exception, SystemExit):
        raise run.exception
    assert run.exit_code == 0, run.output
    assert run.stdout.strip() == str(page)
    return page.read_text()


def labelled(kind: str):
    """Events of a kind of label, in which one shop has a hostile name."""
    for number, row in enumerate(events(3_000)):
        row["shop"] = HOSTILE if row["shop"] == "s1" else row["shop"]
        if kind == "regression":
            row["label"] = row["amount"] * 2
        elif kind == "multiclass":
            row["label"] = HOSTILE if row["label"] else f"c{number % 2}"
        yield row


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_of_any_kind_of_model_has_no_script_and_no_other_place(tmp_path, kind):
    page = written(tmp_path, labelled(kind), KINDS[kind])
    read = Reader(page)
    assert not {"script", "b", "iframe", "link", "object", "form"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    sources = [value for name, value in read.attributes if name in ("src", "href")]
    assert sources
    assert all(value.startswith("data:image/svg+xml;base64,") for value in sources)
    assert HOSTILE in read.text  # the shop, as text
    assert "nan" not in read.text.lower().replace("alert", "")


LIVED = """
from models import AdaGrad, Hashed, Logistic, Number
from streams import Labels, Pipeline, Threshold, Topic

pipeline = Pipeline(
    name="{name}",
    events=Topic("{name}.payments", schema=Payment, id="tx_id", key="customer_id", time="at"),
    labels=Labels("{name}.chargebacks", schema=Chargeback, id="tx_id", value="fraud", time="at",
                  matures_after="3d", otherwise=0),
    features=[Number("amount", scale="log"), Hashed("terminal_id")],
    model=Logistic(bits=12, optimizer=AdaGrad(0.1)),
    decide=Threshold(0.2),
)
"""


@pytest.mark.kafka
def test_a_group_at_work_is_reported_as_it_is_and_in_a_range(broker: Broker, tmp_path: Path):
    name, file = f"card-{uuid4().hex[:8]}", tmp_path / "card.py"
    file.write_text(SCHEMAS + LIVED.format(name=name))
    topics.ensure(broker.bootstrap, topics.required_topics(load(str(file)), 2, retention_ms=-1))
    to = {"events": f"{name}.payments", "labels": f"{name}.chargebacks"}
    simulator = Simulator(seed=11, days=20, customers=200, terminals=300)
    producing.produce(simulator.messages(64), broker.bootstrap, to)
    page = tmp_path / "page.html"
    given = [str(file), "--brokers", broker.bootstrap, "--to-file", str(page)]

    def committed(topic: str) -> int:
        return len(list(read(broker.bootstrap, topic)))

    sent = committed(f"{name}.payments")

    def reported(*words: str) -> str:
        run = CliRunner().invoke(report, [*given, *words])
        assert run.exit_code == 0, run.exception
        return Reader(page.read_text()).text

    with Worker(file, broker.bootstrap, slot="a") as worker:
        worker.until(lambda: committed(f"{name}.predictions") == sent, 120)
        text = reported("--metrics-port", str(worker.ports[0]))
    assert f"what the group {name} computed: {sent:,} events of 2026-01-01" in text
    assert "Stable" in text
    assert "latency p99" in text
    late = reported("--from", "2026-01-11", "--to", "2026-01-16", "--metrics-port", "1")
    assert "events of 2026-01-11 00:00 to 2026-01-1" in late
    fresh = reported("--backtest", "--to", "2026-01-06")
    assert f"a run over the topic {name}.payments" in fresh


def test_a_value_commands_neither_a_page_nor_a_terminal(tmp_path):
    rng = np.random.default_rng(4)
    rows = [{**row, "shop": ESCAPES, "label": bool(rng.random() < 0.2)} if row["shop"] == "s3"
            else row for row in events(9_000)]  # fmt: skip
    assert "title" in written(tmp_path, rows)
    shown = CliRunner().invoke(
        report,
        [str(tmp_path / "it.py"), "--events", *map(str, tmp_path.glob("*.jsonl")),
         "--to-file", str(tmp_path / "page.html")],
    ).stderr  # fmt: skip
    assert "shop is \\x1b]0;title\\x07" in shown
    assert "\x1b]0" not in shown


@pytest.mark.parametrize("count", [0, 1, 99, 150])
def test_few_events_make_a_page_that_says_so(tmp_path, count):
    assert "What is wrong" in written(tmp_path, events(count))


def test_events_of_all_of_history_make_a_page(tmp_path):
    rng = np.random.default_rng(1)
    rows = list(events(3_000))
    for row in rows:
        row["at"] = (START + timedelta(days=float(rng.uniform(-730_000, 2_900_000)))).isoformat()
    assert "What is wrong" in written(tmp_path, rows)


def test_the_same_events_make_the_same_page(tmp_path):
    def without_date(page: str) -> str:
        head, _, tail = page.partition("reported ")
        return head + tail[20:]

    pages = {without_date(written(tmp_path, events(1_000))) for _ in range(2)}
    assert len(pages) == 1


def test_a_browser_shows_it_and_has_nothing_to_complain_of(tmp_path):
    page = tmp_path / "report.html"
    page.write_text(written(tmp_path, labelled("binary")))
    seen = look(page, tmp_path / "report.png")
    assert seen.console == []
    picture = matplotlib.image.imread(seen.picture)[..., :3]
    assert picture.shape[1] == 1060
    blue = np.array([0x4C, 0x8B, 0xF5]) / 255
    drawn = (np.abs(picture - blue) < 0.02).all(axis=-1).sum()
    assert drawn > 1_000, "the curves are there"


def test_the_browser_would_have_complained(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text('<img src=x onerror="console.log(1)"><script>throw Error("bad")</script>')
    assert len(look(page, tmp_path / "bad.png", 200).console) == 2
