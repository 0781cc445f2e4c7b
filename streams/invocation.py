"""How a person calls this program and names a file, from where they are."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

__all__ = ["command", "short"]


def command() -> str:
    """What to type for this command line: ``thalweg``, ``.venv/bin/thalweg``, and the like."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{_program(Path(sys.executable))} -m streams"
    return _program(called)


def short(path: Path) -> str:
    """A path as short as it can be named: relative where it lies below the working directory."""
    absolute = path.absolute()
    return os.path.relpath(absolute) if absolute.is_relative_to(Path.cwd()) else str(absolute)


def _program(path: Path) -> str:
    found = shutil.which(path.name)
    return path.name if found and Path(found).absolute() == path.absolute() else short(path)
