"""The house has the rooms that its plan shows, and the doors between them stay where they are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLAN = (ROOT / "docs/architecture.md").read_text()
MODULES = {
    package: sorted(path for path in (ROOT / package).glob("*.py") if path.stem != "__init__")
    for package in ("models", "streams")
}
LONGEST = 400


def imports(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {module.partition(".")[0] for module in found}


def planned(package: str) -> list[str]:
    rooms = re.split(r"^### ", PLAN, flags=re.MULTILINE)[1:]
    ours = "\n".join(room for room in rooms if room.startswith(f"{package}:"))
    return sorted(re.findall(r"^- `(\w+)` \S", ours, re.MULTILINE))


@pytest.mark.parametrize("package", MODULES)
def test_every_module_is_in_the_plan_once_and_no_other_is(package):
    built = sorted(path.stem for path in MODULES[package])
    assert sorted(set(built) - set(planned(package))) == [], "these are not in the plan"
    assert planned(package) == built


@pytest.mark.parametrize("path", MODULES["models"], ids=lambda path: path.stem)
def test_what_learns_knows_nothing_of_kafka(path):
    assert not imports(path) & {"streams", "faust", "mode", "aiokafka", "kafka", "confluent_kafka"}


@pytest.mark.parametrize("path", MODULES["streams"], ids=lambda path: path.stem)
def test_what_moves_records_knows_nothing_of_river(path):
    assert "river" not in imports(path)


@pytest.mark.parametrize(
    "path", [*MODULES["models"], *MODULES["streams"]], ids=lambda path: path.stem
)
def test_a_module_is_short_and_says_what_it_exports(path):
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST
    assert "__all__ = [" in text or path.stem == "__main__"


def test_packages_are_two_levels_deep_and_no_room_is_a_drawer():
    for package in MODULES:
        assert [
            path for path in (ROOT / package).rglob("*.py") if path.parent.name != package
        ] == []
    stems = {path.stem for paths in MODULES.values() for path in paths}
    assert not stems & {"utils", "util", "helpers", "common", "core", "misc", "types"}
