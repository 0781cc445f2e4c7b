"""`make` explains itself, and says what is missing when something is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """As much of the repository as it takes to install, and no environment yet."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy/venv.sh", tmp_path / "deploy")
    return tmp_path


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=clone, capture_output=True, text=True, check=False
    )


def a_python(where: Path, version: tuple[int, int], *, ensurepip: bool) -> Path:
    """A command that answers what it is asked first as such a Python would."""
    path = where / "python"
    supported = (3, 11) <= version <= (3, 13)
    path.write_text(
        "#!/bin/sh\n"
        'case "$2" in\n'
        f"  *exit*) {str(supported).lower()} ;;\n"
        f"  *ensurepip*) {str(ensurepip).lower()} ;;\n"
        f"  *print*) echo {version[0]}.{version[1]} ;;\n"
        "esac\n"
    )
    path.chmod(0o755)
    return path


def test_make_alone_lists_every_target(clone):
    helped = make(clone)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r"^  make ([a-z-]+) +\S", helped.stdout, re.MULTILINE) == targets
    assert helped.returncode == 0


def test_a_python_that_is_too_old_is_refused_with_what_to_write(clone, tmp_path):
    python = a_python(tmp_path, (3, 9), ensurepip=True)
    refused = make(clone, "demo", f"PYTHON={python}")
    assert refused.returncode != 0
    assert refused.stderr.startswith(
        f"Thalweg runs on Python 3.11, 3.12 and 3.13; {python} is not one of these.\n"
        "  write: make … PYTHON=/path/to/python3.13\n"
    )


def test_a_python_without_venv_is_refused_with_the_package_to_install(clone, tmp_path):
    python = a_python(tmp_path, (3, 12), ensurepip=False)
    refused = make(clone, "test", f"PYTHON={python}")
    assert refused.returncode != 0
    assert "apt install python3.12-venv" in refused.stderr
    assert not (clone / ".venv").exists()


def test_an_installation_is_not_repeated_until_the_project_file_changes(clone):
    (clone / ".venv").mkdir()
    (clone / ".venv/installed-broker").touch()
    assert "venv.sh" not in make(clone, "--dry-run", "demo").stdout
    later = (clone / ".venv/installed-broker").stat().st_mtime + 1
    os.utime(clone / "pyproject.toml", (later, later))
    assert "deploy/venv.sh broker" in make(clone, "--dry-run", "demo").stdout


def test_the_hooks_are_the_projects_own_tools_so_that_nothing_is_fetched():
    config = ROOT / ".pre-commit-config.yaml"
    validated = [sys.executable, "-m", "pre_commit", "validate-config", config]
    subprocess.run(validated, check=True, capture_output=True)
    (local,) = yaml.safe_load(config.read_text())["repos"]
    assert local["repo"] == "local"
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in local["hooks"]}
    assert tools == set(re.findall(r"@\$\(BIN\)/(ruff|mypy)", (ROOT / "Makefile").read_text()))
