"""Checksums and signatures of manifests; a manifest holds the digests of its image's blocks."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from streams.errors import SettingsError
from streams.image import ImageError
from streams.manifest import Manifest, decoded, encoded
from streams.modelling import called

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["check_signing", "key_of", "opened", "sealed"]

_LEAST_BYTES = 16
_MAKE_ONE = "head -c 32 /dev/urandom > thalweg.key"


def key_of(settings: Settings) -> bytes | None:
    """The key that images are signed with: from the settings or from a file; None without one.

    Raises:
        SettingsError: the file cannot be read, or the key is too short to be a secret.
    """
    file = settings.checkpoint_key_file
    if settings.checkpoint_key is not None:
        key, given = settings.checkpoint_key.encode(), "checkpoint_key"
    elif file is not None:
        given = f"checkpoint_key_file = {file!r}"
        try:
            key = Path(file).read_bytes()
        except OSError as error:
            raise SettingsError(
                given, f"the file cannot be read: {error.strerror}", _MAKE_ONE
            ) from error
    else:
        return None
    if len(key) < _LEAST_BYTES:
        raise SettingsError(
            f"{given} with {len(key)} bytes",
            f"a key of fewer than {_LEAST_BYTES} bytes can be guessed",
            _MAKE_ONE,
        )
    return key


def check_signing(pipeline: Pipeline, settings: Settings) -> None:
    """Refuse to run a model that only a pickle can hold without a key to sign its images with.

    Raises:
        SettingsError: there is none; or the key that is given is none.
    """
    if key_of(settings) is None and pipeline.pickled:
        raise SettingsError(
            f"model={called(pipeline.model)} without a key for its checkpoints",
            "a River estimator is kept as a pickle, and whoever can write to "
            f"{settings.checkpoint_store or pipeline.checkpoints_topic} could have a worker load "
            "another: the images have to be signed",
            f"{_MAKE_ONE}\n         thalweg worker … --checkpoint-key-file thalweg.key",
        )


def sealed(manifest: Manifest, key: bytes | None) -> bytes:
    """The manifest as it is kept: with a checksum and, if there is a key, a signature."""
    body = _body(manifest)
    return encoded(
        msgspec.structs.replace(
            manifest,
            checksum=hashlib.sha256(body).hexdigest(),
            signature=None if key is None else _signature(body, key),
        )
    )


def opened(value: bytes, key: bytes | None, topic: str, partition: int, group: str) -> Manifest:
    """The manifest that was `sealed`.

    Args:
        value: what is kept.
        key: None where anybody's is good; then signed ones are, too.
        topic: where it was found, and has to be of.
        partition: likewise.
        group: likewise.

    Raises:
        ImageError: it is damaged, of another format or place, or not signed with the key.
    """
    manifest = decoded(value)
    body = _body(manifest)
    if hashlib.sha256(body).hexdigest() != manifest.checksum:
        raise ImageError("its manifest is damaged: it does not match its checksum")
    if key is not None:
        if manifest.signature is None:
            raise ImageError("it is not signed, and there is a key: who wrote it is not known")
        if not hmac.compare_digest(_signature(body, key), manifest.signature):
            raise ImageError("it is signed with another key, or forged")
    if (manifest.topic, manifest.partition, manifest.group) != (topic, partition, group):
        raise ImageError(
            f"it is of {manifest.topic}-{manifest.partition} and group {manifest.group!r}"
        )
    return manifest


def _body(manifest: Manifest) -> bytes:
    return encoded(msgspec.structs.replace(manifest, checksum="", signature=None))


def _signature(body: bytes, key: bytes) -> str:
    return hmac.new(key, body, hashlib.sha256).hexdigest()
