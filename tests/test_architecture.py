"""The house has the rooms that its plan shows. Who may know whom is in `test_imports`."""

from __future__ import annotations

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


def planned(package: str) -> list[str]:
    """The modules of a package that the map names, one line each."""
    rooms = re.split(r"^### ", PLAN, flags=re.MULTILINE)[1:]
    ours = "\n".join(room for room in rooms if room.startswith(f"{package}:"))
    return sorted(re.findall(r"^- `(\w+)` \S", ours, re.MULTILINE))


@pytest.mark.parametrize("package", MODULES)
def test_every_module_is_in_the_plan_once_and_no_other_is(package):
    built = sorted(path.stem for path in MODULES[package])
    assert sorted(set(built) - set(planned(package))) == [], "these are not in the plan"
    assert planned(package) == built


@pytest.mark.parametrize(
    "path", [*MODULES["models"], *MODULES["streams"]], ids=lambda path: path.stem
)
def test_a_module_is_short_and_says_what_it_exports(path):
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST
    assert "__all__ = [" in text or path.stem == "__main__"


def test_no_room_is_a_drawer():
    stems = {path.stem for paths in MODULES.values() for path in paths}
    assert not stems & {"utils", "util", "helpers", "common", "core", "misc", "types"}
