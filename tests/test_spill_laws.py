"""Where what waits for its label is kept makes no difference to a task, not to a bit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_pipelines import PIPELINES
from slicing import begun, cuts, pieces
from test_task_laws import handed_over, logs, outcome, state

from models.spill import Spill
from streams.image import unpack
from streams.task import PartitionTask

NAMES = (
    "corrected-sources", "label-in-the-event", "label-rates", "measured", "pairs", "weighed",
    "windows",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_task_without_memory_for_what_waits_is_one_with_all_of_it(name, tmp_path):
    pipeline = PIPELINES[name]

    @settings(max_examples=25, deadline=None)
    @given(st.data())
    def holds(data):
        log = data.draw(logs(pipeline, 50))
        parts = list(pieces(log, data.draw(cuts(sum(map(len, log))))))
        whole = begun(pipeline)
        spill = Spill(tmp_path, 0, most=data.draw(st.sampled_from([0, 1 << 40])))
        first, second = (PartitionTask(pipeline, 0, spill) for _ in range(2))
        first.positions = dict(whole.positions)
        at = data.draw(st.integers(0, len(parts)))
        assert handed_over(first, second, parts, at) == outcome(whole, parts)
        assert state(first) == state(second) == state(whole)
        # And back: the image of the one is the image of the other.
        back = begun(pipeline)
        back.restore(unpack(state(second)))
        assert state(back) == state(whole)

    holds()
