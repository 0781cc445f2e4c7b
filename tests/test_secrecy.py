"""A card's number is used by its keyed hash or not at all, and nothing written down tells it."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slicing import begun, cuts, pieces, rows, slice_of

from models import Cross, Hashed, Logistic, Number, Text, Window
from streams import DeclarationError, Event, Pipeline, Secret, Topic
from streams.errors import SettingsError
from streams.image import ImageError, pack
from streams.letters import DeadLetter
from streams.schema import fields_of
from streams.secrecy import Pseudonyms, unlock
from streams.settings import Settings
from streams.task import PartitionTask

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
KEY = b"a key for the tests alone"
PAN, OTHER = "4111111111111111", "5555555555554444"


class Payment(Event, frozen=True):
    id: str
    at: datetime
    card_number: Secret
    holder_iban: Secret | None
    shop: str
    amount: float
    kind: Literal["chip", "4222222222222"]
    fraud: bool


class Bare(Event, frozen=True):
    id: str
    at: datetime
    card_number: str
    order: str
    fraud: bool


FEATURES = [
    Hashed("card_number"),
    Cross("holder_iban", "shop"),
    Window("amount", by="card_number", over=["1d"], stats=["count", "ratio"]),
]


def payments(**changed: Any) -> Pipeline:
    own: dict[str, Any] = {
        "name": "pay",
        "events": Topic("payments", schema=Payment, id="id", time="at"),
        "labels": "fraud",
        "features": FEATURES,
        "model": Logistic(bits=12),
    }
    return Pipeline(**{**own, **changed})


def payment(n: int = 0, **changed: Any) -> bytes:
    own = {
        "id": f"p{n}", "at": BEGIN + timedelta(minutes=n), "card_number": PAN,
        "holder_iban": "DE89370400440532013000", "shop": "s", "amount": 5.0, "kind": "chip",
        "fraud": n % 2 == 0,
    }  # fmt: skip
    return msgspec.json.encode({**own, **changed})


def everything(task: PartitionTask, *values: bytes | None) -> bytes:
    """All that a task writes about these events, its image, and what is declared."""
    output = task.take(slice_of(list(values), "payments"))
    written = [repr(rows(it)).encode() for it in (output.predictions, output.dead_letters)]
    return b"".join([*written, pack(task.image()), msgspec.json.encode(task.pipeline.describe())])


def test_a_pseudonym_is_the_keyed_hash():
    column = Pseudonyms(KEY).column([PAN, None, OTHER])
    expected = [
        None if it is None else hmac.new(KEY, it.encode(), hashlib.sha256).hexdigest()[:32]
        for it in (PAN, None, OTHER)
    ]
    assert column.tolist() == expected


def test_the_type_is_found_in_a_schema():
    found = fields_of(Payment)
    assert [name for name, it in found.items() if it.secret] == ["card_number", "holder_iban"]
    assert [found[name].spelled for name in ("card_number", "holder_iban", "shop")] == [
        "Secret", "Secret | None", "str",
    ]  # fmt: skip


def test_nothing_that_is_written_tells_a_secret_or_the_key():
    task = begun(payments().unlock(KEY))
    written = everything(
        task, payment(0), payment(1), payment(2, card_number=OTHER),
        b'{"card_number":"%b"' % PAN.encode(), payment(3, kind="x"),
        payment(4, amount="x"), payment(5, holder_iban=None),
    )  # fmt: skip
    for secret in (PAN, OTHER, "DE89370400440532013000", KEY.decode()):
        assert secret.encode() not in written
    assert task.learned == 4


def test_equal_secrets_are_told_from_others():
    def last(card: str) -> float:
        task = begun(payments(features=[Hashed("card_number")]).unlock(KEY))
        task.take(slice_of([payment(n) for n in range(0, 20, 2)], "payments"))
        [value] = task.take(
            slice_of([payment(99, card_number=card)], "payments", 10)
        ).predictions.values
        return msgspec.json.decode(value)["score"]

    assert last(PAN) > last(OTHER) > 0.5


def test_another_key_is_another_pipeline_and_a_state_is_not_taken_over():
    one, other = payments().unlock(KEY), payments().unlock(KEY[::-1])
    assert one.fingerprint != other.fingerprint != payments().fingerprint
    assert one.fingerprint == payments().unlock(KEY).fingerprint
    with pytest.raises(ImageError, match=r"differs: hash_key"):
        PartitionTask(other, 0).restore(PartitionTask(one, 0).image())


def test_a_pipeline_without_secrets_is_what_it_was():
    plain, bare = guarded(pan_free=["card_number"]), guarded()
    assert "hash_key" not in plain.describe()
    assert not {"hash_key", "pan_free"} & bare.describe().keys()
    assert unlock(bare, Settings()) is bare


def test_without_a_key_it_says_where_one_belongs(tmp_path):
    with pytest.raises(SettingsError, match="hash_key_file"):
        PartitionTask(payments(), 0)
    with pytest.raises(SettingsError, match="without hash_key_file"):
        unlock(payments(), Settings())
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        unlock(payments(), Settings(hash_key_file=str(tmp_path / "none")))
    short = tmp_path / "short"
    short.write_bytes(b"123")
    with pytest.raises(SettingsError, match="a hash key of 3 bytes"):
        unlock(payments(), Settings(hash_key_file=str(short)))
    short.write_bytes(KEY)
    assert unlock(payments(), Settings(hash_key_file=str(short))).fingerprint == (
        payments().unlock(KEY).fingerprint
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"features": [Hashed("card_number")]}, "'card_number' is used as it is"),
        ({"features": [Cross("order", "card_number")]}, "write: card_number: Secret"),
        ({"features": [Hashed("order")], "id": "card_number"}, "used as it is"),
        ({"features": [Hashed("order")], "key": "card_number"}, "used as it is"),
        ({"features": [Hashed("order")], "pan_free": ["ordre"]}, "no field is called 'ordre'"),
    ],
)
def test_a_field_named_like_a_card_number_is_refused(changed, words):
    features = changed.pop("features")
    with pytest.raises(DeclarationError, match=words):
        payments(
            events=Topic("payments", schema=Bare, **{"id": "id", "time": "at", **changed}),
            features=features,
        )


@pytest.mark.parametrize(
    ("events", "features", "words"),
    [
        ({"id": "card_number"}, FEATURES, "repeats the id"),
        ({"id": "id", "key": "card_number"}, FEATURES, "repeats the key"),
        ({"id": "id"}, [Text("card_number")], r"write: Hashed\('card_number'\)"),
    ],
)
def test_a_secret_is_refused_where_it_would_be_told_or_is_no_use(events, features, words):
    with pytest.raises(DeclarationError, match=words):
        payments(events=Topic("payments", schema=Payment, time="at", **events), features=features)


def bare(n: int, order: str = "o", card: str = "") -> bytes:
    return msgspec.json.encode(Bare(f"p{n}", BEGIN, card, order, n % 2 == 0))


def guarded(**changed: Any) -> Pipeline:
    topic = {"id": "id", "time": "at", **changed}
    return payments(events=Topic("payments", schema=Bare, **topic), features=[Hashed("order")])


def letters(output: Any) -> list[DeadLetter]:
    return [DeadLetter.of(it) for it in rows(output.dead_letters)]


def test_an_event_with_a_card_number_is_turned_away_and_nothing_of_it_is_kept():
    values = [bare(0), bare(1, PAN), bare(2, card=f"x {PAN[:4]} {PAN[4:8]} {PAN[8:12]} {PAN[12:]}")]
    keys = [b"k", b"k", b"k", PAN.encode()]
    output = begun(guarded()).take(slice_of([*values, bare(3)], "payments", keys=keys))
    assert len(output.predictions) == 1
    assert output.reasons == {"pan": 3}
    found = letters(output)
    assert ["order" in found[0].detail, "card_number" in found[1].detail] == [True, True]
    assert "key" in found[2].detail
    for one in found:
        assert (one.raw.key, one.raw.value) == (None, None)
        assert one.cut == ("key", "headers", "value")
    assert [it.offset for it in found] == [1, 2, 3]


def test_a_record_turned_away_for_something_else_keeps_no_card_number_either():
    broken = b'{"id":"p0","order":"%b"' % PAN.encode()
    headers = [[], [("card", PAN.encode())], [("a", b"b")]]
    output = begun(guarded()).take(slice_of([broken, b"{", b"{"], "payments", headers=headers))
    assert output.reasons == {"malformed": 3}
    assert [it.raw.value for it in letters(output)] == [None, None, b"{"]
    assert PAN not in repr(rows(output.dead_letters))


def test_fields_and_keys_that_were_cleared_are_left_alone():
    task = begun(guarded(pan_free=["order", "id"], key="id"))
    output = task.take(slice_of([bare(0, PAN)], "payments", keys=[PAN.encode()]))
    assert len(output.predictions) == 1


@given(st.lists(st.sampled_from(["o", PAN, f"a {OTHER}", "größer"]), max_size=30), st.data())
@settings(deadline=None, max_examples=30)
def test_where_the_log_is_cut_makes_no_difference(orders, data):
    log = slice_of([bare(n, order) for n, order in enumerate(orders)], "payments")
    whole, cut = begun(guarded()), begun(guarded())
    outputs = [cut.take(part) for part in pieces([log], data.draw(cuts(len(orders))))]
    expected = whole.take(log)
    assert [it for one in outputs for it in rows(one.predictions)] == rows(expected.predictions)
    assert [it for one in outputs for it in rows(one.dead_letters)] == rows(expected.dead_letters)
    assert pack(cut.image()) == pack(whole.image())


def test_a_choice_of_the_schema_is_no_suspect():
    task = begun(payments(features=[Number("amount")]).unlock(KEY))
    output = task.take(slice_of([payment(kind="4222222222222")], "payments"))
    assert len(output.predictions) == 1
