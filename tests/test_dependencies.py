"""What is imported is declared, and what is declared is justified."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
INSTALLED = metadata.packages_distributions()
PACKAGES = ("models", "streams")


def names(requirements: list[str]) -> list[str]:
    found = [re.match(r"[\w-]+", requirement) for requirement in requirements]
    return [match[0].lower() for match in found if match and match[0] != PROJECT["name"]]


def justified() -> dict[str, list[str]]:
    """Package names by section of the page."""
    page = (ROOT / "docs/dependencies.md").read_text()
    _, *sections = re.split(r"^## (?:Extra )?`?(\w+)`?$", page, flags=re.MULTILINE)
    tables = zip(sections[::2], sections[1::2], strict=True)
    return {
        name: re.findall(r"^\| (?!package)([\w-]+) \|", text, re.MULTILINE) for name, text in tables
    }


def imported(packages: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each import of somebody else's package, with the file it stands in."""
    for path in (path for package in packages for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            for module in modules:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and not (ROOT / top).is_dir():
                    yield top, f"{path.parent.name}/{path.name}"


def declared_names(module: str) -> set[str]:
    """The distributions that could have brought a module."""
    return {name.lower().replace("_", "-") for name in INSTALLED[module]}


def test_every_dependency_is_justified_in_a_line_and_no_other_is():
    declared = {"Base": names(PROJECT["dependencies"])}
    declared |= {extra: names(requirements) for extra, requirements in EXTRAS.items()}
    assert justified() == declared


@pytest.mark.parametrize("requirement", [*PROJECT["dependencies"], *EXTRAS["broker"]])
def test_what_users_install_has_a_tested_lower_and_an_upper_bound(requirement):
    assert re.search(r"==|>=.*,<", requirement)


def test_the_packages_import_nothing_that_users_would_not_have():
    available = {
        *names(PROJECT["dependencies"]),
        *names(EXTRAS["broker"] + EXTRAS["parquet"] + EXTRAS["report"] + EXTRAS["store"]),
    }
    missing = {
        f"{place} imports {module}"
        for module, place in imported(PACKAGES)
        if not declared_names(module) & available
    }
    assert not missing


def test_the_packages_use_all_that_users_have_to_install():
    used = {name for module, _ in imported(PACKAGES) for name in declared_names(module)}
    assert not {*names(PROJECT["dependencies"])} - used


def test_the_tests_import_nothing_that_developers_would_not_have():
    ours = {path.stem for path in (ROOT / "tests").rglob("*.py")}
    pins = (ROOT / "benchmarks/systems").glob("*.txt")  # of systems that are installed apart
    apart = {line.partition("==")[0] for path in pins for line in path.read_text().splitlines()}
    available = {*names(PROJECT["dependencies"])}
    available.update(name for extra in EXTRAS.values() for name in names(extra))
    missing = {
        f"{place} imports {module}"
        for module, place in imported(("tests", "benchmarks", "examples"))
        if module not in ours | apart and not declared_names(module) & available
    }
    assert not missing
