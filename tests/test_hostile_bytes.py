"""Whatever others wrote where we read: it is a value or the declared error, and never a surprise.

Bytes at random hardly get past the first brace. So most of them are what is valid, changed: bytes
turned, cut out, put in and doubled, and parts replaced by what has hurt parsers before.
"""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path

import cramjam
import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from slicing import slice_of

from streams.codec import Decoder, Reject
from streams.comparing import _fields
from streams.deadletters import exported, letter_of
from streams.errors import SettingsError
from streams.image import FORMAT, Image, ImageError, pack, unpack
from streams.imageblocks import compressed, cut, expanded, joined
from streams.journal import Entry, JournalGapError, Script
from streams.letters import dead_letters
from streams.manifest import Block, Manifest, decoded, encoded
from streams.pages import by_partition
from streams.published import offset_of
from streams.readings import NoPageError, read
from streams.schema import Label
from streams.settings import Settings, resolve
from streams.signing import opened, sealed
from streams.slices import Record
from streams.views import rows_of

DEEP = 100_000
TOKENS = (
    b"", b"\x00", b"\xff\xfe", b"null", b"{}", b"[]", b"-1", b"1e999", b"NaN", b"9" * 5_000,
    b"18446744073709551616", b'"\\ud800"', b"[" * 3_000, b'{"a":' * 3_000, b"\xc7\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff",
    b"\xcf" + b"\xff" * 8, b"\n", b'"', b"}{",
)  # fmt: skip
HUGE = (b"[" * DEEP, b'{"a":' * DEEP, b"\x91" * DEEP, b"\x81\xa1a" * DEEP)
MOST_BYTES = 64 << 20
STAMPS = st.sampled_from([0, -1, 1_700_000_000_000, 2**62, -(2**62)])


