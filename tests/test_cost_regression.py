"""What keeps an event cheap, in measures that are the same on every machine: never in seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys, time
import msgspec
from numba.core.dispatcher import Dispatcher
from benchmarks.payments import Payment, payments
from benchmarks.pipelines import plain
from benchmarks.stages import carry_out, record_batch
from benchmarks.systems import PAYMENTS
from benchmarks.systems.scoring import Scorer
from streams.task import PartitionTask

EVENTS = 4096
values = list(map(msgspec.json.encode, payments(EVENTS)))
task = PartitionTask(plain("cost"), 0)

def take(events):
    task.positions[PAYMENTS] = 0
    batch = record_batch([b"card"] * events, values[:events], [0] * events, 0)
    began = time.process_time()
    carry_out(task, PAYMENTS, 0, batch)
    return time.process_time() - began

for events in (EVENTS, 1, 2, 300, EVENTS):
    take(events)
seconds = take(EVENTS)

highest = 0
def look(frame, event, argument):
    global highest
    highest = max(highest, sys.getallocatedblocks())

before = sys.getallocatedblocks()
for _ in range(5):
    take(EVENTS)
left = sys.getallocatedblocks() - before
before += left
sys.setprofile(look)
take(EVENTS)
sys.setprofile(None)
told = {
    "at_most": (highest - before) / EVENTS,
    "left": left / (5 * EVENTS),
    "layouts": {
        f"{function.py_func.__module__}.{name}": len(function.signatures)
        for module in list(sys.modules.values())
        if module.__name__.partition(".")[0] in ("models", "streams")
        for name, function in vars(module).items()
        if isinstance(function, Dispatcher) and function.signatures
    },
}

scorer, decoder = Scorer(), msgspec.json.Decoder(Payment)
began = time.process_time()
for place, value in enumerate(values):
    payment = msgspec.structs.asdict(decoder.decode(value))
    msgspec.json.encode(scorer.answer(payment, 0, place))
told["times"] = (time.process_time() - began) / seconds
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told() -> dict:
    """What a process of its own, in which no other test has run, says of a slice."""
    return json.loads(
        subprocess.check_output(
            [sys.executable, "-c", PROGRAM], cwd=Path(__file__).parents[1], text=True
        ).splitlines()[-1]
    )


def test_a_slice_makes_no_object_for_an_event_but_its_score_on_the_way_to_json(told):
    assert told["at_most"] < 1.2


def test_a_slice_leaves_no_object_for_an_event(told):
    assert told["left"] < 0.02


def test_each_kernel_is_compiled_once_whatever_the_size_of_slices(told):
    layouts = told["layouts"]
    assert {"streams.scanning._scan", "streams.framing._frame", "models.kernels.walk"} <= {*layouts}
    assert {name: count for name, count in layouts.items() if count > 1} == {}


def test_the_compiled_path_beside_one_event_after_another(told, capsys):
    with capsys.disabled():
        print(f"\na slice at a time: 1/{told['times']:.0f} of the CPU time of River, one by one")
    assert told["times"] > 0
