"""Tests of models.compiled: compiled once, wherever that can be kept, and working anyway."""

import os
import subprocess
import sys
from pathlib import Path

import numba.core.caching
import pytest

from models.compiled import compiled, fused

PROGRAM = """
import numpy as np
from models import hashing
hashing.fold(np.zeros(2, np.uint32), ["a", "b"])
print(sum(hashing._fold.stats.cache_hits.values()), sum(hashing._fold.stats.cache_misses.values()))
"""


def run(cache: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_a_second_process_finds_the_compiled_code(tmp_path):
    assert run(tmp_path) == "0 1"
    assert run(tmp_path) == "1 0"


def test_without_a_directory_to_write_to_a_kernel_works_and_the_warning_says_what_to_set(
    monkeypatch,
):
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    with pytest.warns(RuntimeWarning, match="set NUMBA_CACHE_DIR to a directory"):

        @compiled
        def twice(x: int) -> int:
            return 2 * x

    assert twice(21) == 42


def test_a_fused_kernel_is_compiled_anew_when_a_module_it_calls_changes(tmp_path):
    (tmp_path / "inner.py").write_text(
        "from models.compiled import fused\n@fused()\ndef by(x: int) -> int:\n    return 2 * x\n"
    )
    (tmp_path / "outer.py").write_text(
        "import inner\nfrom models.compiled import fused\n@fused(inner)\n"
        "def of(x: int) -> int:\n    return inner.by(x)\n"
    )

    def answer() -> str:
        root = Path(__file__).parents[1]
        return subprocess.run(
            [sys.executable, "-B", "-c", "import outer; print(outer.of(21))"],
            env={
                **os.environ,
                "NUMBA_CACHE_DIR": str(tmp_path / "kept"),
                "PYTHONPATH": os.pathsep.join([str(tmp_path), str(root)]),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    assert [answer(), answer()] == ["42", "42"]
    inner = tmp_path / "inner.py"
    inner.write_text(inner.read_text().replace("2 * x", "300 * x"))
    assert answer() == "6300"


def test_a_piece_that_is_not_put_in_line_computes_the_same():
    def double(x):
        return 2 * x

    assert fused(inline=False)(double)(21) == fused()(double)(21) == 42
