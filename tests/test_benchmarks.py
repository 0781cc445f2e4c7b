"""The benchmark compares like with like, and says so when a budget is missed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from benchmarks import environments, throughput
from benchmarks.environments import UnavailableError, prepared
from benchmarks.measuring import Run, cpu_seconds
from benchmarks.systems import SYSTEMS, System
from benchmarks.systems.scoring import Scorer
from benchmarks.throughput import BUDGETS, installed, ratios, row

ROOT = Path(__file__).parents[1]
APART = [system for system in SYSTEMS if system.environment]
OURS = SYSTEMS[0].name


def a_row(name: str, *costs: int) -> dict[str, object]:
    return {"system": name, "runs": [{"events_per_cpu_s": cost} for cost in costs]}


def a_system(environment: str | None = None) -> System:
    return System("example", "example", "at-least-once", 1, ("msgspec",), environment)


def pins(system: System) -> dict[str, str]:
    text = (ROOT / f"benchmarks/systems/{system.environment}.txt").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def imported(module: str) -> Iterator[str]:
    """Every module that one of ours imports, and those that its imports import."""
    path = ROOT / f"{module.replace('.', '/')}"
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        for name in names:
            yield name
            if name.startswith("benchmarks"):
                yield from imported(name)


def test_a_row_is_the_median_run_between_the_lowest_and_the_highest():
    runs = [Run(1_000, 2.0, cpu_s, 1_001) for cpu_s in (0.1, 0.2, 0.4)]
    made = row(a_system(), runs)
    assert {name: made[name] for name in ("system", "delivery", "events")} == {
        "system": "example",
        "delivery": "at-least-once",
        "events": 1_000,
    }
    assert (made["wall_s"], made["cpu_s"], made["predictions_read_back"]) == (2.0, 0.2, 1_001)
    assert (made["lowest"], made["events_per_cpu_s"], made["highest"]) == (2_500, 5_000, 10_000)
    assert [run["events_per_cpu_s"] for run in made["runs"]] == [10_000, 5_000, 2_500]
    assert made["versions"] == {"msgspec": metadata.version("msgspec")}
    assert made["machine"]["cores"] >= 1


def test_a_ratio_is_the_median_of_the_turns_not_a_ratio_of_medians():
    (line,) = ratios([a_row("ours", 100, 200, 600), a_row("theirs", 10, 100, 100)])
    assert line == "ours is 6.0 × theirs (2.0 – 10.0)"


@pytest.mark.parametrize(
    ("cost", "verdict"), [(499, "budget 5 ×: MISSED"), (500, "budget 5 ×: met")]
)
def test_a_budget_is_told_whether_it_is_met_or_missed(cost, verdict):
    (line,) = ratios([a_row(OURS, cost), a_row("confluent-kafka + River", 100)])
    assert line.endswith(verdict)


def test_only_our_own_ratios_have_a_budget():
    (line,) = ratios([a_row("aiokafka + River", 900), a_row("plain Faust + River", 3)])
    assert "budget" not in line


def test_every_budget_is_held_against_a_system_that_runs():
    assert set(BUDGETS) <= {system.name for system in SYSTEMS[1:]}


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.module)
def test_every_system_has_its_program(system):
    program = ROOT / f"benchmarks/systems/{system.module}.py"
    assert "(*sys.argv[1:])" in program.read_text(), "brokers and topic are its arguments"


@pytest.mark.parametrize("system", APART, ids=lambda system: system.module)
def test_what_runs_in_its_own_environment_imports_only_what_is_pinned_there(system):
    found = set(imported(f"benchmarks.systems.{system.module}"))
    names = {name.partition(".")[0] for name in found} - {"benchmarks"}
    assert names - sys.stdlib_module_names <= set(pins(system))
    assert "benchmarks.systems.scoring" in found


@pytest.mark.parametrize("system", APART, ids=lambda system: system.module)
def test_its_pins_name_what_matters_and_the_same_river(system):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"river=={pins(system)['river']}" in project["dependencies"]
    assert set(system.packages) <= set(pins(system))


def test_a_payment_is_scored_before_it_is_learned():
    payment = {"id": "1", "at": 0, "amount": 9.5, "fraud": 1}
    payment |= dict.fromkeys(("card", "shop", "entry", "country", "device"), "x")
    scorer = Scorer()
    first, second = scorer.answer(payment, 2, 7), scorer.answer(payment, 2, 8)
    assert first["score"] == 0.5 < second["score"]
    assert [(one["partition"], one["offset"]) for one in (first, second)] == [(2, 7), (2, 8)]


def test_an_environment_is_made_once_and_anew_when_its_pins_change(tmp_path, monkeypatch):
    monkeypatch.setenv("THALWEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(environments, "PINS", tmp_path)
    (tmp_path / "example.txt").write_text("# nothing\n")
    console = Console(record=True, quiet=False, soft_wrap=True, file=(tmp_path / "out").open("w"))
    ready = prepared(a_system("example"), console)
    assert ready.command("b", "p")[0] == ready.python != sys.executable
    assert "installing" in console.export_text()
    assert prepared(a_system("example"), console) == ready
    assert not console.export_text()
    with pytest.raises(subprocess.CalledProcessError):
        ready.versions()  # msgspec is here, not there
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "example.txt").write_text("nowhere-to-be-had==1\n")
    with pytest.raises(UnavailableError, match=r"example\.txt .* nowhere-to-be-had==1"):
        prepared(a_system("example"), console)
    with pytest.raises(UnavailableError):  # what is not whole is not taken for it
        prepared(a_system("example"), console)


def test_a_system_that_cannot_be_installed_is_left_out_aloud(monkeypatch, capsys):
    def refuse(system: System, _: Console) -> System:
        if system.environment:
            raise UnavailableError("no wheel for this Python")
        return system

    monkeypatch.setattr(throughput, "prepared", refuse)
    ready, left_out = installed([a_system(), a_system("apart")])
    assert ready == [a_system()]
    assert left_out == ["LEFT OUT: example: no wheel for this Python"]
    assert left_out[0] in capsys.readouterr().out


@pytest.mark.parametrize("ended", [True, False])
def test_the_cpu_time_of_a_process_is_that_of_its_children_too(ended):
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\n"
    child = burn if ended else f"{burn}input()"
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        f"if {ended}: child.wait()\n"
        "print(flush=True); input(); child.kill()\n"
    )
    command = [sys.executable, "-c", parent]
    with psutil.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        alone = process.cpu_times()
        assert cpu_seconds(process) >= 0.29 + alone.user + alone.system
        process.communicate(b"\n")


def test_every_pin_is_exact():
    for path in (ROOT / "benchmarks/systems").glob("*.txt"):
        comment, *lines = path.read_text().splitlines()
        assert comment.startswith("# ")
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), path.name
