import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixed_learners import Group, bits, model

from models.deltas import Decoder, Delta, DeltaError, decode, encode, rounded

LINES = 1_000
NUMBER = st.floats(-1e20, 1e20)


@st.composite
def deltas(draw) -> Delta:
    line = sorted(draw(st.sets(st.integers(0, LINES - 1), max_size=30)))
    n = len(line)
    value = draw(st.lists(NUMBER, min_size=n, max_size=n))
    evidence = draw(st.lists(st.floats(1e-20, 1e20), min_size=n, max_size=n))
    clock = draw(st.lists(st.floats(0, 1e20), min_size=n, max_size=n))
    head = draw(st.integers(0, 2**34)), draw(st.integers(0, 2**34))
    return Delta(*head, np.array(line, np.int64), *map(np.array, (value, evidence, clock)))


@settings(deadline=None)
@given(deltas())
def test_a_delta_is_read_as_it_was_written_within_its_precision(delta) -> None:
    read = decode(encode(delta), LINES)
    assert (read.sequence, read.labels) == (delta.sequence, delta.labels)
    assert read.line.tolist() == delta.line.tolist()
    np.testing.assert_allclose(read.value, delta.value, rtol=2**-16, atol=1e-35)
    np.testing.assert_allclose(read.evidence, delta.evidence, rtol=2**-8)
    np.testing.assert_allclose(read.clock, delta.clock, rtol=2**-8, atol=1e-35)
    assert read.evidence.tobytes() == rounded(delta.evidence).tobytes()
    assert encode(read) == encode(delta)


@settings(deadline=None)
@given(st.lists(deltas(), min_size=1, max_size=6), st.integers(0, 400), st.data())
def test_what_is_decoded_for_all_is_what_each_would_have_decoded(some, most, data) -> None:
    decoder, told = Decoder(most), list(map(encode, some))
    for value in data.draw(st.lists(st.sampled_from(told), max_size=20)):
        lines = data.draw(st.sampled_from([LINES, LINES + 1]))
        found, expected = decoder(value, lines), decode(value, lines)
        assert [bits(part) for part in found] == [bits(part) for part in expected]
        assert not any(column.flags.writeable for column in found[2:])


def test_a_delta_is_decoded_once_while_it_is_kept_and_each_time_checked() -> None:
    def of(sequence: int) -> bytes:
        return encode(Delta(sequence, 1, np.array([LINES - 1]), *np.ones((3, 1))))

    decoder = Decoder(most=2 * len(of(0)))
    found = decoder(of(0), LINES)
    decoder(of(1), LINES)
    assert decoder(of(0), LINES) is found
    with pytest.raises(DeltaError, match="names line 999, and the model has 999"):
        decoder(of(0), LINES - 1)
    decoder(of(2), LINES)
    assert decoder(of(0), LINES) is not found


def test_a_line_takes_eight_bytes_where_lines_are_near_each_other() -> None:
    n = 100
    delta = Delta(0, 5, np.arange(n) * 9, np.ones(n), np.ones(n), np.ones(n))
    assert len(encode(delta)) == 1 + 3 + 8 * n


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_of_anybody_are_a_delta_or_refused(data) -> None:
    for given_ in (data, b"\x01" + data):
        try:
            read = decode(given_, LINES)
        except DeltaError:
            continue
        assert np.isfinite([*read.value, *read.evidence, *read.clock]).all()
        assert (np.diff(read.line) > 0).all()
        assert read.line.max(initial=0) < LINES


@settings(deadline=None)
@given(deltas(), st.data())
def test_a_delta_that_was_cut_or_is_too_long_is_refused(delta, data) -> None:
    whole = encode(delta)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for wrong in (whole[:cut], whole + b"\0"):
        with pytest.raises(DeltaError):
            decode(wrong, LINES)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (b"", "this one with nothing: it is damaged, or of a worker of another version"),
        (b"\x02\0\0\0", "this one with 02"),
        (b"\x01\0\0\x05", "says that it has 5 lines"),
        (b"\x01\0\xff", "ends within a whole number"),
        (b"\x01" + b"\xff" * 8, "ends within a whole number, or has one beyond"),
        (b"\x01\0\0\x01\x05" + b"\0" * 3 + b"\x7f\x80\0\0", "numbers are not finite"),
        (b"\x01\0\0\x01\x05" + b"\0" * 3 + b"\x80\0\0\0", "or evidence is not positive"),
        (b"\x01\0\0\x01\x05" + b"\0" * 7, "or evidence is not positive"),
        (b"\x01\0\0\x01\x7f" + b"\0" * 7, "names line 127, and the model has 100"),
    ],
)
def test_what_is_wrong_with_a_delta_is_said(wrong, text) -> None:
    with pytest.raises(DeltaError, match=text):
        decode(wrong, 100)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_damaged_delta_changes_nothing_or_all_of_it(data) -> None:
    """A log's checksums are Kafka's; what gets through is at least a delta of finite numbers."""
    group = Group(model(), 2)
    group.learn(0, [([(1, 1.0), (9, -1.0)], 1)] * 3)
    group.publish(0)
    whole = bytearray(group.log[0][1])
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    before = bits(group.learners[1].state())
    try:
        group.learners[1].fold(0, bytes(whole))
    except DeltaError:
        assert bits(group.learners[1].state()) == before
    else:
        assert np.isfinite(group.learners[1].state()["exchange"]["line"]).all()
