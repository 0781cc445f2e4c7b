from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from river.linear_model import LogisticRegression
from river.tree import HoeffdingTreeClassifier

from models import FTRL, Hashed, Linear, Logistic, Number, Undersampled, Weighted
from models.encoders import HashedEncoder, NamedEncoder
from models.protocol import Scores
from streams import (
    AlertBudget,
    Event,
    Field,
    Labels,
    Pipeline,
    Rule,
    Threshold,
    Topic,
)


class Payment(Event, frozen=True):
    tx_id: str
    customer_id: str
    amount: float
    at: float
    fraud: bool = False


ROOT = Path(__file__).parents[1]

EVENTS = Topic("payments", schema=Payment, id="tx_id", key="customer_id", time="at")

SOUND = {
    "name": "fraud",
    "events": EVENTS,
    "labels": Labels("chargebacks"),
    "features": [Number("amount"), Hashed("customer_id")],
    "model": Logistic(bits=6),
}


def declared(**changed) -> Pipeline:
    return Pipeline(**{**SOUND, **changed})


def named(**changed) -> Pipeline:
    return declared(**{"features": None, "model": HoeffdingTreeClassifier(), **changed})


def test_a_pipeline_is_frozen_with_all_its_parts():
    pipeline = declared()
    with pytest.raises(dataclasses.FrozenInstanceError):
        pipeline.seed = 1
    assert pipeline.features == (Number("amount"), Hashed("customer_id"))


def test_its_topics_are_called_after_it():
    pipeline = declared()
    assert pipeline.input_topics == ("payments", "chargebacks")
    assert (
        pipeline.predictions_topic,
        pipeline.dead_letters_topic,
        pipeline.checkpoints_topic,
    ) == (
        "fraud.predictions",
        "fraud.dead-letters",
        "fraud.checkpoints",
    )


def test_encoder_rows_and_learner_fit_each_other_for_our_models():
    pipeline = declared()
    encoder, rows, learner = pipeline.new_encoder(), pipeline.new_rows(), pipeline.new_learner(0)
    assert isinstance(encoder, HashedEncoder)
    assert (encoder.bits, encoder.fields) == (6, pipeline.fields)
    encoder.append({"amount": [1.0, 2.0], "customer_id": ["a", "b"]}, 2, rows)
    assert len(rows) == 2
    assert learner.kind == pipeline.kind == pipeline.new_quality().kind == "binary"


def test_the_encoder_hashes_as_its_model_does():
    pipeline = declared(model=Logistic(bits=6, seed=9))
    assert pipeline.new_encoder().seed == 9


def test_a_river_model_without_features_reads_all_fields_but_id_time_and_label():
    pipeline = named()
    assert isinstance(pipeline.new_encoder(), NamedEncoder)
    assert pipeline.fields == ("customer_id", "amount", "fraud")
    assert named(labels="fraud").fields == ("customer_id", "amount")


def test_the_users_own_estimator_learns_nothing():
    estimator = LogisticRegression()
    pipeline = named(features=[Number("amount")], model=estimator, labels="fraud")
    pipeline.new_learner(0).learn({"amount": 2.0}, True)
    assert estimator.weights == {}
    assert pipeline.new_learner(1).summary()["learned"] == 0


def test_each_partition_learns_with_a_seed_of_its_own_and_always_the_same():
    seeds = []

    class Seeded(Logistic):
        def new(self, seed):
            seeds.append(seed)
            return super().new(seed)

    pipeline = declared(model=Seeded(bits=4), seed=10)
    for partition in (0, 1, 0):
        pipeline.new_learner(partition)
    assert seeds == [10, 11, 10]


def test_a_rule_decides_where_there_is_one_and_the_model_where_not():
    def decided(scores, **how):
        decider = declared(**how).new_decider(0)
        return decider.decide(scores, {}, None, np.zeros(len(scores.value), np.int64)).decision

    scores = Scores(np.array([0.2, 0.9, np.nan]), [True, False, None])
    assert decided(scores, decide=Threshold(0.15)) == [True, True, None]
    assert decided(scores) == [True, False, None]
    numbers = Scores(np.array([0.2, 7.0]), None)
    how = {"labels": "amount", "features": [Hashed("customer_id")], "model": Linear(bits=4)}
    assert decided(numbers, **how) == [None, None]


