"""Tests of models.compiled: compiled once, wherever that can be kept, and working anyway."""

import os
import subprocess
import sys
from pathlib import Path

import numba.core.caching
import pytest

from models.compiled import compiled

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
