"""A real browser that looks at a page, without a screen and without a network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Seen", "chromium", "look"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What came of a look.

    Attributes:
        picture: PNG.
        console: what the page, or the browser about it, wrote to the console.
    """

    picture: Path
    console: list[str]


def chromium() -> str:
    """Where it is; without one the test is skipped, and says why."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no Chromium to look at the page with: deploy/chromium.sh installs one")
    return found


def look(page: Path, picture: Path, height: int = 4_000, *, dark: bool = False) -> Seen:
    """Open a page, and take a picture of it."""
    command = [
        chromium(),
        *_QUIET,
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        *(["--blink-settings=preferredColorScheme=0"] if dark else []),
        f"--user-data-dir={picture.parent / 'profile'}",
        f"--window-size=1060,{height}",
        f"--screenshot={picture}",
        page.as_uri(),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return Seen(picture, re.findall(r"CONSOLE[^\]]*\] (.*)", run.stderr))
