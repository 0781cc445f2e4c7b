"""What a person is told to type works from where they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from streams.invocation import command, short


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / ".venv" / "bin" / "thalweg"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(path), "demo"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    return path


def test_a_program_on_the_path_is_called_by_its_name(program, monkeypatch):
    monkeypatch.setenv("PATH", str(program.parent))
    assert command() == "thalweg"


def test_a_program_below_the_working_directory_is_called_by_its_relative_path(program):
    assert command() == ".venv/bin/thalweg"


def test_another_program_of_the_name_on_the_path_is_not_meant(program, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "thalweg").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(other))
    assert command() == ".venv/bin/thalweg"


def test_elsewhere_it_is_called_by_its_full_path(program, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert command() == str(program)


def test_a_module_is_called_by_the_python_that_runs_it(program, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/site-packages/streams/__main__.py"])
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    assert command() == ".venv/bin/python -m streams"


def test_a_path_is_shortened_only_below_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert short(tmp_path / "examples" / "fraud.py") == "examples/fraud.py"
    assert short(Path("fraud.py")) == "fraud.py"
    assert short(tmp_path.parent / "fraud.py") == str(tmp_path.parent / "fraud.py")
