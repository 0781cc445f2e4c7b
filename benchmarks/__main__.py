"""Every benchmark in turn, each in a process of its own: ``python -m benchmarks``."""

from __future__ import annotations

import subprocess
import sys

CASES: tuple[tuple[str, ...], ...] = (
    ("throughput", "--scale", "0.6"),
    ("latency", "--seconds", "8"),
    ("stages", "--runs", "3"),
    ("costs",),
)
"""Each with its options: less of each than the case by itself does, for an overview in minutes."""


def main() -> int:
    """The worst of the exit codes."""
    codes = []
    for case, *options in CASES:
        print(f"{case}:", flush=True)
        codes.append(subprocess.call([sys.executable, "-m", f"benchmarks.{case}", *options]))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