def test_the_fingerprint_is_the_same_for_the_same_declaration_in_any_process():
    code = (
        "from tests.test_pipeline import declared, named; "
        "print(declared().fingerprint, named().fingerprint)"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert there == [declared().fingerprint, named().fingerprint]


class Priced(Event, frozen=True):
    tx_id: str
    customer_id: str
    amount: int
    at: float
    fraud: bool = False


CHANGES = {
    "another field's type": {"events": Topic("payments", schema=Priced, id="tx_id", time="at")},
    "another time": {"events": Topic("payments", schema=Payment, id="tx_id")},
    "another feature": {"features": [Number("amount", scale="log"), Hashed("customer_id")]},
    "another order of features": {"features": [Hashed("customer_id"), Number("amount")]},
    "another size": {"model": Logistic(bits=7)},
    "another optimizer": {"model": Logistic(bits=6, optimizer=FTRL())},
    "another hash seed": {"model": Logistic(bits=6, seed=1)},
    "another maturity": {"labels": Labels("chargebacks", matures_after="7d", otherwise=0)},
    "another memory": {"labels": Labels("chargebacks", remember=10)},
    "another label": {"labels": "fraud"},
    "labels that are held": {
        "labels": Labels("chargebacks", matures_after="7d", otherwise=0, hold=True)
    },
    "labels that are corrected": {
        "labels": Labels("chargebacks", matures_after="7d", otherwise=0, correctable="9d")
    },
    "labels that are weighed": {"labels": Labels("chargebacks", propensity="amount")},
    "a balanced model": {"model": Undersampled(Logistic(bits=6), keep=0.5)},
    "a weighted model": {"model": Weighted(Logistic(bits=6), {1: 2.0})},
    "another decision": {"decide": Threshold(0.4)},
    "a rule": {"decide": Threshold(0.5), "rules": [Rule("huge", Field("amount") > 5, then=True)]},
    "exploration": {"decide": Threshold(0.5), "explore": 0.1},
    "a budget": {"decide": AlertBudget(per_day=5)},
    "another seed": {"seed": 1},
    "another limit": {"max_event_bytes": 1000},
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
def test_whatever_changes_a_result_changes_the_fingerprint(changed):
    assert declared(**changed).fingerprint != declared().fingerprint


def test_river_parameters_change_the_fingerprint():
    one, other = (
        named(features=[Number("amount")], model=LogisticRegression(l2=l2)) for l2 in (0.0, 0.1)
    )
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "cards"},
        {"labels": Labels("complaints")},
        {"events": Topic("card-payments", schema=Payment, id="tx_id", key="tx_id", time="at")},
    ],
)
def test_names_of_topics_and_pipelines_do_not_change_the_fingerprint(changed):
    assert declared(**changed).fingerprint == declared().fingerprint


def test_the_version_is_the_name_and_the_beginning_of_the_fingerprint():
    pipeline = declared()
    assert pipeline.model_version == f"fraud-{pipeline.fingerprint[:8]}"
    assert len(pipeline.fingerprint) == 32
    assert repr(pipeline) == f"<Pipeline {pipeline.model_version}>"


def test_a_declaration_loads_neither_faust_nor_kafka():
    code = (
        "import sys, models, streams; assert 'numpy' not in sys.modules; "
        "from streams import load; load('examples/fraud.py'); "
        "assert not {'faust', 'aiokafka', 'kafka', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_everything_a_declaration_needs_is_exported():
    import models
    import streams

    for package in (models, streams):
        for name in package.__all__:
            found = getattr(package, name)
            assert name in (found.__name__, "Secret")  # an annotated type has no name
        with pytest.raises(ImportError):
            exec(f"from {package.__name__} import Nonsense")
