"""What is wrong with this machine: versions, disk, files that others can read, open doors."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from streams.diagnosis import Finding
from streams.errors import SettingsError, TeachingError
from streams.pending import check_pending
from streams.stores import open_store

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["of_doors", "of_files", "of_pending", "of_store", "of_versions"]

_FREE_BYTES = 1 << 30
_KEY_FILES = ("checkpoint_key_file", "hash_key_file", "ssl_keyfile", "ssl_certfile")
_LOOPBACK = ("127.", "localhost:", "[::1]:")
_PRIVATE = 0o077


def of_versions() -> Iterator[Finding]:
    """Whether the packages that are pinned are the ones installed."""
    try:
        needed = metadata.requires("thalweg") or []
        own = metadata.version("thalweg")
    except metadata.PackageNotFoundError:
        found = "thalweg is not installed as a package: nothing says what it needs"
        yield Finding("versions", "doubtful", found, "pip install .")
        return
    pinned = dict(re.findall(r"^([\w-]+)==([\w.]+)$", "\n".join(needed), re.MULTILINE))
    for name, version in pinned.items():
        try:
            there = metadata.version(name)
        except metadata.PackageNotFoundError:
            there = "not installed"
        if there != version:
            found = f"{name} is {there}; thalweg needs {version}, whose private names it uses"
            yield Finding("versions", "wrong", found, f"pip install {name}=={version}")
    yield Finding("versions", "good", f"thalweg {own}, Python {platform.python_version()}")


def of_files(settings: Settings, config: Path | None = None) -> Iterator[Finding]:
    """Whether files with keys or passwords are for their owner alone.

    Args:
        settings: name them.
        config: the file they are from, if there are secrets in it.
    """
    files = {name: getattr(settings, name) for name in _KEY_FILES}
    if settings.ssl_keyfile is not None:
        files["ssl_certfile"] = None  # holds no key
    for name, file in (*files.items(), ("--config", config)):
        if file is None:
            continue
        path = Path(file)
        try:
            mode = path.stat().st_mode
            path.open("rb").close()
        except OSError as error:
            yield Finding(
                name, "wrong", f"{path} cannot be read: {error.strerror}", f"ls -l {path}"
            )
            continue
        if mode & _PRIVATE:
            found = f"{path} can be read by others (mode {mode & 0o777:o})"
            yield Finding(name, "wrong", found, f"chmod 600 {path}")
        else:
            yield Finding(name, "good", f"{path} is for its owner alone")


def of_store(settings: Settings, group: str) -> Iterator[Finding]:
    """Whether there is room where checkpoints are kept, if that is not Kafka."""
    url = settings.checkpoint_store
    if url is None:
        return
    about = "checkpoint_store"
    try:
        open_store(url, group).names()
    except (TeachingError, OSError) as error:
        yield Finding(about, "wrong", f"{url} cannot be read: {error}", f"{about} = another one")
        return
    scheme, separator, path = url.rpartition("://")
    if separator and scheme != "file":
        yield Finding(about, "good", f"{url} can be read")
        return
    there = next(place for place in (Path(path), *Path(path).absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    found = f"{free / (1 << 30):.1f} GiB are free in {path}"
    if free < _FREE_BYTES:
        yield Finding(about, "wrong", found, f"{about} on a larger disk, or fewer checkpoints_kept")
    else:
        yield Finding(about, "good", found)


def of_pending(pipeline: Pipeline, settings: Settings) -> Iterator[Finding]:
    """Whether what waits for its label can be kept where it is to be, if that is not in memory."""
    about, path = "pending_directory", settings.pending_directory
    if path is None:
        return
    try:
        check_pending(pipeline, settings)
    except SettingsError as error:
        yield Finding(about, "wrong", f"{path}: {error.why}", error.write)
        return
    free = shutil.disk_usage(path).free / (1 << 30)
    yield Finding(about, "good", f"{free:.1f} GiB are free in {path}")


def of_doors(settings: Settings) -> Iterator[Finding]:
    """Whether what should be secret crosses a network, and who can look at the metrics."""
    near = all(place.startswith(_LOOPBACK) for place in settings.brokers.split(","))
    if not near and not settings.security_protocol.endswith("SSL"):
        found = f"{settings.security_protocol} to {settings.brokers}: all can be read on its way"
        yield Finding("encryption", "doubtful", found, 'security_protocol = "SASL_SSL"')
    if settings.metrics_port and not f"{settings.metrics_host}:".startswith(_LOOPBACK):
        found = f"metrics are served on {settings.metrics_host}, to whoever asks"
        mend = 'metrics_host = "127.0.0.1", or a firewall that lets only Prometheus in'
        yield Finding("metrics", "doubtful", found, mend)
