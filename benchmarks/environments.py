"""Virtual environments of their own, for systems whose requirements are not Thalweg's."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from venv import EnvBuilder

from rich.console import Console

from benchmarks.systems import System
from streams.places import cache_directory

__all__ = ["UnavailableError", "prepared"]

PINS = Path(__file__).parent / "systems"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


class UnavailableError(Exception):
    """A system cannot be installed on this machine."""


def prepared(system: System, console: Console) -> System:
    """The system as it can be started: its environment is made if it is not there yet.

    It is made of the running interpreter and of wheels alone, in the user's cache directory, and
    anew when the interpreter or what ``benchmarks/systems/….txt`` pins has changed.

    Raises:
        UnavailableError: there is no wheel for this interpreter, or another reason not to.
    """
    if system.environment is None:
        return system
    pins = PINS / f"{system.environment}.txt"
    place = cache_directory() / "benchmarks" / f"{system.environment}-{VERSION}"
    complete, contents = place / "complete", f"{sys.version}\n{pins.read_text()}"
    if not complete.exists() or complete.read_text() != contents:
        console.print(f"{system.name}: installing what {pins.name} pins into {place}")
        _make(place, pins)
        complete.write_text(contents)
    return replace(system, python=str(place / "bin/python"))


def _make(place: Path, pins: Path) -> None:
    options = ["--disable-pip-version-check", "--no-input", "--only-binary", ":all:"]
    try:
        EnvBuilder(clear=True, symlinks=True, with_pip=True).create(place)
        subprocess.run(
            [place / "bin/python", "-m", "pip", "install", *options, "--requirement", pins],
            check=True,
            capture_output=True,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        reason = str(error.stderr or error.output or error).strip().splitlines()[-1]
        raise UnavailableError(
            f"what {pins.name} pins cannot be installed with Python {VERSION}: {reason}\n"
            "  another Python may do: make clean bench-throughput PYTHON=/path/to/python3"
        ) from error
