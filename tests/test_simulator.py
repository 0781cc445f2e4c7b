"""The simulated stream: order, determinism, and what goes wrong in it on purpose."""

from __future__ import annotations

import doctest
from collections import Counter
from datetime import datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streams.simulator
from streams.blocks import Block
from streams.chargebacks import LabelPlan
from streams.disturbances import DETAILS, Disturbances
from streams.payments import DAY_MS, SimulationError
from streams.simulator import Chargeback, Payment, Simulator

TROUBLE = Disturbances(late=0.2, duplicates=0.2, malformed=0.1, missing=0.2, label_duplicates=0.3)
PLAN = LabelPlan(chargeback_days=(2, 30), investigated=0.1, mistaken=0.05, reported=0.8)


def small(**options) -> Simulator:
    return Simulator(**{"seed": 11, "customers": 300, "terminals": 400, "days": 12, **options})


def whole(simulator: Simulator, size: int | None = None) -> Block:
    """All messages, in the order in which they came."""
    return Block.merge(simulator.messages(size))


def events(block: Block) -> list[Payment]:
    return [msgspec.json.decode(value, type=Payment) for value in block.of("events").values]


def labels(block: Block) -> list[Chargeback]:
    return [msgspec.json.decode(value, type=Chargeback) for value in block.of("labels").values]


def milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_the_messages_of_a_day_are_one_block():
    blocks = list(small().messages())
    days = [{(at - small().start_ms) // DAY_MS for at in block.arrivals} for block in blocks]
    assert all(len(day) == 1 for day in days)
    assert [day.pop() for day in days][:12] == list(range(12))


def test_each_topic_is_sorted_by_time_and_so_are_both_together():
    block = whole(small())
    assert block.arrivals == block.timestamps == sorted(block.timestamps)
    assert Counter(block.roles) == {"events": len(events(block)), "labels": len(labels(block))}
    joined = [at for piece in small().messages(7) for at in piece.arrivals]
    assert joined == sorted(joined)


def test_keys_and_timestamps_repeat_what_the_message_says():
    block = whole(small(labels=PLAN))
    for role, decoded in (("events", events(block)), ("labels", labels(block))):
        part = block.of(role)
        assert part.keys == [one.customer_id.encode() for one in decoded]
        assert part.timestamps == [milliseconds(one.at) for one in decoded]


def test_a_payment_is_json_of_nine_fields_with_text_ids_and_cents():
    for value in whole(small(days=2)).of("events").values:
        event = msgspec.json.decode(value)
        assert list(event) == list(Payment.__struct_fields__)
        assert all(isinstance(text, str) for name, text in event.items() if name != "amount")
        assert event["amount"] == round(event["amount"], 2) >= 0.01


def test_no_id_looks_like_a_card_number():
    for event in events(whole(small(days=2))):
        for name in ("tx_id", "customer_id", "terminal_id", "device_id"):
            assert sum(map(str.isdigit, getattr(event, name))) < 13


def test_ids_are_unique_and_labels_refer_to_earlier_payments_of_the_same_customer():
    block = whole(small(labels=PLAN))
    made = {event.tx_id: event for event in events(block)}
    assert len(made) == block.roles.count("events")
    assert labels(block)
    for label in labels(block):
        assert made[label.tx_id].customer_id == label.customer_id
        assert made[label.tx_id].at < label.at


def test_every_fraud_and_nothing_else_is_charged_back_even_after_the_last_day():
    simulator = small()
    frauds = {
        f"p{day:04d}-{number:07d}"
        for day in range(simulator.days)
        for number in simulator.payments(day).fraud.nonzero()[0].tolist()
    }
    told = labels(whole(simulator))
    assert frauds == {label.tx_id for label in told}
    assert len(frauds) == len(told)
    assert {(label.fraud, label.source) for label in told} == {(1, "chargeback")}
    assert milliseconds(told[-1].at) > simulator.start_ms + simulator.days * DAY_MS


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    customers=st.integers(1, 60),
    days=st.integers(1, 6),
    size=st.integers(1, 500),
)
def test_the_same_seed_gives_the_same_bytes_in_blocks_of_any_size(seed, customers, days, size):
    def simulator() -> Simulator:
        return small(seed=seed, customers=customers, days=days, labels=PLAN, disturbances=TROUBLE)

    pieces = list(simulator().messages(size))
    assert all(0 < len(piece) <= size for piece in pieces)
    assert Block.merge(pieces) == whole(simulator())
    assert [value for piece in pieces for value in piece.values] == whole(simulator()).values


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 8), st.integers(1, 8))
def test_a_longer_simulation_begins_as_a_shorter_one(days, more):
    short, long = (
        whole(small(days=end, labels=PLAN, disturbances=TROUBLE)) for end in (days, days + more)
    )
    last = small().start_ms + days * DAY_MS
    known = sum(at < last for at in short.arrivals)
    assert short.cut(0, known) == long.cut(0, known)


