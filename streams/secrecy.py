"""Secret fields: what they hold is replaced by a keyed hash before anything else reads it.

The hash is HMAC-SHA-256 with a key that is no part of the pipeline: of a number with so few digits
as a card's, a hash without a key is found out by trying all of them (PCI DSS v4.0, 3.5.1.1).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.bytecolumn import ByteColumn
from models.column import Column, chosen
from models.features import Feature
from models.hashing import texts
from models.textcolumn import TextColumn
from streams.cardnumbers import card_numbers, named_like_one
from streams.errors import DeclarationError, SettingsError
from streams.schema import Field, fields_of

if TYPE_CHECKING:
    from streams.codec import Decoded, Decoder, Reason
    from streams.declare import Topic
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["Guard", "Pseudonyms", "check_secrets", "decoder_of", "unlock"]

_LEAST_BYTES = 16
_DIGITS = 32
_MAKE_ONE = "head -c 32 /dev/urandom > hash.key, and hash_key_file = 'hash.key'"


class Pseudonyms:
    """Replaces what secret fields hold.

    Args:
        key: of the hash, 16 bytes at least.

    Attributes:
        fingerprint: of the key, which it does not tell.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < _LEAST_BYTES:
            raise SettingsError(
                f"a hash key of {len(key)} bytes",
                f"fewer than {_LEAST_BYTES} can be guessed, and with them every card's number",
                _MAKE_ONE,
            )
        self._key = key
        self.fingerprint = self._hashed(b"the fingerprint of this key")[:8]

    def column(self, column: Column) -> TextColumn:
        """The pseudonym of each text; None stays None."""
        values = texts(column).utf8
        return TextColumn.of([None if it is None else self._hashed(it) for it in values])

    def _hashed(self, value: bytes) -> str:
        return hmac.digest(self._key, value, "sha256").hex()[:_DIGITS]


class Guard:
    """Finds card numbers in events: in texts that are not secret, and in the keys of records.

    Args:
        events: their topic, which names the fields to be left alone.
    """

    def __init__(self, events: Topic) -> None:
        free = events.pan_free
        self._fields = [
            name
            for name, field in fields_of(events.schema).items()
            if field.type is str and not (field.secret or field.choices or name in free)
        ]
        self._keys = events.key not in free

    def suspects(
        self, decoded: Decoded, keys: Sequence[bytes | None]
    ) -> Mapping[int, tuple[Reason, str]]:
        """By number among the events, those that hold one; and where, without telling it.

        Args:
            decoded: the events of a slice.
            keys: of the slice's records.
        """
        found: dict[int, tuple[Reason, str]] = {}
        for name in self._fields:
            for place in _places(texts(decoded.column(name)).utf8):
                instead = f"make it Secret, or say Topic(…, pan_free=[{name!r}])"
                found[place] = "pan", f"{name} holds what looks like a card's number: {instead}"
        if self._keys:
            for place in _places(ByteColumn.of(chosen(keys, decoded.places))):
                found[place] = "pan", "the key holds what looks like a card's number: use an id"
        return found


def decoder_of(pipeline: Pipeline) -> Decoder:
    """What reads a pipeline's events, and hides what is secret in them.

    Raises:
        SettingsError: there are secrets, and it was not told the key.
    """
    from streams.codec import Decoder

    secrets, pseudonyms = pipeline.secrets, pipeline.pseudonyms
    hidden = {}
    if secrets and pseudonyms is None:
        raise SettingsError(
            f"{pipeline.name} hashes {', '.join(secrets)} with a key, and was told none",
            "without it nothing can be read that they are made of",
            'hash_key_file = "…" in thalweg.toml; in a test pipeline.unlock(b"…")',
        )
    if pseudonyms is not None:
        hidden = dict.fromkeys(secrets, pseudonyms.column)
    return Decoder(pipeline.events.schema, pipeline.max_event_bytes, hidden)


def _places(column: ByteColumn) -> list[int]:
    return np.flatnonzero(card_numbers(column)).tolist()


def unlock(pipeline: Pipeline, settings: Settings) -> Pipeline:
    """Give a pipeline with secret fields the key that the settings name; it is the same pipeline.

    Raises:
        SettingsError: it needs one and there is none, or the file cannot be read.
    """
    if not pipeline.secrets:
        return pipeline
    file = settings.hash_key_file
    if file is None:
        raise SettingsError(
            f"{pipeline.name} without hash_key_file",
            f"it hashes {', '.join(pipeline.secrets)} with a key, and is told of none",
            _MAKE_ONE,
        )
    try:
        key = Path(file).read_bytes()
    except OSError as error:
        raise SettingsError(
            f"hash_key_file = {file!r}", f"the file cannot be read: {error.strerror}", _MAKE_ONE
        ) from error
    return pipeline.unlock(key)


def check_secrets(
    fields: Mapping[str, Field], events: Topic, read: Sequence[str], features: Sequence[Feature]
) -> None:
    """No card number is used as it is, and no secret where it would be written down.

    Args:
        fields: of the events.
        events: their topic.
        read: the fields that a model reads.
        features: by which it does.
    """
    for role, name in {"id": events.id, "key": events.key}.items():
        if name is not None and fields[name].secret:
            raise DeclarationError(
                f"Topic({events.name!r}, {role}={name!r}), and {name} is Secret",
                f"every prediction repeats the {role} of its event",
                f"{role}= another field, or events that carry a keyed hash instead",
            )
    used = dict.fromkeys(name for name in (events.id, events.key, *read) if name is not None)
    for name in used:
        if named_like_one(name) and not fields[name].secret and name not in events.pan_free:
            raise DeclarationError(
                f"the field {name!r} is used as it is",
                "by its name it holds numbers of cards or accounts, which may only be used by "
                "their keyed hash: a plain one of so few digits is soon undone",
                f"{name}: Secret    # from streams import Secret; or, if it holds none, "
                f'Topic(…, pan_free=["{name}"])',
            )
    for feature in features:
        for name in feature.fields:
            if fields[name].secret and type(feature).__name__ == "Text":
                raise DeclarationError(
                    f"{feature.written()}, and {name} is Secret",
                    "of a secret there is one hash, and no words",
                    f"Hashed({name!r})",
                )
