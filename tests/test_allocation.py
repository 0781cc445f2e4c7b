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
np.ones(3_000_000); before = faults()
for _ in range(20):
    np.ones(100_000), np.ones(200_000)
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
