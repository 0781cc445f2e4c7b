"""The examples are declarations that hold on the data they are written for."""

from __future__ import annotations

from operator import eq
from pathlib import Path

import msgspec
import pytest
from river import datasets

from models.protocol import Plan
from streams import load
from streams.simulator import Simulator

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_one_pipeline_called_like_its_file(path):
    assert load(path).name == path.stem


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_fits_on_a_page(path):
    assert len(path.read_text().splitlines()) <= 60


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
