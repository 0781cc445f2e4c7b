"""What is compiled for a first slice is compiled before it comes."""

import json
import subprocess
import sys

import pytest

from tests.outside import ROOT

PROGRAM = """
import json, sys
from numba.core.dispatcher import Dispatcher
from streams.loading import load
from streams.warming import warm

def compiled():
    return {
        f"{function.py_func.__module__}.{name}": len(function.signatures)
        for module in list(sys.modules.values())
        if module.__name__.partition(".")[0] in ("models", "streams")
        for name, function in vars(module).items()
        if isinstance(function, Dispatcher) and function.signatures
    }

pipeline = load(sys.argv[1])
warm(pipeline)
first = compiled()
warm(pipeline)
print(json.dumps([first, compiled()]))
"""


@pytest.mark.parametrize("example", ["fraud", "clicks", "electricity", "spam", "phishing"])
def test_a_task_that_is_thrown_away_has_everything_compiled(example) -> None:
    told = subprocess.check_output(
        [sys.executable, "-c", PROGRAM, f"examples/{example}.py"], cwd=ROOT, text=True
    )
    first, again = json.loads(told.splitlines()[-1])
    assert {"streams.framing._frame", "streams.scanning._scan"} <= first.keys()
    assert again == first
    if example == "fraud":
        learning = {"models.pairwise_kernels.walk", "models.windowing.slide"}
        assert learning | {"streams.joining.take_events", "streams.joining.take_labels"} <= {*first}
