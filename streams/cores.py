"""The cores that this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

from streams.errors import TeachingError

__all__ = ["CoresError", "allowed_cores", "core_count"]

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


class CoresError(TeachingError):
    """Processes cannot be pinned to cores here."""


def core_count(quota: Path = _QUOTA) -> int:
    """How many processes can compute at once: the cores allowed, or fewer under a cgroup's quota.

    Args:
        quota: of version 2 of cgroups: microseconds of CPU, or ``max``, in so many of wall time.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    allowed, _, period = quota.read_text().partition(" ") if quota.exists() else ("max", "", "")
    if allowed == "max":
        return cores or 1
    return max(1, min(cores or 1, math.ceil(int(allowed) / int(period))))


def allowed_cores() -> list[int]:
    """The numbers of the cores that a process can be pinned to.

    Raises:
        CoresError: the platform knows no such thing.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise CoresError("--pin", "this platform cannot keep a process on a core", "no --pin")
    return sorted(os.sched_getaffinity(0))
