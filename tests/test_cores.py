"""Workers are as many as the cores this process may use, and stay on the one they are given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streams.cores import CoresError, allowed_cores, core_count

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="the platform pins no process to a core"
)


@pytest.mark.parametrize(("quota", "most"), [("max 100000\n", 1 << 16), ("50000 100000\n", 1)])
def test_no_more_processes_compute_than_there_are_cores_and_quota(tmp_path: Path, quota, most):
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    assert core_count(file) == min(len(os.sched_getaffinity(0)), most)
    assert core_count(tmp_path / "none") == len(allowed_cores())


def test_a_platform_that_pins_no_process_says_so(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity")
    with pytest.raises(CoresError, match="cannot keep a process on a core"):
        allowed_cores()
