from __future__ import annotations

from models.machine import machine


def test_a_machine_is_told_by_all_that_computes():
    found = machine()
    assert list(found) == ["machine", "cpu", "libm", "python", "numpy", "numba", "llvmlite"]
    assert all(found.values())
    assert found == machine()
