"""A card number is found wherever it stands in a text; hardly anything else is taken for one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bytecolumn import ByteColumn
from streams.cardnumbers import card_numbers, named_like_one

TEST_NUMBERS = [
    "4111111111111111", "4222222222222", "5555555555554444", "2223003122003222",
    "378282246310005", "30569309025904", "3530111333300000", "6011111111111117",
    "6200000000000005", "6759649826438453", "2200000000000004",
]  # fmt: skip


def found(*texts: str | None) -> list[bool]:
    column = ByteColumn.of([None if text is None else text.encode() for text in texts])
    return card_numbers(column).tolist()


def luhn(digits: str) -> str:
    """The check digit, from the definition."""
    doubled = [2 * int(it) if place % 2 == 0 else int(it) for place, it in enumerate(digits[::-1])]
    return str(-sum(it - 9 if it > 9 else it for it in doubled) % 10)


@pytest.mark.parametrize("number", TEST_NUMBERS)
def test_what_payment_processors_give_to_test_with_is_found(number):
    grouped = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    texts = [
        number, grouped, grouped.replace(" ", "-"), f"paid by {number}!", f"2026-01-31 {number}",
        f"größer {grouped} x", f'{{"a":{number}}}',
    ]  # fmt: skip
    assert found(*texts) == [True] * len(texts)


@given(st.sampled_from(["4", "51", "2300", "37"]), st.integers(0, 10**14 - 1))
@settings(deadline=None)
def test_the_check_digit_decides(head, body):
    length = 15 if head == "37" else 16
    digits = f"{head}{body:014}"[: length - 1]
    right = luhn(digits)
    assert found(*(f"{digits}{last}" for last in range(10))) == [
        str(last) == right for last in range(10)
    ]


@pytest.mark.parametrize(
    "text",
    [
        None, "", "c00552", "p0010-0002796", "411111111111", "1" * 16, "4" * 20,
        "1767225600000", "1767225600000000", "550e8400-e29b-41d4-a716-446655440000",
        "2026-01-31T10:00:00.000Z", "4111  111111111111", "4111x111111111111",
        "41111111111111111111111",
    ],
)  # fmt: skip
def test_ids_times_and_longer_numbers_are_none(text):
    assert found(text) == [False]


def test_of_random_numbers_of_sixteen_digits_one_in_thirty_is_taken_for_one_at_most():
    draw = random.Random(1)
    numbers = [f"{draw.randrange(10**16):016}" for _ in range(20_000)]
    assert sum(found(*numbers)) < 20_000 / 30


def test_each_text_has_its_own_verdict():
    assert found("x", TEST_NUMBERS[0], None, "y" * 30, TEST_NUMBERS[1]) == [
        False, True, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("pan", True), ("PAN", True), ("customerPan", True), ("card_number", True),
        ("cardno", True), ("ccNumber", True), ("iban", True), ("account_number", True),
        ("primaryAccountNumber", True), ("span", False), ("card", False), ("card_id", False),
        ("company", False), ("account", False), ("customer_id", False), ("discard_no_op", False),
    ],
)  # fmt: skip
def test_names_that_say_so(name, is_one):
    assert named_like_one(name) == is_one
