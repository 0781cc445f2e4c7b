"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from uuid import uuid4

import pytest

from streams.errors import SettingsError
from streams.stores import Directory, ObjectStore, Store, open_store


@pytest.fixture(params=["path", "file", "memory"])
def store(request, tmp_path: Path) -> Store:
    urls = {"path": str(tmp_path), "file": f"file://{tmp_path}", "memory": f"memory://{uuid4()}"}
    return open_store(urls[request.param], "fraud.checkpoints", "fraud", "0")


def test_files_come_back_by_their_names_until_they_are_removed(store: Store):
    assert store.names() == []
    assert store.get(["1-a"]) == {}
    store.put({"1-a": b"one", "1-b": bytes(1000)})
    store.put({"2-a": b""})
    assert sorted(store.names()) == ["1-a", "1-b", "2-a"]
    assert store.get(["1-a", "2-a", "none"]) == {"1-a": b"one", "2-a": b""}
    assert store.get([]) == {}
    store.remove(["1-a", "none"])
    assert sorted(store.names()) == ["1-b", "2-a"]


def test_a_file_written_again_is_replaced(store: Store):
    store.put({"1-a": b"one"})
    store.put({"1-a": b"two"})
    assert store.get(["1-a"]) == {"1-a": b"two"}


def test_folders_do_not_see_each_others_files(tmp_path: Path):
    for url in (str(tmp_path), f"memory://{uuid4()}"):
        one, other = (open_store(url, "topic", "fraud", partition) for partition in "01")
        one.put({"1-a": b"one"})
        assert other.names() == []
        assert other.get(["1-a"]) == {}


def test_a_path_needs_no_package_and_others_are_told_which():
    assert isinstance(open_store("/var/lib/thalweg", "a"), Directory)
    assert isinstance(open_store("memory://thalweg", "a"), ObjectStore)
    with pytest.raises(SettingsError) as caught:
        open_store("s3://bucket/thalweg", "a")
    assert caught.value.given == "checkpoint_store = 's3://bucket/thalweg'"
    assert caught.value.write == "pip install 'thalweg[store]' s3fs"
    with pytest.raises(SettingsError, match="there is nothing here that reads nowhere://"):
        open_store("nowhere://bucket", "a")


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = open_store(str(tmp_path), "a")
    store.put({"1-a": b"one"})

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        store.put({"1-a": b"two", "1-b": b"three"})
    assert store.names() == ["1-a"]
    assert store.get(["1-a", "1-b"]) == {"1-a": b"one"}


def test_whatever_an_object_store_raises_is_an_os_error():
    class Broken:
        def pipe(self, files: object) -> None:
            raise RuntimeError("access denied")

        def makedirs(self, *_: object, **__: object) -> None:
            """It is there."""

        def cat(self, names: list[str], **_: object) -> dict[str, object]:
            return {name: RuntimeError("throttled") for name in names}

    store = ObjectStore(Broken(), "bucket")
    with pytest.raises(OSError, match="RuntimeError: access denied"):
        store.put({"1-a": b""})
    with pytest.raises(OSError, match="throttled"):
        store.get(["1-a"])
