"""What is built is whole, and starts quickly because it imports little."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "streams")
SLOW = {"numpy", "numba", "river", "faust", "aiokafka", "kafka", "scipy", "prometheus_client"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    built = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")))
    return ZipFile(next(iter(built)))


def test_the_wheel_has_every_module_and_what_they_read(wheel):
    ours = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).iterdir()
        if path.is_file()
    }
    assert {"streams/kafka.lock", "streams/py.typed", "models/py.typed"} <= ours
    in_wheel = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert in_wheel == {*ours, "streams/examples/fraud.py"}


def test_the_wheel_brings_the_example_that_the_demonstration_runs(wheel, tmp_path):
    wheel.extractall(tmp_path)
    found = subprocess.run(
        [sys.executable, "-c", "from streams import demo, load; print(load(demo._example()).name)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "fraud\n"


def test_the_wheel_brings_the_command_and_the_licence(wheel):
    names = {name.partition(".dist-info/")[2]: name for name in wheel.namelist()}
    assert wheel.read(names["entry_points.txt"]).decode().split() == [
        "[console_scripts]", "thalweg", "=", "streams.cli:main",
    ]  # fmt: skip
    assert wheel.read(names["licenses/LICENSE"]) == (ROOT / "LICENSE").read_bytes()


def test_the_source_distribution_has_what_builds_and_tests_it(tmp_path):
    built = SdistBuilder(str(ROOT)).build(directory=str(tmp_path))
    with tarfile.open(next(iter(built))) as archive:
        top = {name.split("/")[1] for name in archive.getnames()}
    assert {"pyproject.toml", "Makefile", "streams", "models", "tests", "docs", ".ci"} <= top
    assert not {name for name in top if name.startswith(".") and name not in {".ci", ".gitignore"}}


@pytest.mark.parametrize("arguments", [["--help"], ["worker", "--help"], ["broker", "--help"]])
def test_help_comes_without_importing_what_is_slow(arguments):
    program = (
        "import sys\nfrom streams.cli import main\n"
        f"sys.argv[1:] = {arguments}\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    printed = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)
    assert not set(printed.splitlines()[-1].split()) & SLOW


def test_the_versions_of_python_are_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = [
        name.rpartition(" ")[2]
        for name in project["classifiers"]
        if name.startswith("Programming Language :: Python :: 3.")
    ]
    assert project["requires-python"] == ">=3.11,<3.14"
    assert versions == ["3.11", "3.12", "3.13"]
    script = (ROOT / "deploy/venv.sh").read_text()
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in script
    assert " ".join(f"python{version}" for version in reversed(versions)) in script
