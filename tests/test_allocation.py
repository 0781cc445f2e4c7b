"""Freed memory is kept for the next slice."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, sys
import numpy as np
from streams.allocation import keep_freed_memory
assert sys.argv[1] == "as it is" or keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def carry_out():
    columns = [np.ones(20_000 + 5_000 * n) for n in range(20)]
carry_out(); before = faults()
for _ in range(20):
    carry_out()
print(faults() - before)
"""


def faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", COUNT_FAULTS, how], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc can be told")
def test_columns_of_the_next_slice_cause_no_page_faults() -> None:
    assert faults("keeping") < faults("as it is") / 4


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc can be told")
def test_most_of_what_fetches_brought_is_given_back() -> None:
    measure = """
import numpy as np, psutil
from streams.allocation import keep_freed_memory
assert keep_freed_memory()
held = psutil.Process().memory_info
blocks, columns = [], []
for _ in range(32):
    blocks.append(np.ones(150_000))
    columns.append(np.ones(1_000))
before = held().rss
blocks.clear()
print(before - held().rss)
"""
    done = subprocess.run(
        [sys.executable, "-c", measure], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) > 16 * 150_000 * 8
