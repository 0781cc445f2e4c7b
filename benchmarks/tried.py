"""What some decisions brought, beside what each took the place of: ``python -m benchmarks.tried``.

All of it on payments in slices of 4,096, in CPU time, the best of several runs.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from aiokafka.record.util import calc_crc32c
from google_crc32c import value as crc32c

from benchmarks.cases import Case, cases
from benchmarks.costs import cost
from benchmarks.systems import PAYMENTS
from models.bytecolumn import ByteColumn
from models.compiled import compiled
from models.intrinsics import copy
from streams.allocation import keep_freed_memory
from streams.codec import Decoder
from streams.slices import Slice

_RUNS = 20
_ONLY_COST = "cost"


@compiled
def by_byte(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray, out: np.ndarray) -> None:
    at = 0
    for n in range(len(starts)):
        for place in range(starts[n], starts[n] + lengths[n]):
            out[at] = data[place]
            at += 1


@compiled
def by_memcpy(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray, out: np.ndarray) -> None:
    at = 0
    for n in range(len(starts)):
        copy(data, starts[n], lengths[n], out, at)
        at += lengths[n]


def best(function: Callable[[], object], count: int) -> float:
    """Microseconds for one of `count`."""
    function()
    taken = []
    for _ in range(_RUNS):
        began = time.process_time()
        function()
        taken.append(time.process_time() - began)
    return min(taken) / count * 1e6


def main() -> None:
    """Print each pair."""
    plain = next(cases())
    if sys.argv[1:] == [_ONLY_COST]:
        print(cost(plain)["us_per_event"])
        return
    values = ByteColumn.of(plain.values[: plain.size])
    data, n = np.frombuffer(values.data, np.uint8), len(values)
    out = np.empty_like(data)
    tell("freed memory given back | kept, the whole task", *_memory(plain))
    tell(
        "checksum by aiokafka | by the processor",
        best(lambda: calc_crc32c(values.data), n),
        best(lambda: crc32c(values.data), n),
    )
    tell(
        "copy of a value byte by byte | by memcpy",
        best(lambda: by_byte(data, values.starts, values.lengths, out), n),
        best(lambda: by_memcpy(data, values.starts, values.lengths, out), n),
    )
    tell("decode into structs, then columns | straight into columns", *_decoded(plain, values))


def _memory(plain: Case) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.tried", _ONLY_COST]
    without = float(subprocess.check_output(command, text=True))
    keep_freed_memory()
    return without, cost(plain)["us_per_event"]


def _decoded(plain: Case, values: ByteColumn) -> tuple[float, float]:
    n, pipeline = len(values), plain.pipeline
    keys = ByteColumn.of([b"c00001"] * n)
    records = Slice(PAYMENTS, 0, 0, n, np.arange(n), keys, values, np.zeros(n, np.int64))
    scanning = Decoder(pipeline.events.schema, pipeline.max_event_bytes)
    structs = Decoder(pipeline.events.schema, pipeline.max_event_bytes)
    structs._shape = None
    return best(lambda: structs.decode(records), n), best(lambda: scanning.decode(records), n)


def tell(what: str, before: float, after: float) -> None:
    print(f"{what:<60}{before:>8.3f} {after:>8.3f} µs an event {before / after:>6.1f} ×")


if __name__ == "__main__":
    main()
