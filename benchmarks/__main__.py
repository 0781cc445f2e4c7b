"""Every benchmark in turn, each in a process of its own: ``python -m benchmarks``."""

from __future__ import annotations

import subprocess
import sys

CASES = ("throughput",)


def main() -> int:
    """The worst of the exit codes."""
    codes = []
    for case in CASES:
        print(f"{case}:", flush=True)
        codes.append(subprocess.call([sys.executable, "-m", f"benchmarks.{case}"]))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
