"""Who may know whom: models know no Kafka, streams know no River, a declaration is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KAFKA = {"aiokafka", "confluent_kafka", "faust", "kafka", "mode"}


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports, at its head or inside of its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            found.add(str(node.module).partition(".")[0])
    return found


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", modules("models"), ids=lambda path: path.stem)
def test_models_know_no_kafka_and_nothing_of_streams(path):
    assert not imported(path) & (KAFKA | {"streams"})


@pytest.mark.parametrize("path", modules("streams"), ids=lambda path: path.stem)
def test_streams_know_no_river(path):
    assert "river" not in imported(path)


@pytest.mark.parametrize("package", ["models", "streams"])
def test_a_package_is_one_level_deep(package):
    assert {path.parent for path in modules(package)} == {ROOT / package}


def loaded_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("statement", "never"),
    [
        ("from streams import Event, Labels, Pipeline, Threshold, Topic, load", KAFKA | {"river"}),
        ("from models import Hashed, Logistic, Number", KAFKA | {"streams"}),
        ("from streams import load; load('examples/fraud.py')", KAFKA),
        ("import streams.task", KAFKA | {"river"}),
        ("from streams.testing import Driver", KAFKA | {"river"}),
        ("import streams.cli", {"faust", "mode", "river", "numba"}),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_an_import_brings_no_more_than_it_needs(statement, never):
    assert not loaded_by(statement) & never
