"""Tests of models.encoders and models.readers: columns make the rows that single events make."""

import math
from datetime import UTC, timedelta, timezone
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.dictrows import DictRows
from models.encoders import HashedEncoder, NamedEncoder
from models.feature import FieldFeature
from models.features import Clock, Counts, Cross, FeatureError, Hashed, Number, Text, Tokens
from models.memory import Memory
from models.named import flat, hash_row, named
from models.rows import Rows

law = settings(deadline=None)  # a first example compiles

WORDS = st.text("aB ß漢😀|\0", max_size=6)
NUMBERS = st.floats() | st.integers() | st.just(10**400)
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=-5))])
VALUES = {
    "word": WORDS,
    "other": st.text(max_size=8),
    "count": st.integers(-(10**12), 10**12),
    "flag": st.booleans(),
    "amount": NUMBERS,
    "ratio": NUMBERS,
    "at": st.builds(lambda at, zone: at.replace(tzinfo=zone), st.datetimes(), ZONES),
    "tags": st.lists(WORDS, max_size=5),
    "prices": st.dictionaries(WORDS, NUMBERS, max_size=5),
}
EVENTS = st.lists(st.fixed_dictionaries({f: st.none() | v for f, v in VALUES.items()}), max_size=8)

CATEGORIES = ["word", "other", "count", "flag"]
SCALES = st.sampled_from([None, "log", "standard"])
ANY_FEATURE = st.one_of(
    st.builds(Number, st.sampled_from(["amount", "ratio", "count", "flag"]), SCALES),
    st.builds(Hashed, st.sampled_from(CATEGORIES)),
    st.builds(
        lambda fields: Cross(*fields),
        st.lists(st.sampled_from(CATEGORIES), min_size=2, max_size=4, unique=True),
    ),
    st.builds(
        Clock,
        st.just("at"),
        st.lists(
            st.sampled_from(["hour", "weekday", "month", "weekend", "night"]),
            min_size=1,
            unique=True,
        ),
    ),
    st.builds(Tokens, st.just("tags"), limit=st.integers(1, 4)),
    st.builds(Counts, st.just("prices"), limit=st.integers(1, 4)),
    st.builds(
        Text,
        st.sampled_from(["word", "other"]),
        ngrams=st.sampled_from([None, (1, 2), (2, 4)]),
        limit=st.integers(1, 9),
    ),
)
FEATURES = st.lists(ANY_FEATURE, max_size=6, unique_by=lambda feature: feature.name)
BITS = st.sampled_from([1, 8, 30])
SEEDS = st.integers(0, 2**32 - 1)


def columns_of(events, fields=VALUES):
    return {field: [event[field] for event in events] for field in fields}


def encode(encoder, *batches):
    rows = Rows()
    for events in batches:
        encoder.append(columns_of(events), len(events), rows)
    return rows


def bits_of(rows):
    lengths, index, value = rows.window(0, rows.next)
    return lengths.tobytes(), index.tobytes(), value.tobytes()


def moments_of(encoder):
    return {name: array.tobytes() for name, array in encoder.state()["moments"].items()}


@law
@given(FEATURES, EVENTS, BITS, SEEDS)
def test_columns_make_the_rows_that_single_events_make(features, events, bits, seed):
    rows = encode(HashedEncoder(features, bits, seed), events)
    memory = Memory()
    assert len(rows) == len(events)
    for number, event in enumerate(events):
        _, index, value = rows.window(number, number + 1)
        expected = hash_row(named(features, event, memory), bits, seed)
        assert index.tolist() == expected[0].tolist()
        assert value.tobytes() == expected[1].tobytes()


@law
@given(FEATURES, EVENTS, st.lists(st.integers(0, 8), max_size=3))
def test_no_cut_changes_a_bit_of_the_rows_or_of_the_state(features, events, cuts):
    whole, parts = HashedEncoder(features, 18), HashedEncoder(features, 18)
    edges = [0, *sorted(cuts), len(events)]
    batches = [events[start:stop] for start, stop in pairwise(edges)]
    assert bits_of(encode(parts, *batches)) == bits_of(encode(whole, events))
    assert moments_of(parts) == moments_of(whole)
    assert parts.truncated == whole.truncated


@law
@given(FEATURES, EVENTS, EVENTS, EVENTS)
def test_a_restored_encoder_goes_on_to_the_bit(features, before, other, after):
    first, second = HashedEncoder(features, 18), HashedEncoder(features, 18)
    encode(first, before)
    encode(second, other)
    second.restore(first.state())
    assert bits_of(encode(second, after)) == bits_of(encode(first, after))
    assert moments_of(second) == moments_of(first)


@law
@given(FEATURES, EVENTS)
def test_every_entry_of_a_row_is_finite_and_in_the_table(features, events):
    _, index, value = encode(HashedEncoder(features, 8), events).window(0, len(events))
    assert np.isfinite(value).all()
    assert ((index >= 0) & (index < 256)).all()


