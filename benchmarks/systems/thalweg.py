"""Thalweg's worker, with the settings it has by default."""

from __future__ import annotations

import sys

from benchmarks.pipelines import plain
from streams.settings import resolve
from streams.worker import run


def main(brokers: str, predictions: str) -> int:
    pipeline = plain(predictions.removesuffix(".predictions"))
    return run(pipeline, *resolve(flags={"brokers": brokers, "metrics_port": 0}))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
