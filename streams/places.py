"""Where on this machine Thalweg keeps what it downloads and what it stores."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_directory", "data_directory"]


def cache_directory() -> Path:
    """For what can be downloaded again: THALWEG_CACHE, else the user's cache directory."""
    return _place("THALWEG_CACHE", "XDG_CACHE_HOME", ".cache")


def data_directory() -> Path:
    """For what cannot, such as the topics of the broker: THALWEG_DATA, else the user's data."""
    return _place("THALWEG_DATA", "XDG_DATA_HOME", ".local/share")


def _place(own: str, xdg: str, otherwise: str) -> Path:
    if given := os.environ.get(own):
        return Path(given).expanduser().absolute()
    base = Path(os.environ.get(xdg, ""))
    # The XDG specification has relative paths ignored.
    return (base if base.is_absolute() else Path.home() / otherwise) / "thalweg"
