"""What waits to be published is bounded in records, whatever the size of slices."""

from __future__ import annotations

import asyncio

import pytest
from outside import ROOT

from streams import load
from streams.checkpoint import Checkpoints
from streams.observer import Observer
from streams.progress import Progress
from streams.settings import Settings
from streams.task import Output, PartitionTask
from streams.transactions import Transactions


def transactions() -> Transactions:
    pipeline = load(str(ROOT / "examples/fraud.py"))
    task, client = PartitionTask(pipeline, 0), {"bootstrap_servers": "127.0.0.1:1"}
    checkpoints = Checkpoints(client, pipeline.checkpoints_topic, 0, "group")
    return Transactions(
        pipeline, task, Progress(task, "group"), Settings(), "group", client, checkpoints,
        Observer(), lambda: False,
    )  # fmt: skip


@pytest.mark.parametrize("records", [1, 100, 4_096])
def test_computing_waits_while_more_is_in_the_outbox_than_a_slow_broker_may_cost(records):
    async def outputs_taken() -> int:
        outbox, taken = transactions(), 0
        while True:
            room = asyncio.create_task(outbox.room())
            await asyncio.sleep(0)
            if not room.done():
                outbox.close()
                await room
                return taken
            outbox.put(Output(taken=records), "payments")
            taken += records

    waiting = asyncio.run(outputs_taken())
    assert 12_288 < waiting <= 12_288 + records
