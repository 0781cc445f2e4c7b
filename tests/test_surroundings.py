"""What is wrong with the machine a worker is to run on."""

from __future__ import annotations

import os
import shutil
from importlib import metadata
from types import SimpleNamespace

import pytest

from streams.settings import Settings
from streams.surroundings import of_doors, of_files, of_pending, of_store, of_versions


def test_another_release_than_the_pinned_one_is_wrong(monkeypatch):
    versions = {"thalweg": "0.1.0", "aiokafka": "0.13.0", "river": "0.26.1"}
    needed = ["aiokafka==0.14.0", "river==0.26.1", "numpy<3,>=2.2.5"]
    monkeypatch.setattr(metadata, "requires", lambda name: needed)
    monkeypatch.setattr(metadata, "version", versions.__getitem__)
    wrong, good = of_versions()
    assert wrong.mend == "pip install aiokafka==0.14.0"
    assert good.found.startswith("thalweg 0.1.0, Python 3.")


def test_a_file_with_keys_is_for_its_owner_alone(tmp_path):
    key, settings = tmp_path / "own.key", tmp_path / "thalweg.toml"
    key.write_bytes(bytes(32))
    settings.write_text("")
    key.chmod(0o600)
    settings.chmod(0o640)
    good, wrong = of_files(Settings(checkpoint_key_file=str(key)), settings)
    assert good.severity == "good"
    assert (wrong.about, wrong.severity) == ("--config", "wrong")
    assert wrong.mend == f"chmod 600 {settings}"


def test_a_certificate_may_be_read_by_all_if_its_key_is_elsewhere(tmp_path):
    both = {name: tmp_path / f"{name}.pem" for name in ("cert", "key")}
    for file in both.values():
        file.write_text("")
        file.chmod(0o644)
    paths = {f"ssl_{name}file": str(file) for name, file in both.items()}
    (key,) = of_files(Settings(security_protocol="SSL", **paths))
    assert (key.about, key.severity) == ("ssl_keyfile", "wrong")


@pytest.mark.skipif(os.getuid() == 0, reason="root can read anything")
def test_a_key_that_cannot_be_read_is_wrong(tmp_path):
    key = tmp_path / "own.key"
    key.write_bytes(bytes(32))
    key.chmod(0)
    (wrong,) = of_files(Settings(hash_key_file=str(key)))
    assert wrong.found == f"{key} cannot be read: Permission denied"


def test_a_disk_that_is_nearly_full_is_wrong(tmp_path, monkeypatch):
    settings = Settings(checkpoint_store=str(tmp_path / "not" / "yet"))
    assert [it.severity for it in of_store(settings, "fraud")] == ["good"]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100 << 20))
    (wrong,) = of_store(settings, "fraud")
    assert wrong.found.startswith("0.1 GiB are free")


def test_doors_that_stand_open_are_doubtful():
    assert list(of_doors(Settings())) == []
    far = list(of_doors(Settings(brokers="kafka:9092", metrics_host="0.0.0.0")))
    assert [it.about for it in far] == ["encryption", "metrics"]


def test_what_waits_has_a_directory_that_can_hold_it(tmp_path):
    pipeline = SimpleNamespace(name="fraud", model=SimpleNamespace(form="hashed"))
    assert not list(of_pending(pipeline, Settings()))
    (good,) = of_pending(pipeline, Settings(pending_directory=str(tmp_path)))
    (wrong,) = of_pending(pipeline, Settings(pending_directory=str(tmp_path / "nowhere")))
    assert [it.severity for it in (good, wrong)] == ["good", "wrong"]
    assert "--pending-directory" in wrong.mend
