"""Where blocks of images can be kept besides the topic: a directory, or an object store by URL."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from streams.errors import SettingsError

__all__ = ["Directory", "ObjectStore", "Store", "open_store"]

_TEMPORARY = ".part"


class Store(Protocol):
    """A folder of files that are written once, read whole, and removed. All of it blocks."""

    def put(self, files: Mapping[str, bytes]) -> None:
        """Keep files by their names, each whole or not at all; they outlast a power cut.

        Raises:
            OSError: not all of them are kept.
        """

    def get(self, names: Collection[str]) -> dict[str, bytes]:
        """The files by their names, without those that are not there.

        Raises:
            OSError: the store cannot be read.
        """

    def names(self) -> list[str]:
        """Of all files."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there are passed over."""


def open_store(url: str, *folder: str) -> Store:
    """The store at a path or URL, in a folder of its own.

    Args:
        url: a path, ``file://…``, or what fsspec knows: ``s3://bucket/path``, ``gs://…``.
        folder: names of the folder and of those around it.

    Raises:
        SettingsError: it takes a package that is not installed, or nobody knows such URLs.
    """
    scheme, separator, path = url.rpartition("://")
    if not separator or scheme == "file":
        return Directory(Path(path, *folder))
    try:
        import fsspec

        fs, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise SettingsError(
            f"checkpoint_store = {url!r}",
            f"there is nothing here that reads {scheme}:// ({error})",
            f"pip install 'thalweg[store]'{' s3fs' if scheme == 's3' else ''}",
        ) from error
    return ObjectStore(fs, "/".join((root.rstrip("/"), *folder)))


class Directory:
    """Files in a directory of this machine, or of one that is mounted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, files: Mapping[str, bytes]) -> None:
        """See `Store.put`: written beside, flushed to the disk, and renamed."""
        self._path.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            beside = self._path / f"{name}{_TEMPORARY}"
            try:
                with beside.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(self._path / name)
            except OSError:
                with suppress(OSError):
                    beside.unlink()
                raise
        directory = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def get(self, names: Collection[str]) -> dict[str, bytes]:
        """See `Store.get`."""
        found = {}
        for name in names:
            with suppress(FileNotFoundError):
                found[name] = (self._path / name).read_bytes()
        return found

    def names(self) -> list[str]:
        """See `Store.names`; those that a crash left half written are among them."""
        return [file.name for file in self._path.iterdir()] if self._path.exists() else []

    def remove(self, names: Iterable[str]) -> None:
        """See `Store.remove`."""
        for name in names:
            (self._path / name).unlink(missing_ok=True)


class ObjectStore:
    """Objects below a prefix, by fsspec. An object store writes each whole or not at all.

    Args:
        fs: a file system of fsspec.
        root: the prefix, without a slash at its end.
    """

    def __init__(self, fs: Any, root: str) -> None:
        self._fs = fs
        self._root = root

    def put(self, files: Mapping[str, bytes]) -> None:
        """See `Store.put`; many at a time."""
        with _as_os_error():
            self._fs.makedirs(self._root, exist_ok=True)
            self._fs.pipe({self._at(name): content for name, content in files.items()})

    def get(self, names: Collection[str]) -> dict[str, bytes]:
        """See `Store.get`; many at a time."""
        if not names:
            return {}
        with _as_os_error():
            found = self._fs.cat([self._at(name) for name in names], on_error="return")
        for content in found.values():
            if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                raise OSError(str(content)) from content
        by_name = {path.rpartition("/")[2]: content for path, content in found.items()}
        return {name: it for name, it in by_name.items() if isinstance(it, bytes)}

    def names(self) -> list[str]:
        """See `Store.names`."""
        with _as_os_error():
            if not self._fs.exists(self._root):
                return []
            # What others wrote since this process last looked counts, too.
            self._fs.invalidate_cache(self._root)
            found = self._fs.ls(self._root, detail=False)
        return [path.rpartition("/")[2] for path in found]

    def remove(self, names: Iterable[str]) -> None:
        """See `Store.remove`."""
        with _as_os_error():
            for name in names:
                with suppress(FileNotFoundError):
                    self._fs.rm_file(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Whatever the library behind fsspec raises, as `OSError`."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
