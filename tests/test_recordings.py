"""The simulated stream as files."""

from __future__ import annotations

import csv
import importlib.util
from datetime import UTC, datetime

import msgspec
import pytest

from streams.blocks import Block
from streams.disturbances import Disturbances
from streams.payments import SimulationError
from streams.recordings import Written, write_files
from streams.simulator import Simulator

SIMULATOR = Simulator(seed=11, customers=300, terminals=400, days=12)
MESSAGES = Block.merge(SIMULATOR.messages())


def rows(role) -> list[dict[str, object]]:
    return [msgspec.json.decode(value) for value in MESSAGES.of(role).values]


def test_jsonl_files_hold_the_messages_byte_for_byte_even_malformed_ones(tmp_path):
    troubled = Simulator(
        seed=11, customers=50, terminals=50, days=3, disturbances=Disturbances(malformed=0.3)
    )
    written = write_files(troubled, tmp_path / "new" / "folder")
    messages = Block.merge(troubled.messages())
    for name, role in (("payments", "events"), ("chargebacks", "labels")):
        content = (tmp_path / "new" / "folder" / f"{name}.jsonl").read_bytes()
        assert content == b"".join(value + b"\n" for value in messages.of(role).values)
    assert written == Written(
        events=messages.roles.count("events"),
        labels=messages.roles.count("labels"),
        size=sum(map(len, messages.values)),
        share=1.0,
    )


def test_csv_files_have_a_column_for_each_field(tmp_path):
    write_files(SIMULATOR, tmp_path, "csv")
    for name, role in (("payments", "events"), ("chargebacks", "labels")):
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            read = list(csv.DictReader(file))
        assert read == [{name: str(cell) for name, cell in row.items()} for row in rows(role)]


def test_a_missing_field_is_an_empty_cell(tmp_path):
    holed = Simulator(customers=20, terminals=20, days=1, disturbances=Disturbances(missing=1))
    write_files(holed, tmp_path, "csv")
    with (tmp_path / "payments.csv").open(newline="") as file:
        assert all(list(row.values()).count("") == 1 for row in csv.DictReader(file))


def test_parquet_files_hold_times_and_numbers_as_such(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_files(SIMULATOR, tmp_path, "parquet")
    for name, role in (("payments", "events"), ("chargebacks", "labels")):
        read = parquet.read_table(tmp_path / f"{name}.parquet").to_pylist()
        assert read == [
            row | {"at": datetime.fromisoformat(str(row["at"])).astimezone(UTC)}
            for row in rows(role)
        ]


def test_progress_is_told_each_day_and_never_goes_back(tmp_path):
    told: list[Written] = []
    written = write_files(SIMULATOR, tmp_path, progress=told.append)
    assert told[-1] == written
    assert told[5].share == 0.5
    assert len(told) > SIMULATOR.days
    for field in Written.__slots__:
        values = [getattr(one, field) for one in told]
        assert values == sorted(values)


def test_an_interrupted_run_leaves_the_files_of_the_one_before(tmp_path):
    write_files(SIMULATOR, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def interrupt(_: Written) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_files(Simulator(customers=50, days=2), tmp_path, progress=interrupt)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("kind", "malformed", "message"),
    [
        ("xlsx", 0.0, "format='xlsx'\n  why:   files are jsonl, csv or parquet"),
        ("csv", 0.1, "format='csv' with malformed=0.1\n  why:   what is malformed has no columns"),
    ],
)
def test_files_that_cannot_be_written_are_refused_with_what_to_write_instead(
    tmp_path, kind, malformed, message
):
    troubled = Simulator(days=1, disturbances=Disturbances(malformed=malformed))
    with pytest.raises(SimulationError) as error:
        write_files(troubled, tmp_path / "none", kind)
    assert message in str(error.value)
    assert not (tmp_path / "none").exists()


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SimulationError, match=r"pip install 'thalweg\[parquet\]'"):
        write_files(SIMULATOR, tmp_path, "parquet")
