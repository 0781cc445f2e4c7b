"""Who wrote an image, and that nobody has changed it since."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pipeline import named

from streams.errors import SettingsError
from streams.image import FORMAT, ImageError
from streams.manifest import Block, Manifest
from streams.settings import Settings
from streams.signing import check_signing, key_of, opened, sealed

KEY, OTHER = b"0123456789abcdef", b"another key that is long enough"
PLACE = ("fraud.checkpoints", 3, "fraud")

names = st.text(max_size=8)
offsets = st.integers(0, 2**62)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
blocks = st.builds(
    Block,
    place=st.tuples(offsets, offsets) | names,
    digest=st.text("0123456789abcdef", min_size=64, max_size=64),
    size=offsets,
)
manifests = st.builds(
    Manifest,
    format=st.just(FORMAT),
    number=offsets,
    turn=offsets,
    topic=st.just(PLACE[0]),
    partition=st.just(PLACE[1]),
    group=st.just(PLACE[2]),
    model=names,
    described=st.dictionaries(names, values, max_size=3),
    positions=st.dictionaries(names, offsets, max_size=2),
    journal=offsets,
    machine=st.dictionaries(names, names, max_size=2),
    thalweg=names,
    written_at=offsets,
    store=st.none() | names,
    earlier=st.lists(offsets, max_size=3),
    parts=st.lists(offsets, max_size=3),
    blocks=st.lists(blocks, max_size=3),
)


def unsealed(manifest: Manifest) -> Manifest:
    return msgspec.structs.replace(manifest, checksum="", signature=None)


@given(manifests, st.none() | st.just(KEY), st.none() | st.just(KEY))
def test_a_manifest_comes_back_with_or_without_the_key_to_its_signature(manifest, write, read):
    value = sealed(manifest, write)
    if read is not None and write is None:
        with pytest.raises(ImageError, match="it is not signed, and there is a key"):
            opened(value, read, *PLACE)
    else:
        assert unsealed(opened(value, read, *PLACE)) == manifest


@given(manifests)
def test_one_signed_with_another_key_is_refused(manifest):
    with pytest.raises(ImageError, match="signed with another key, or forged"):
        opened(sealed(manifest, OTHER), KEY, *PLACE)


@settings(max_examples=300)
@given(manifests, st.none() | st.just(KEY), st.data())
def test_one_byte_changed_or_cut_off_is_found_out(manifest, key, data):
    value = sealed(manifest, key)
    place = data.draw(st.integers(0, len(value) - 1))
    flipped = bytearray(value)
    flipped[place] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(flipped), value[:place], value[:place] + value[place + 1 :]):
        with pytest.raises(ImageError):
            opened(damaged, key, *PLACE)


@given(manifests)
def test_one_of_another_format_is_told_so_whatever_else_it_holds(manifest):
    later = msgspec.structs.replace(manifest, format=FORMAT + 1)
    with pytest.raises(ImageError, match=f"it has format {FORMAT + 1}, this version reads"):
        opened(sealed(later, None), None, *PLACE)
    with pytest.raises(ImageError, match=f"it has format 2, this version reads {FORMAT}"):
        opened(b'{"turn":1,"size":9,"chunks":[4]}', None, *PLACE)


@given(manifests)
def test_one_from_elsewhere_is_refused_though_it_is_signed(manifest):
    value = sealed(manifest, KEY)
    for place in (("x", 3, "fraud"), (PLACE[0], 4, "fraud"), (PLACE[0], 3, "shadow")):
        with pytest.raises(ImageError, match=r"it is of fraud\.checkpoints-3 and group 'fraud'"):
            opened(value, KEY, *place)


def test_the_key_comes_from_a_file_or_from_the_environment(tmp_path: Path):
    file = tmp_path / "thalweg.key"
    file.write_bytes(KEY)
    assert key_of(Settings()) is None
    assert key_of(Settings(checkpoint_key_file=str(file))) == KEY
    assert key_of(Settings(checkpoint_key=OTHER.decode())) == OTHER


def test_a_key_that_is_no_secret_is_refused(tmp_path: Path):
    file = tmp_path / "thalweg.key"
    with pytest.raises(SettingsError) as caught:
        key_of(Settings(checkpoint_key_file=str(file)))
    assert caught.value.why == "the file cannot be read: No such file or directory"
    assert caught.value.write == "head -c 32 /dev/urandom > thalweg.key"
    file.write_bytes(b"short")
    with pytest.raises(SettingsError, match="a key of fewer than 16 bytes can be guessed"):
        key_of(Settings(checkpoint_key_file=str(file)))


def test_what_only_a_pickle_can_hold_needs_a_key():
    pipeline = named()
    with pytest.raises(SettingsError) as caught:
        check_signing(pipeline, Settings())
    assert caught.value.given.endswith("without a key for its checkpoints")
    assert caught.value.write.splitlines() == [
        "head -c 32 /dev/urandom > thalweg.key",
        "         thalweg worker … --checkpoint-key-file thalweg.key",
    ]
    check_signing(pipeline, Settings(checkpoint_key=KEY.decode()))
