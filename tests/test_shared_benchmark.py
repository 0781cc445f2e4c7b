"""The benchmark of shared windows: tasks are the product's, and its shares are of equal rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from test_fraud_benchmark import raw  # noqa: F401  # a fixture

from benchmarks import fraud_pipelines, shared_tasks
from benchmarks.answering import answered
from benchmarks.fraud_records import labels, payments
from benchmarks.handbook import read
from benchmarks.shared_tasks import simulated
from benchmarks.shared_windows import WAYS, same
from streams.chunks import joined


def given(raw):  # noqa: F811
    known, events = read(raw), joined(list(payments(raw)))
    return known, (known.at.astype("datetime64[us]").astype(np.int64), events, labels(known))


def test_one_partition_answers_as_it_does_elsewhere(raw):  # noqa: F811
    known, records = given(raw)
    found = simulated(fraud_pipelines.one, *records, 1, 0)
    expected = answered(fraud_pipelines.one, payments(raw), [labels(known)])
    assert np.array_equal(found.score, expected)
    assert found.late.rows == found.late.told == 0


def test_partitions_hear_of_each_other_as_late_as_they_are_to(raw, monkeypatch):  # noqa: F811
    monkeypatch.setattr(shared_tasks, "_TICK", 5)
    _, records = given(raw)
    soon, late = (simulated(fraud_pipelines.shared, *records, 4, delay) for delay in (0, 60))
    assert soon.late.rows > late.late.rows > 0
    assert 0 < soon.late.mean < 60 <= late.late.mean


def test_rows_are_the_same_where_all_figures_of_terminals_are(raw, tmp_path):  # noqa: F811
    known, records = given(raw)
    found = simulated(fraud_pipelines.one, *records, 1, 0)
    names = [name for it in fraud_pipelines.one.features for name in it.names]
    table = {"TRANSACTION_ID": known.id}
    for days in (1, 7, 30):
        for ours, theirs in (("count", "NB_TX"), ("rate", "RISK")):
            own = found.figures[:, names.index(f"labels-by-terminal_id.{ours}.{days}d")]
            table[f"TERMINAL_ID_{theirs}_{days}DAY_WINDOW"] = own + (days == 7) * (known.id < 30)
    parquet.write_table(pa.table(table), tmp_path / "book.parquet")
    shares = same(fraud_pipelines.one, known, tmp_path / "book.parquet", found)
    assert (shares["same_1d"], shares["same_7d"], shares["same"]) == (1.0, 0.9, 0.9)


def test_ways_differ_in_partitions_and_sharing_alone():
    assert {way.pipeline for way in WAYS.values()} == {"one", "four", "shared"}
    shared, four = (fraud_pipelines.__dict__[name] for name in ("shared", "four"))
    assert shared.shares
    assert not four.shares
    assert shared.model.describe() == four.model.describe()
