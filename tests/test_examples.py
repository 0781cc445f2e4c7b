"""The examples are declarations that hold on the data they are written for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from operator import eq
from pathlib import Path

import msgspec
import numpy as np
import pytest
from confluent_kafka import Producer
from example_streams import SHARED_STREAMS, STREAMS, Stream
from outside import Worker, read
from river import datasets

from models.protocol import Plan
from models.ranking import Ranking
from streams import Pipeline, load
from streams.broker import Broker
from streams.columns import Fields
from streams.simulator import Simulator
from streams.sources import open_source
from streams.topics import ensure, required_topics

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_one_pipeline_called_like_its_file(path):
    assert load(path).name == path.stem


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_forty_lines_at_the_most(path):
    assert len(list(filter(str.strip, path.read_text().splitlines()))) <= 40


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """Not the one that all modules share: the topics of the examples have fixed names."""
    with Broker() as broker:
        yield broker


@pytest.fixture
def stream(name: str, request: pytest.FixtureRequest) -> Stream:
    if name in STREAMS:
        return STREAMS[name]()
    return SHARED_STREAMS[name](request.getfixturevalue("shared_data"))


@pytest.mark.kafka
@pytest.mark.parametrize("name", [path.stem for path in EXAMPLES])
def test_an_example_tells_the_classes_apart_on_a_real_kafka(broker, name, stream):
    pipeline = load(FOLDER / f"{name}.py")
    scores, decisions = answers(broker.bootstrap, pipeline, stream)
    assert len(scores) == len(stream.truth)
    late = slice(len(scores) // 2, None)
    ranking, truth = Ranking(unbounded=True), np.array(stream.truth)
    ranking.add(scores[late], truth[late].astype(np.int8))
    # A random order has an AUC of one half, and the share of positives as its average precision.
    assert ranking.auc() > 0.7
    assert ranking.average_precision() > min(2 * truth[late].mean(), 0.9)
    if name == "electricity":  # where yesterday's label is the one to beat
        unchanged = truth[1:] == truth[:-1]
        assert (decisions == truth)[late].mean() > unchanged[late].mean() + 0.05


def answers(brokers: str, pipeline: Pipeline, stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    """Score and decision of each event, in order, as a worker has published them."""
    ensure(brokers, required_topics(pipeline, 1, retention_ms=-1))
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 20})
    keyed = pipeline.events.key
    for topic, rows in zip(pipeline.input_topics, (stream.events, stream.labels), strict=False):
        names = {name.lower(): name for name in rows[0]}
        for row in rows:
            producer.produce(topic, json.dumps(row), keyed and str(row[names[keyed]]))
            producer.poll(0)
    assert producer.flush(30) == 0
    with Worker(FOLDER / f"{pipeline.name}.py", brokers) as worker:
        events = len(stream.events)
        worker.until(lambda: worker.total("thalweg_predictions_total") >= events, 100)
        assert worker.stop() == 0, worker.output
    published = [json.loads(one.value()) for one in read(brokers, pipeline.predictions_topic)]
    assert [one["offset"] for one in published] == list(range(events))
    scores, decisions = ([one[name] for one in published] for name in ("score", "decision"))
    return np.array(scores, float), np.array(decisions, bool)


def test_the_fraud_example_reads_all_that_the_simulator_sends():
    pipeline = load(FOLDER / "fraud.py")
    schemas = {"events": pipeline.events.schema, "labels": pipeline.label_topic.schema}
    strict = {
        role: msgspec.json.Decoder(
            msgspec.defstruct(
                f"Strict{role}", [], bases=(schema,), frozen=True, forbid_unknown_fields=True
            )
        )
        for role, schema in schemas.items()
    }
    seen = set()
    for block in Simulator(customers=200, terminals=100, days=2).messages():
        for role, key, value in zip(block.roles, block.keys, block.values, strict=True):
            message = strict[role].decode(value)
            assert message.customer_id.encode() == key
            seen.add(role)
    assert seen == {"events", "labels"}


def test_the_phishing_example_reaches_rivers_published_accuracy_to_the_digit():
    pipeline = load(FOLDER / "phishing.py")
    encoder, rows, learner = pipeline.new_encoder(), pipeline.new_rows(), pipeline.new_learner(0)
    events = list(datasets.Phishing())
    columns = {field: [x[field] for x, _ in events] for field in pipeline.fields}
    encoder.append(columns, len(events), rows)
    targets = [y for _, y in events]
    plan = Plan()
    plan.score_then_learn(0, targets)
    scores = learner.run(plan, rows)
    assert scores.decision is not None
    right = sum(map(eq, scores.decision, targets))
    assert right / len(targets) == 0.8872


def test_the_page_makes_files_that_the_examples_read(shared_data, tmp_path, monkeypatch):
    for name, file in (("sms_spam", "sms_spam"), ("handbook", "handbook_raw")):
        (tmp_path / f"{name}.parquet").symlink_to(shared_data / f"{file}.parquet")
    monkeypatch.chdir(tmp_path)
    page = (FOLDER.parent / "docs/examples.md").read_text()
    for block in re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        exec(block, {})
    schemas = {
        "messages": load(FOLDER / "spam.py").events.schema,
        "frauds": load(FOLDER / "handbook.py").label_topic.schema,
        "handbook": load(FOLDER / "handbook.py").events.schema,
    }
    for file, schema in schemas.items():
        first = next(iter(open_source(f"{file}.parquet", Fields())))
        decode = msgspec.json.Decoder(schema).decode
        assert len(list(map(decode, first.values))) > 1_000
