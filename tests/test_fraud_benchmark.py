"""The fraud benchmark: a choice sees nothing of the test week, and its lines say what was found."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from benchmarks import fraud, fraud_choice
from benchmarks.fraud_pipelines import PIPELINES, Payment, on_partitions, one, preset
from benchmarks.fraud_records import labels, payments
from benchmarks.fraud_rivals import progressive
from benchmarks.handbook import EARLIER, TEST_WEEK, Figures, measured, read
from docs import tables
from streams.chunks import first

DAY = np.timedelta64(1, "D")


@pytest.fixture
def raw(tmp_path):
    """A file like the handbook's: 300 payments in the days around the test week's beginning."""
    n = np.arange(300)
    at = (TEST_WEEK - 9 * DAY).astype("datetime64[s]") + n * np.timedelta64(1, "h")
    table = {
        "TRANSACTION_ID": n[::-1].astype(np.int32),
        "TX_DATETIME": at.astype("datetime64[ms]"),
        "CUSTOMER_ID": (n % 7).astype(np.int16),
        "TERMINAL_ID": (n % 11).astype(np.int16),
        "TX_AMOUNT": 10.0 + n % 13,
        "TX_FRAUD": (n % 11 == 4).astype(np.int8),
        "TX_FRAUD_SCENARIO": np.zeros(300, np.int8),
    }
    path = tmp_path / "handbook_raw.parquet"
    parquet.write_table(pa.table(table), path)
    return path


def test_a_record_has_what_a_bank_knows_at_once_and_nothing_else(raw):
    (chunk,) = payments(raw)
    record = msgspec.json.decode(chunk.values[0])
    assert record.keys() == set(Payment.__struct_fields__)
    assert record | {"at": None} == {
        "tx_id": "299", "at": None, "customer_id": "0", "terminal_id": "0", "amount": 10.0,
    }  # fmt: skip
    assert chunk.keys[0] == b"0"
    assert np.datetime64(chunk.timestamps[0], "ms") == read(raw).at[0]


def test_a_label_comes_for_each_fraud_seven_days_later(raw):
    known = read(raw)
    chunk = labels(known)
    assert len(chunk) == known.fraud.sum()
    label = msgspec.json.decode(chunk.values[0])
    assert label["id"] == str(known.id[4])
    assert label["label"] == 1
    assert np.datetime64(label["at"].removesuffix("Z")) == known.at[4] + 7 * DAY
    assert chunk.keys[0] == str(known.customer[4]).encode()


def test_the_pipelines_are_the_preset_on_topics_of_their_own():
    found = {count: fraud_choice.on_partitions(count).name for count in PIPELINES}
    assert found == {1: "fraud-1", 4: "fraud-4"}
    assert one.model.describe() == preset()["model"].describe()
    assert not set(one.input_topics) & set(on_partitions(4).input_topics)


@pytest.mark.parametrize("name", fraud_choice.ALTERNATIVES)
def test_an_alternative_is_a_pipeline_that_differs_from_the_preset(name):
    changed = on_partitions(1, **fraud_choice.ALTERNATIVES[name])
    same = name == "the preset"
    assert (changed.model_version == one.model_version) is same


def test_a_choice_never_sees_the_test_week(raw, monkeypatch):
    seen = []

    def noted(pipeline, records, known):
        seen.append((sum(map(len, records)), known))
        return np.zeros(len(known))

    monkeypatch.setattr(fraud_choice, "answered", noted)
    monkeypatch.setattr(fraud_choice, "mean_figures", lambda *_: Figures(0.5, 0.1, 0.0))
    assert dict(fraud_choice.alternatives(raw, read(raw), "plain")).keys() == {"plain quantiles"}
    ((records, known),) = seen
    assert 0 < records == len(known) < 300
    assert known.day.max() < TEST_WEEK


def test_without_kafka_each_payment_is_answered_once_in_the_order_of_the_file(raw):
    known = read(raw)
    score = fraud_choice.answered(one, payments(raw), known)
    assert score.shape == (300,)
    assert np.isfinite(score).all()
    before = known.before(TEST_WEEK)
    begun = fraud_choice.answered(one, first(payments(raw), len(before)), before)
    np.testing.assert_array_equal(begun, score[: len(before)])


class Recording:
    """Notes what it is asked and taught."""

    def __init__(self):
        self.steps = []

    def learn_one(self, x, y):
        self.steps.append(("learn", x["NUMBER"], y))

    def predict_proba_one(self, x):
        self.steps.append(("score", x["NUMBER"]))
        return {True: x["TX_AMOUNT"]}


def test_a_rival_learns_what_is_seven_days_old_before_it_scores(raw, tmp_path):
    known = read(raw)
    features = tmp_path / "handbook_features.parquet"
    ids = np.sort(known.id[50:])
    parquet.write_table(pa.table({"TRANSACTION_ID": ids, "NUMBER": 299 - ids}), features)
    model = Recording()
    score = progressive(model, known, features)
    asked = [int(place) for step, place, *_ in model.steps if step == "score"]
    assert asked == np.flatnonzero(known.at >= TEST_WEEK).tolist()
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(score)), asked)
    np.testing.assert_array_equal(score[asked], known.amount[asked])
    learned = 0
    for step, place, *fraud_ in model.steps:
        if step == "learn":
            assert (place, fraud_) == (50 + learned, [known.fraud[int(place)]])
            learned += 1
        else:
            assert learned == np.count_nonzero(known.at[50:] <= known.at[int(place)] - 7 * DAY)


def a_row(cost):
    figures = {"auc": 0.8765432, "ap": 0.7, "cp100": 0.3}
    return {"system": "ours", "test_week": figures, "events_per_cpu_s": cost}


def test_the_last_line_is_what_a_program_reads():
    assert fraud.last_line(a_row(1)) == "auc 0.8765 ap 0.7000 cp100 0.3000"


@pytest.mark.parametrize(("cost", "word"), [(59_999, "MISSED"), (60_000, "met")])
def test_the_budget_is_told_whether_it_is_met_or_missed(cost, word):
    assert fraud.verdict(a_row(cost)).endswith(f"budget ≥ 60,000: {word}")


def test_without_the_data_it_says_what_is_needed(tmp_path):
    refused = CliRunner().invoke(fraud.main, ["--data", str(tmp_path)])
    assert refused.exit_code != 0
    assert "no handbook_raw.parquet and no handbook_features.parquet in" in refused.output
    assert "python -m benchmarks.fraud --data FOLDER" in refused.output


def test_the_page_shows_what_was_kept_and_nothing_where_nothing_was_measured(tmp_path, monkeypatch):
    kept = tmp_path / "fraud.json"
    weeks = {"weeks_before": {"auc": 0.9, "ap": 0.5, "cp100": 0.25}}
    fraud.keep(kept, [a_row(80_000) | weeks, *fraud.published()])
    monkeypatch.setattr(tables, "FRAUD", kept)
    top, *_, last = tables.fraud().splitlines()[2:]
    assert top == "| ours | 0.877 | 0.700 | 0.300 | 0.900 | 0.500 | 0.250 | 80,000 |"
    assert last == (
        "| published, in batch: balanced bagging (chapter 6) | 0.879 | 0.680 | 0.305 |  |  |  |  |"
    )
    told = msgspec.json.decode(kept.read_bytes())
    assert {"river", "numba"} <= told["versions"].keys()
    assert told["machine"]["cores"] >= 1


def test_without_order_among_the_lowest_the_highest_keep_theirs(raw, monkeypatch):
    monkeypatch.setattr(fraud_choice, "EARLIER", EARLIER[-1:])
    known = read(raw)
    score = np.random.default_rng(0).random(300)
    without = fraud_choice.tied(known, score)
    week = measured(known, EARLIER[-1])
    lowest = np.quantile(score[week], 0.8)
    assert without[week].min() == lowest
    np.testing.assert_array_equal(without[score >= lowest], score[score >= lowest])