def test_another_seed_gives_another_stream():
    assert whole(small(seed=1)).values != whole(small(seed=2)).values


def test_late_payments_arrive_later_but_keep_their_timestamp():
    block = whole(small(disturbances=Disturbances(late=0.1, late_hours=30)))
    delays = [
        arrival - at
        for arrival, at in zip(block.arrivals, block.timestamps, strict=True)
        if arrival > at
    ]
    assert len(delays) == pytest.approx(0.1 * block.roles.count("events"), rel=0.2)
    assert 0 < min(delays) <= max(delays) <= 30 * 3_600_000
    assert max(delays) > DAY_MS
    assert block.arrivals == sorted(block.arrivals)
    assert sorted(block.values) == sorted(whole(small()).values)


def test_a_duplicate_is_the_same_message_again_within_ten_minutes():
    block = whole(small(disturbances=Disturbances(duplicates=0.1)))
    first: dict[bytes, int] = {}
    again = []
    for value, arrival in zip(block.values, block.arrivals, strict=True):
        if first.setdefault(value, arrival) != arrival:
            again.append(arrival - first[value])
    assert len(again) == pytest.approx(0.1 * block.roles.count("events"), rel=0.2)
    assert 0 < min(again) <= max(again) <= 600_000
    assert sorted(first) == sorted(whole(small()).values)


def test_a_duplicate_label_is_the_same_message_again_within_a_day():
    plain, doubled = whole(small()), whole(small(disturbances=Disturbances(label_duplicates=1)))
    assert Counter(doubled.of("labels").values) == Counter(2 * plain.of("labels").values)
    assert doubled.of("events").values == plain.of("events").values


def test_what_is_malformed_does_not_decode_and_without_it_the_stream_is_the_clean_one():
    plain, mixed = whole(small()), whole(small(disturbances=Disturbances(malformed=0.1)))
    good, bad = [], []
    for value in mixed.of("events").values:
        try:
            msgspec.json.decode(value, type=Payment)
            good.append(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            bad.append(str(error))
        assert b"\n" not in value
    assert good == plain.of("events").values
    assert len(bad) == pytest.approx(0.1 * len(good), rel=0.2)
    reasons = "\n".join(bad)
    for reason in ("truncated", "utf-8", "tx_id", "got `array`", "got `str`", "malformed", "range"):
        assert reason in reasons


def test_a_payment_with_a_missing_field_lacks_one_detail_and_is_otherwise_the_same():
    plain, holed = whole(small()), whole(small(disturbances=Disturbances(missing=0.1)))
    lacking = Counter()
    for full, other in zip(plain.of("events").values, holed.of("events").values, strict=True):
        event, seen = msgspec.json.decode(full), msgspec.json.decode(other)
        lacking.update(event.keys() - seen.keys())
        assert len(event) - len(seen) <= 1
        assert seen.items() <= event.items()
    assert set(lacking) == set(DETAILS)
    assert lacking.total() == pytest.approx(0.1 * plain.roles.count("events"), rel=0.2)


def test_disturbances_do_not_change_what_was_paid():
    plain, troubled = whole(small()), whole(small(disturbances=TROUBLE))
    missing = whole(small(disturbances=Disturbances(missing=TROUBLE.missing)))
    assert set(plain.of("labels").values) == set(troubled.of("labels").values)
    assert set(missing.of("events").values) <= set(troubled.of("events").values)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"late": 1.1}, "late=1.1\n  why:   it is a share"),
        ({"duplicates": -1}, "duplicates=-1"),
        ({"malformed": 2}, "write: malformed=0.05"),
        ({"missing": 2}, "missing=2"),
        ({"label_duplicates": 2}, "label_duplicates=2"),
        ({"late_hours": 0}, "late_hours=0\n  why:   a late payment arrives some time after"),
    ],
)
def test_a_disturbance_that_cannot_be_is_refused_with_what_to_write_instead(wrong, message):
    with pytest.raises(SimulationError) as error:
        Disturbances(**wrong)
    assert message in str(error.value)


def test_a_block_size_below_one_is_refused_at_once():
    with pytest.raises(SimulationError) as error:
        small().messages(0)
    assert str(error.value) == (
        "size=0\n  why:   a block holds at least one message\n  write: size=1000"
    )


def test_the_documented_example_is_true():
    tried = doctest.testmod(streams.simulator)
    assert (tried.attempted, tried.failed) == (2, 0)
