"""What is compiled for a first slice is compiled before it comes."""

import json
import subprocess
import sys

import pytest

from streams.report import pause
from tests.outside import ROOT

PROGRAM = """
import json, sys
from numba.core.dispatcher import Dispatcher
from streams.loading import load
from streams import warming
from streams.task import PartitionTask
from streams.warming import warm

def compiled():
    return {
        f"{function.py_func.__module__}.{name}": len(function.signatures)
        for module in list(sys.modules.values())
        if module.__name__.partition(".")[0] in ("models", "streams")
        for name, function in vars(module).items()
        if isinstance(function, Dispatcher) and function.signatures
    }

tasks = []

class Kept(PartitionTask):
    def __init__(self, *args):
        super().__init__(*args)
        tasks.append(self)

pipeline, warming.PartitionTask = load(sys.argv[1]), Kept
warm(pipeline)
first = compiled()
quality = pipeline.new_quality()
quality.merge(tasks[0].quality)
for part in (tasks[0].quality, tasks[0].learner, tasks[0].encoder, tasks[0].decider, quality):
    part.summary()
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
        assert "models.confidence._log_losses" in first  # of the figures
        learning = {"models.pairwise_kernels.walk", "models.windowing.slide"}
        assert learning | {"streams.joining.take_events", "streams.joining.take_labels"} <= {*first}


def test_a_look_at_the_figures_that_was_dear_is_followed_by_another_all_the_same():
    assert pause(0.01) == pytest.approx(1.0)  # a hundredth of the time
    assert pause(60.0) == pause(600.0) == 15.0