@law
@given(FEATURES, EVENTS)
def test_the_named_encoder_gives_river_the_same_features(features, events):
    encoder, memory, rows = NamedEncoder(features), Memory(), DictRows()
    half = len(events) // 2
    encoder.append(columns_of(events[:half]), half, rows)
    encoder.append(columns_of(events[half:]), len(events) - half, rows)
    expected = [flat(named(features, event, memory)) for event in events]
    assert [rows[n] for n in range(rows.next)] == expected
    assert all(type(v) in (float, str) for row in expected for v in row.values())


@law
@given(FEATURES, EVENTS, EVENTS, EVENTS)
def test_a_restored_named_encoder_goes_on_to_the_bit(features, before, other, after):
    first, second = NamedEncoder(features), NamedEncoder(features)
    first.append(columns_of(before), len(before), DictRows())
    second.append(columns_of(other), len(other), DictRows())
    second.restore(first.state())
    expected, found = DictRows(), DictRows()
    first.append(columns_of(after), len(after), expected)
    second.append(columns_of(after), len(after), found)
    assert found.state() == expected.state()


@law
@given(EVENTS)
def test_without_features_river_gets_the_event_as_it_is(events):
    encoder, rows = NamedEncoder(None, ["word", "at", "count"]), DictRows()
    encoder.append(columns_of(events), len(events), rows)
    assert [rows[n] for n in range(rows.next)] == [
        {"word": event["word"], "at": event["at"], "count": event["count"]} for event in events
    ]


@pytest.mark.parametrize(
    ("feature", "other"), [(Hashed("x"), ""), (Hashed("x"), "None"), (Number("x"), 1.0)]
)
def test_a_missing_value_is_a_category_unlike_any_text_or_number(feature, other):
    rows = Rows()
    HashedEncoder([feature], 30).append({"x": [None, other]}, 2, rows)
    lengths, index, _ = rows.window(0, 2)
    assert lengths.tolist() == [1, 1]
    assert len(set(index.tolist())) == 2


def test_encoders_name_each_field_once_in_order():
    features = [Cross("b", "a"), Hashed("a"), Number("c")]
    assert HashedEncoder(features, 20).fields == ("b", "a", "c")
    assert NamedEncoder(features).fields == ("b", "a", "c")
    assert NamedEncoder(None, ["x", "y"]).fields == ("x", "y")


@pytest.mark.parametrize("encoder", [HashedEncoder([], 20), NamedEncoder([]), NamedEncoder(None)])
def test_events_without_features_are_rows_without_entries(encoder):
    rows = Rows() if isinstance(encoder, HashedEncoder) else DictRows()
    encoder.append({}, 3, rows)
    assert len(rows) == 3


def test_truncated_events_are_counted():
    columns = {"tags": [["a", "b"], ["a"], ["c", "d"]]}
    for encoder, rows in [
        (HashedEncoder([Tokens("tags", limit=1)], 20), Rows()),
        (NamedEncoder([Tokens("tags", limit=1)]), DictRows()),
    ]:
        encoder.append(columns, 3, rows)
        assert encoder.truncated == {"tags": 2}


def test_events_with_unusable_numbers_are_found_by_place_with_a_reason():
    columns = {
        "amount": [1.0, math.nan, None, 1e101],
        "prices": [{}, {"a": 1.0}, {"a": math.inf}, None],
        "word": ["nan", "inf", "1e999", None],
    }
    expected = {
        1: "amount is nan: not finite, or beyond ±1e+100",
        2: "prices is {'a': inf}: not finite, or beyond ±1e+100",
        3: "amount is 1e+101: not finite, or beyond ±1e+100",
    }
    features = [Number("amount"), Counts("prices"), Hashed("word")]
    assert HashedEncoder(features, 20).unusable(columns) == expected
    assert NamedEncoder(features).unusable(columns) == expected
    assert NamedEncoder(None, list(columns)).unusable(columns) == expected
    assert HashedEncoder([Hashed("word")], 20).unusable(columns) == {}


def test_a_description_changes_with_all_that_rows_depend_on():
    encoders = [
        HashedEncoder([Number("a")], 20),
        HashedEncoder([Number("a")], 21),
        HashedEncoder([Number("a")], 20, seed=1),
        HashedEncoder([Number("a", "log")], 20),
        NamedEncoder([Number("a")]),
        NamedEncoder(None, ["a"]),
        NamedEncoder(None, ["a", "b"]),
    ]
    assert len({repr(encoder.describe()) for encoder in encoders}) == len(encoders)


@pytest.mark.parametrize("bits", [0, 31])
def test_a_table_that_cannot_be_addressed_is_refused(bits):
    with pytest.raises(FeatureError) as error:
        HashedEncoder([], bits)
    assert str(error.value) == (
        f"bits={bits}\n"
        "  why:   a row addresses 2^bits buckets; bits is from 1 to 30\n"
        "  write: bits=20"
    )


def test_a_feature_that_columns_cannot_read_is_refused_when_the_encoder_is_made():
    class Odd(FieldFeature):
        def read(self, columns, memory):
            return {}

    with pytest.raises(TypeError, match=r"models\.readers does not know how to read a Odd"):
        HashedEncoder([Odd("x")], 20)
