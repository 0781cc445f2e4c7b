"""Tests of models.spill: arrays in files are arrays, and memory holds no more than it may."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rowrecords import RowRecords
from models.rows import Rows
from models.spill import Spill, SpillError

FIELDS = np.dtype([("ids", "u8", (2,)), ("number", "i8"), ("flag", "?")])
STEPS = st.lists(st.tuples(st.integers(0, 8_000), st.floats(0, 1), st.booleans()), max_size=12)

HOLD = """
import sys
import numpy as np
from models.rows import Rows
from models.spill import Spill, let_go
from streams.imageblocks import cut

directory, budget, rows_at_once, entries = sys.argv[1], 16 << 20, 4_000, 40

def resident(what):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(what))

def fill(rows, seed):
    lengths = np.full(rows_at_once, entries)
    index = np.full(rows_at_once * entries, seed, np.int32)
    rows.append(lengths, index, np.full(len(index), float(seed)))

spill, rows = Spill(directory, budget), Rows()
rows.spill_to(spill)
fill(rows, 0)
spill.settle()
began = resident("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark begins anew
for seed in range(1, 200):
    fill(rows, seed)
    old = (seed // 2) * rows_at_once
    assert set(rows.window(old, old + rows_at_once)[2].tolist()) == {seed // 2}
    spill.settle()
state = rows.state()
for piece in cut(state)[1]:
    assert len(bytes(piece)) == len(piece)
    let_go(piece)
other = Rows()
other.spill_to(spill)
other.restore(state)
assert set(other.window(0, rows_at_once)[2].tolist()) == {0}
print(rows.memory, resident("VmHWM") - began, spill.memory, spill.disk)
"""

FILL = """
import resource, sys
import numpy as np
from models.rows import Rows
from models.spill import Spill

rows = Rows()
rows.spill_to(Spill(sys.argv[1], 1 << 20))
resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))
while True:
    rows.append(np.full(1_000, 10), np.zeros(10_000, np.int32), np.zeros(10_000))
"""


def run(program: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, str(directory)]
    root = Path(__file__).parents[1]
    return subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)


def same(one, other) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert np.array_equal(one[name], other[name], equal_nan=True), name
        assert np.asarray(one[name]).dtype == np.asarray(other[name]).dtype


@settings(deadline=None, max_examples=50)
@given(STEPS, st.sampled_from([0, 1 << 40]))
def test_rows_in_files_are_those_in_memory(tmp_path_factory, steps, most):
    # With no byte in memory all pages are let go; with none to a file, it is changed all the time.
    spill = Spill(tmp_path_factory.mktemp("spill"), 0, most)
    kept, spilled = Rows(), Rows()
    spilled.spill_to(spill)
    rng = np.random.default_rng(7)
    for n, dropped, anew in steps:
        lengths = rng.integers(0, 9, n)
        index = rng.integers(-5, 2**30, int(lengths.sum()), dtype=np.int32)
        value = rng.standard_normal(len(index))
        before = spilled.state()
        copy = {name: np.array(column) for name, column in before.items()}
        for rows in (kept, spilled):
            assert rows.append(lengths, index, value) == rows.next - n
            rows.drop_before(rows.first + int(dropped * len(rows)))
        spill.settle()
        same(kept.state(), spilled.state())
        same(copy, before)
        assert kept.memory == spilled.memory
        asked = rng.integers(kept.first, kept.next, 50) if len(kept) else np.empty(0, np.int64)
        assert np.array_equal(kept.lengths(asked), spilled.lengths(asked))
        if anew:
            state, spilled = spilled.state(), Rows()
            spilled.spill_to(spill)
            spilled.restore(state)


@settings(deadline=None, max_examples=50)
@given(STEPS, st.sampled_from([0, 1 << 40]))
def test_records_in_a_file_are_those_in_memory(tmp_path_factory, steps, most):
    spill = Spill(tmp_path_factory.mktemp("spill"), 0, most)
    kept, spilled = RowRecords(FIELDS), RowRecords(FIELDS)
    spilled.spill_to(spill)
    rng = np.random.default_rng(7)
    for n, dropped, anew in steps:
        ids, before = rng.integers(0, 2**60, (n, 2)), spilled.columns(spilled.first)
        copy = {name: column.copy() for name, column in before.items()}
        for records in (kept, spilled):
            new = records.append(n)
            new["ids"], new["number"] = ids, np.arange(records.next - n, records.next)
            new["flag"] = False
            asked = np.arange(records.first, records.next, 3)
            records.since(records.first)["flag"][asked - records.first] = True
            records.drop_before(records.first + int(dropped * (records.next - records.first)))
        spill.settle()
        assert (kept.first, kept.next) == (spilled.first, spilled.next)
        same(kept.columns(kept.first), spilled.columns(kept.first))
        same(copy, before)
        rows = np.arange(kept.first, kept.next, 2)
        assert kept.of(rows).tobytes() == spilled.of(rows).tobytes()
        if anew:
            columns = spilled.columns(spilled.first)
            spilled = RowRecords(FIELDS)
            spilled.spill_to(spill)
            spilled.restore(kept.first, columns)


def test_memory_is_bounded_however_many_rows_wait_and_while_an_image_is_made_and_taken(tmp_path):
    done = run(HOLD, tmp_path)
    assert not done.returncode, done.stderr
    length, more, memory, disk = map(int, done.stdout.split())
    assert length > 380_000_000
    assert more < 40_000_000  # the budget, what one append and one reading touch, and small change
    assert memory == 16 << 20
    assert disk > length


def test_disk_of_forgotten_rows_is_given_back_once_no_image_reads_them(tmp_path):
    spill = Spill(tmp_path, 0)
    rows = Rows()
    rows.spill_to(spill)
    rows.append(np.full(100_000, 10), np.ones(1_000_000, np.int32), np.ones(1_000_000))
    state, full = rows.state(), spill.disk
    rows.drop_before(90_000)
    assert spill.disk > 0.9 * full
    assert state["value"].all()
    del state
    rows.drop_before(95_000)
    assert spill.disk < full / 5
    assert rows.window(95_000, 100_000)[2].all()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_it_with_words_and_no_signal(tmp_path):
    done = run(FILL, tmp_path)
    assert done.returncode == 1
    for words in ("SpillError: pending_directory", "the disk is full", "--pending-directory"):
        assert words in done.stderr


def test_a_directory_that_cannot_be_used_is_refused(tmp_path):
    with pytest.raises(SpillError, match="No such file"):
        Spill(tmp_path / "nowhere", 1 << 20).check()
    with pytest.raises(SpillError, match=r"MB are free, less than the .* that may be in memory"):
        Spill(tmp_path, 1 << 62).check()
    Spill(tmp_path, 1 << 20).check()