@st.composite
def changed(draw: st.DrawFn, valid: bytes) -> bytes:
    """The valid bytes with one to four changes in them."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        at, to = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        how = draw(st.integers(0, 4))
        if how == 0 and at < len(data):
            data[at] ^= draw(st.integers(1, 255))
        elif how == 1:
            del data[at : min(to, at + draw(st.integers(1, 40)))]
        elif how == 2:
            data[at:at] = draw(st.sampled_from(TOKENS) | st.binary(max_size=8))
        elif how == 3:
            data[at:to] = draw(st.sampled_from(TOKENS))
        else:
            data[at:at] = data[at : min(to, at + 64)]
    return bytes(data)


def hostile(*valid: bytes) -> st.SearchStrategy[bytes]:
    """Mostly changed ones of these; now and then noise, or nesting without end."""
    return st.one_of(*map(changed, valid), st.binary(max_size=60), st.sampled_from(HUGE))


@pytest.fixture(autouse=True, scope="module")
def _memory():
    """No byte string made us ask for much memory."""
    tracemalloc.start()
    yield
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MOST_BYTES


# Labels and predictions

LABEL = b'{"id":"tx-1","label":true,"at":"2026-01-01T00:00:00Z"}'
PREDICTION = (
    b'{"id":"p1","key":"c1","score":0.25,"decision":false,"model":"fraud-12345678","learned":7,'
    b'"at":"2026-01-01T00:00:00Z","partition":1,"offset":99}'
)


@given(st.lists(hostile(LABEL) | st.just(LABEL), max_size=5))
def test_a_label_is_read_or_turned_away_and_its_neighbours_are_read(values):
    found = Decoder(Label, 20_000).decode(slice_of(values))
    assert len(found) + len(found.rejects) == len(values)
    assert all(isinstance(it, Reject) for it in found.rejects)
    good = {place for place, value in enumerate(values) if value == LABEL}
    assert good <= set(found.places)


@pytest.mark.parametrize("value", [b"[" * DEEP, b'{"offset":1,"x":' + b"[" * DEEP])
def test_nesting_without_end_is_no_prediction(value):
    assert offset_of(value) is None
    assert _fields(value) == {}


@given(hostile(PREDICTION), st.data())
def test_what_stands_among_predictions_is_one_or_none(value, data):
    assert offset_of(value) is None or isinstance(offset_of(value), int)
    assert isinstance(_fields(value), dict)
    [row] = rows_of(slice_of([value], timestamps=[data.draw(STAMPS)]))
    assert "\n" not in row.text


# Journal

ENTRY = Entry({"payments": 5, "labels": 2}, [("payments", 9), ("labels", 3)]).encode()


@example(b"[" * DEEP)
@given(hostile(ENTRY))
def test_a_record_of_the_journal_is_an_entry_or_a_gap(value):
    try:
        entry = Entry.decode(value)
        Script([entry], {"payments": 5, "labels": 2}, {"payments": 9, "labels": 3})
    except JournalGapError:
        return


@pytest.mark.parametrize(
    "entry",
    [
        Entry({"elsewhere": 0}, [("payments", 9), ("labels", 3)]),
        Entry({"payments": 5}, [("elsewhere", 9)]),
        Entry({}, []),
    ],
)
def test_an_entry_about_other_topics_is_a_gap(entry):
    with pytest.raises(JournalGapError):
        Script([entry], {"payments": 5, "labels": 2}, {"payments": 9, "labels": 3})


# Dead letters

LETTER = dead_letters(slice_of([b"{"]), [Reject(0, "malformed", "it is torn")])
HEADERS = list(LETTER.headers[0])


@given(st.data())
def test_what_stands_among_dead_letters_is_one_or_none(data):
    headers = [
        (data.draw(st.just(name) | st.text(max_size=9)), data.draw(hostile(value) | st.none()))
        for name, value in HEADERS
    ]
    kept = data.draw(st.lists(st.sampled_from(headers), max_size=7))
    record = Record(
        "dead", 0, 7, data.draw(st.binary() | st.none()), b"{", data.draw(STAMPS), kept or headers
    )
    letter = letter_of(record)
    assert letter is None or msgspec.json.decode(exported(letter))["offset"] == letter.offset


# Images

STATE = {
    "large": np.arange(9_000, dtype=np.float64),
    "small": np.arange(5, dtype=np.int32),
    "text": "x",
    "deep": [{"a": [1, 2.5, None, b"bytes"]}],
}
IMAGE = Image(FORMAT, "fraud-12345678", 0, {"payments": 7}, STATE, {"name": "fraud"})
PACKED = pack(IMAGE)
BODY = bytes(cramjam.zstd.decompress(PACKED[32:]))


def signed(body: bytes) -> bytes:
    """With the checksum that belongs to it, as one who wants to be read would."""
    return hashlib.sha256(body).digest() + body


@given(hostile(PACKED))
def test_bytes_are_an_image_or_a_damaged_one(data):
    try:
        assert isinstance(unpack(data), Image)
    except ImageError:
        return


@example(b"\x91" * DEEP)
@given(hostile(BODY))
def test_bytes_with_the_right_checksum_are_an_image_or_a_damaged_one(body):
    try:
        assert isinstance(unpack(signed(bytes(cramjam.zstd.compress(body)))), Image)
    except ImageError:
        return


@given(hostile(PACKED[32:]))
def test_what_is_not_compressed_is_a_damaged_image(body):
    try:
        assert isinstance(unpack(signed(body)), Image)
    except ImageError:
        return


# Blocks

PARTS, BLOCKS = cut(STATE)
REST = b"".join(map(bytes, BLOCKS))[: PARTS[0]]


@example(b"\x91" * DEEP, PARTS[1:])
@example(REST, [-8, *PARTS[1:]])
@given(
    hostile(REST),
    st.lists(st.integers(-(2**70), 2**70) | st.sampled_from(PARTS), max_size=3)
    | st.just(PARTS[1:]),
)
def test_blocks_are_a_state_or_a_damaged_image(rest, others):
    whole = rest + b"".join(map(bytes, BLOCKS))[PARTS[0] :]
    try:
        joined([len(rest), *others], [whole])
    except ImageError:
        return


def test_a_part_stands_for_one_array():
    """Or a few bytes that name one again and again would take any memory."""
    name = msgspec.msgpack.Ext(2, msgspec.msgpack.encode(("<f8", (9_000,), 1)))
    rest = msgspec.msgpack.encode([name] * 2)
    with pytest.raises(ImageError, match="twice"):
        joined([len(rest), 72_000], [rest, bytes(72_000)])


@given(hostile(compressed(memoryview(b"block" * 100))))
def test_a_block_expands_or_is_damaged(kept):
    try:
        assert len(expanded(kept)) <= 1 << 20
    except ImageError:
        return


# Manifests

MANIFEST = Manifest(
    format=FORMAT, number=3, turn=1, topic="it.checkpoints", partition=0, group="it",
    model="it-12345678", described={"name": "it"}, positions={"payments": 7}, journal=5,
    machine={"numpy": "2"}, thalweg="0.1.0", written_at=1_700_000_000_000, store=None, earlier=[1],
    parts=PARTS, blocks=[Block((1, 2), "ab", 9), Block("name", "cd", 9)],
)  # fmt: skip
KEY = b"sixteen bytes or more"


@pytest.mark.parametrize("key", [None, KEY], ids=["unsigned", "signed"])
@example(value=b"[" * DEEP)
@example(value=b'{"format":4,"described":' + b'{"a":' * DEEP)
@given(value=hostile(sealed(MANIFEST, KEY)))
def test_a_manifest_is_one_or_refused_and_never_another_one(key, value):
    try:
        found = opened(value, key, "it.checkpoints", 0, "it")
    except ImageError:
        return
    whole = decoded(sealed(MANIFEST, KEY))
    if key is None:  # nobody reads the signature, so it can be another one
        whole = msgspec.structs.replace(whole, signature=found.signature)
    else:
        assert sealed(found, key) == value
    assert found == whole
    assert encoded(found) == value


@given(st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62))
def test_a_manifest_of_any_numbers_can_be_spoken_of(written_at, number):
    manifest = msgspec.structs.replace(MANIFEST, written_at=written_at, number=number)
    found = opened(sealed(manifest, KEY), KEY, "it.checkpoints", 0, "it")
    assert str(number) in str(found)


# Settings

TOML = b'[worker]\nbrokers = "kafka:9092"\nwatchdog_s = 60.5\nmetrics_port = 9764\npin = true\n'


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("settings") / "thalweg.toml"


@example(b"[" * DEEP)
@example(b"[worker]\nbrokers = " + b"[" * DEEP)
@example(b"[worker]\nwatchdog_s = " + b"9" * 5_000)
@example(b"[worker]\nwatchdog_s = nan")
@example(b"[worker]\ncheckpoint_interval_s = inf")
@example(b'[worker]\ncheckpoint_store = "\\u0000"')
@given(hostile(TOML))
def test_a_settings_file_gives_settings_or_says_what_is_wrong(file, content):
    file.write_bytes(content)
    try:
        found, _ = resolve(file, {}, {})
    except SettingsError:
        return
    assert isinstance(found, Settings)
    assert found.watchdog_s >= 0


@given(st.sampled_from(sorted(Settings.__struct_fields__)), st.text(max_size=30))
def test_the_environment_gives_settings_or_says_what_is_wrong(name, value):
    try:
        resolve(None, {f"THALWEG_{name.upper()}": value}, {})
    except SettingsError:
        return


# Metrics pages

PAGE = (
    b"# TYPE thalweg_events_total counter\n"
    b'thalweg_events_total{pipeline="it",partition="0"} 7.0\n'
    b"# TYPE thalweg_latency_seconds histogram\n"
    b'thalweg_latency_seconds_bucket{pipeline="it",partition="0",le="0.001"} 3.0\n'
)


@example(PAGE.replace(b'"0"', b'"x"'))
@example(PAGE.replace(b"7.0", b"NaN"))
@example(PAGE.replace(b"3.0", b"+Inf"))
@example(PAGE.replace(b"0.001", b"7"))
@given(hostile(PAGE))
def test_a_metrics_page_is_read_or_counts_as_silent(page):
    for understood in (lambda text: by_partition(text, 0.0, "it"), lambda text: read(text, 0.0)):
        try:
            understood(page.decode(errors="replace"))
        except NoPageError:
            continue
