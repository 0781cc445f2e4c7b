"""What the documentation shows exists, and does what it says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from docs import tables
from docs.tables import PAGES, renewed
from streams import DeclarationError, load
from streams.cli import cli

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Every ``thalweg …`` that a page tells its reader to type."""
    lines = (
        line.partition("  #")[0].removeprefix("$ ").strip()
        for path in DOCUMENTS
        for block in blocks(path.read_text(), "console")
        for line in block.splitlines()
    )
    return sorted({line for line in lines if line.startswith("thalweg ")})


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_a_link_leads_to_something(path):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_a_table_is_what_the_code_says(page):
    text = page.read_text()
    assert renewed(text) == text, "make docs renews it"


def test_the_table_of_a_benchmark_is_made_from_its_results(tmp_path, monkeypatch):
    machine = {"cores": 2, "processor": "Example 1"}
    rows = [
        {"system": name, "delivery": "exactly once", "events_per_cpu_s": rate, "lowest": rate - 1}
        | {"highest": rate + 1, "machine": machine}
        for name, rate in (("slow", 3_000), ("fast", 240_000))
    ]
    measured = tmp_path / "throughput.json"
    measured.write_text(json.dumps(rows))
    monkeypatch.setattr(tables, "MEASURED", measured)
    assert tables.throughput().splitlines()[-2:] == [
        "| fast | exactly once | 240,000 | 239,999 – 240,001 | 80.0 × |",
        "| slow | exactly once | 3,000 | 2,999 – 3,001 | 1.0 × |",
    ]


@pytest.mark.parametrize("command", commands())
def test_a_command_can_be_given_as_it_is_printed(command):
    _, name, *arguments = shlex.split(command.partition(" < ")[0])
    cli.commands[name].make_context(name, arguments)


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_a_make_target_exists(path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|\$ |&& )make ([a-z-]+)", path.read_text())) <= targets


def test_the_readmes_pipeline_loads(tmp_path):
    (tmp_path / "fraud.py").write_text(blocks(README, "python")[0])
    assert load(tmp_path / "fraud.py").name == "fraud"


def test_the_readmes_mistake_is_told_in_these_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mistaken = blocks(README, "python")[0].replace('Hashed("terminal_id")', 'Hashed("terminal")')
    Path("fraud.py").write_text(mistaken)
    with pytest.raises(DeclarationError) as caught:
        load("fraud.py")
    assert f"{caught.value}\n" == blocks(README, "text")[0]


def test_the_quick_start_runs_a_pipeline_in_memory(monkeypatch):
    monkeypatch.chdir(ROOT)
    [block] = blocks((ROOT / "docs/quickstart.md").read_text(), "python")
    exec(compile(block, "quickstart.md", "exec"), {})


@pytest.mark.parametrize("index", ["docs/index.md", "docs/decisions/index.md"])
def test_an_index_has_every_page_that_stands_beside_it(index):
    path = ROOT / index
    linked = set(re.findall(r"\]\(([\w./-]+\.md)\)", path.read_text()))
    assert {page.name for page in path.parent.glob("*.md")} - linked == {"index.md"}


def test_the_page_on_testing_shows_tests_that_pass():
    names: dict[str, object] = {}
    for block in blocks((ROOT / "docs/testing-pipelines.md").read_text(), "python"):
        exec(compile(block, "testing-pipelines.md", "exec"), names)
    tests = [test for name, test in names.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()
