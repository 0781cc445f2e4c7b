"""The demonstration shows what it promises, and leaves nothing running however it ends."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from demonstration import SMALL, Run
from until import eventually

from streams.broker import Broker

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """Not the one that all modules share: the topics of the demonstration have fixed names."""
    with Broker() as broker:
        yield broker


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    with ExitStack() as held:
        yield lambda *flags: held.enter_context(Run(tmp_path, *flags))


def test_every_payment_gets_one_prediction_and_labels_are_learned(demo, broker, tmp_path):
    drawn = tmp_path / "demo.svg"
    run = demo(*SMALL, "--json", "--brokers", broker.bootstrap, "--picture", str(drawn))
    out, log = run.process.communicate(timeout=120)
    assert run.process.returncode == 0, log
    seen = json.loads(out)
    assert seen["payments"] == seen["predictions"] > 4_000
    assert (seen["doubled"], seen["dead_letters"]) == (0, 0)
    assert seen["labels_learned"] == seen["quality"]["labels"] > 0
    assert 6 * 86_400 < seen["quality"]["label_delay_seconds"] < 8 * 86_400
    # A prediction, and what is known by now of how good they are.
    assert re.search(r"2026-01-\d\d [\d:]{8}  c\d{5} +[\d,.]+  .* 0\.\d{4}  (pass|alert)\n", log)
    assert re.search(r"day \d+ of 10 .* events/s   lag .* latency p50", log)
    assert not run.started()
    assert drawn.read_text().startswith("<svg")

    # Once more on the same cluster would add to what it has left there.
    again = demo(*SMALL, "--brokers", broker.bootstrap)
    _, refusal = again.process.communicate(timeout=60)
    assert again.process.returncode == 2
    assert "payments on 127.0.0.1" in refusal
    assert "they hold something already" in refusal
    assert f"topics examples/fraud.py --delete --brokers {broker.bootstrap}" in refusal


@pytest.mark.parametrize("phase", ["it starts Kafka", "it starts a worker", "it learns"])
def test_ctrl_c_leaves_nothing_running(demo, phase, tmp_path):
    run = demo(*SMALL)
    if phase == "it starts Kafka":
        eventually(run.started)
    else:
        run.until({"it starts a worker": r" s  topics ", "it learns": r" s  day \d+ of "}[phase])
    run.process.send_signal(signal.SIGINT)
    out, _ = run.process.communicate(timeout=60)
    assert run.process.returncode == 130
    assert out.endswith("Interrupted; nothing is left running.\n")
    assert not run.started()
    assert not list(tmp_path.iterdir())


def test_a_demonstration_that_is_killed_leaves_nothing_running(demo):
    run = demo(*SMALL)
    run.until(r" s  worker \d+ on ")
    assert len(run.started()) == 4  # two leashes, the broker, the worker
    run.process.kill()
    eventually(lambda: not run.started())


def test_a_worker_that_dies_ends_the_demonstration_with_its_last_words(demo):
    run = demo(*SMALL)
    run.until(r" s  worker \d+ on ")
    (worker,) = (one for one in run.started() if one.cmdline()[1:4] == ["-m", "streams", "worker"])
    worker.kill()
    out, _ = run.process.communicate(timeout=60)
    assert run.process.returncode == 1
    assert "The worker ended by itself" in out
    assert not run.started()
