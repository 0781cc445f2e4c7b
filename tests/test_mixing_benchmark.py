"""The benchmark of mixing: ways differ in mixing alone, and lines say what was found."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from benchmarks import mixing_data
from benchmarks.answering import answered
from benchmarks.measuring import BenchmarkError
from benchmarks.mixing import JUDGED, SERIAL, UNMIXED, WAYS, told, variants, verdict
from benchmarks.mixing_data import binned, log_loss, traffic
from benchmarks.mixing_pipelines import CASES, declared
from benchmarks.mixing_streams import Way, apart
from docs import tables
from streams.chunks import Chunk
from streams.offsets import Lag

N = 400


@pytest.fixture
def folder(tmp_path):
    """A file like that of the electricity market."""
    random = np.random.default_rng(5)
    numbers = {name: random.random(N) for name in CASES["elec2"].numbers}
    label = (numbers["nswprice"] > 0.5).astype(np.int64)
    parquet.write_table(pa.table(numbers | {"class": label}), tmp_path / "elec2.parquet")
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_pipelines_of_a_case_differ_in_mixing_alone(case):
    alone, mixed = declared(case, "x"), declared(case, "x", "saturating")
    told = dict(mixed.describe())
    assert told.pop("mixing")["how"] == "saturating"
    assert told == alone.describe()
    assert mixed.deltas_topic == "x.deltas"


def test_records_are_events_of_their_schema_and_measured_in_their_order(folder):
    given = traffic("elec2", folder)
    schema = CASES["elec2"].schema()
    rows = [msgspec.json.decode(value, type=schema) for value in given.events.values]
    assert [row.id for row in rows] == list(given.ids)
    perfect = given.measure(np.array([float(row.label) for row in rows]))
    assert perfect == {"auc": 1.0, "ap": 1.0, "log_loss": pytest.approx(0.0, abs=1e-9)}
    assert given.size == sum(map(len, given.events.values))


def test_a_choice_sees_nothing_behind_the_rows_that_choices_are_made_on(folder):
    given, score = traffic("elec2", folder), np.linspace(0.1, 0.9, N)
    before = given.choose(score)
    score[round(0.3 * N) :] = 0.5
    assert given.choose(score) == before
    assert given.measure(score) != given.measure(np.linspace(0.1, 0.9, N))


def test_bins_are_of_the_first_rows_and_half_of_them_is_for_each_class():
    numbers = np.arange(1000.0)[:, None]
    truth = np.arange(1000) % 100 == 99
    bins = binned(numbers, truth, np.arange(500))
    assert np.array_equal(bins, binned(np.minimum(numbers, 499.0), truth, np.arange(500)))
    assert bins.min() == 0
    assert bins.max() == 7
    assert (np.diff(bins[:, 0]) >= 0).all()


def test_log_loss_is_the_mean_surprise():
    assert log_loss(np.array([True, False]), np.array([0.5, 0.5])) == pytest.approx(np.log(2))
    assert np.isfinite(log_loss(np.array([True]), np.array([0.0])))


def test_a_task_answers_every_event_or_says_what_was_turned_away(folder):
    given = traffic("elec2", folder)
    pipeline = declared("elec2", "x")
    assert answered(pipeline, [given.events]).shape == (N,)
    with pytest.raises(BenchmarkError, match="turned away"):
        answered(pipeline, [Chunk([b"{}"])])


def test_learners_are_as_far_apart_as_the_events_that_they_have_come_to():
    events = Chunk([b""] * 80)
    way = Way(name="x", partitions=4)
    looks = [
        [Lag("e", n, at, 0, 20) for n, at in enumerate(look)] for look in ([9, 5, 5, 5], [0] * 4)
    ]
    assert apart(events, way, looks) == 32 - 17
    assert apart(events, way, []) == 0


def test_ways_have_names_of_their_own_and_what_is_judged_is_among_them():
    names = [way.name for way in WAYS]
    assert len(set(names)) == len(names)
    assert {SERIAL, UNMIXED, *JUDGED} <= set(names)


def a_row(**mixed):
    figures = {"auc": 0.87, "ap": 0.70, "log_loss": 0.02, "bytes": 0.0}
    ways = {SERIAL: figures, UNMIXED: figures | {"ap": 0.5}}
    return {"ways": ways | {way: figures | {"bytes": 0.03} | mixed for way in JUDGED}}


def test_the_line_of_a_data_set_has_all_figures_and_says_that_budgets_are_met():
    first, second = told("name", a_row())
    assert first == (
        "name serial 0.8700 0.7000 mixed 0.8700 0.7000 unmixed 0.8700 0.5000 bytes 3.00%  "
        "(mixed, 2 workers: all budgets met)"
    )
    assert "4 workers" in second
    assert told("name", {"ways": {}}) == []


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({"auc": 0.8679}, "auc"),
        ({"ap": 0.6899}, "ap"),
        ({"log_loss": 0.0203}, "log loss"),
        ({"bytes": 0.051}, "bytes"),
        ({"auc": 0.99, "ap": 0.99, "log_loss": 0.001}, None),
    ],
)
def test_a_budget_is_missed_by_what_is_worse_only(changed, missed):
    row = a_row(**changed)["ways"]
    found = verdict(row[SERIAL], row[JUDGED[0]])
    assert found == (f"MISSED: {missed}" if missed else "all budgets met")


def test_speed_is_compared_with_the_same_worker_without_mixing():
    off, mixing = variants("plain", 1_000)
    assert off.name == "off"
    assert off.command("b", "p")[:-2] == mixing.command("b", "p")[:-2]
    assert mixing.command("b", "p")[-2:] == ["plain_mixed", "on"]


def test_the_first_events_come_with_the_labels_of_their_time():
    given = mixing_data.Traffic(
        Chunk([b"a", b"b", b"c"], [b"k"] * 3, [10, 20, 30]),
        ["a", "b", "c"],
        Chunk([b"l", b"m"], [b"k"] * 2, [15, 25]),
        lambda _: {},
        lambda _: {},
    )
    first = given.first(2)
    assert first.labels is not None
    assert (len(first.events), list(first.ids), len(first.labels)) == (2, ["a", "b"], 1)


def test_the_page_shows_what_was_kept(tmp_path, monkeypatch):
    kept = tmp_path / "mixing.json"
    monkeypatch.setattr(tables, "MIXING", kept)
    assert "make bench-mixing" in tables.mixing()
    assert "make bench-mixing" in tables.mixing_cost()
    dial = {"divergence": 0.1, "look_every": 64}
    row = a_row(apart=120) | {"events": 1_000, "rate": 500.0, **dial}
    for figures in row["ways"].values():
        figures.setdefault("apart", 0)
    ways = {
        name: {"events_per_cpu_s": {"median": cost}, "of_off": {"median": cost / 400_000}}
        for name, cost in (("off", 400_000.0), ("mixing", 380_000.0))
    }
    cost = {"throughput, plain": {"pipeline": "plain", "ways": ways}}
    kept.write_bytes(msgspec.json.encode({"name": row} | cost))
    first, *_, last = tables.mixing().splitlines()[2:]
    assert first == "| name: 1,000; 500; 0.1, 64 | serial | 0.8700 | 0.7000 | 0.0200 | 0.00% | 0 |"
    assert last == "|  | mixed, 4 workers | 0.8700 | 0.7000 | 0.0200 | 3.00% | 120 |"
    assert tables.mixing_cost().splitlines()[2] == "| plain | 400,000 | 380,000 | 95.0% |"
