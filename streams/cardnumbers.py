"""Card numbers (PANs) where none should be: found by their digits, or by the name of a field.

A PAN has 13 to 19 digits, of which the first ones name its issuer and the last one is a check digit
by Luhn's formula (ISO/IEC 7812-1). A tenth of all other numbers passes that formula, so only
numbers of known issuers and their lengths count.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.compiled import compiled

__all__ = ["card_numbers", "named_like_one"]

_SHORTEST, _LONGEST = 13, 19

_NAMES = re.compile(
    r"(^|_)(pan|primary_account_n\w+|(credit|debit|bank|payment)?_?card_?(number|num|no|nr)"
    r"|cc_?(number|num|no|nr)|(account|acct)_?(number|num|no|nr)|iban)(_|$)"
)


def named_like_one(field: str) -> bool:
    """Whether a field is called as if it held numbers of cards or accounts.

    >>> [named_like_one(name) for name in ("pan", "cardNumber", "account_no", "card_id", "company")]
    [True, True, True, False, False]
    """
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^a-zA-Z0-9]+", "_", field).lower()
    return _NAMES.search(plain) is not None


def card_numbers(column: ByteColumn) -> NDArray[np.bool_]:
    """Whether there is one in each text, bool[n]; digits may be in groups, by spaces or hyphens."""
    found = np.zeros(len(column), np.bool_)
    if column.longest >= _SHORTEST:
        _search(np.frombuffer(column.data, np.uint8), column.starts, column.lengths, found)
    return found


@compiled
def _search(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    found: NDArray[np.bool_],
) -> None:
    for n in range(len(starts)):
        at, stop = starts[n], starts[n] + lengths[n]
        if not _possible(data, at, stop):
            continue
        # A number in groups, and each of its groups: a date may stand in front of a card's digits.
        begin, digits, group = at, 0, 0
        while at <= stop:
            byte = data[at] if at < stop else np.uint8(0)
            if np.uint8(48) <= byte <= np.uint8(57):
                if digits == 0:
                    begin = at
                digits += 1
                group += 1
            else:
                if group != digits and _SHORTEST <= group <= _LONGEST:
                    found[n] |= _issued(data, at - group, group)
                joins = group > 0 and (byte == np.uint8(32) or byte == np.uint8(45))
                if not joins:
                    if _SHORTEST <= digits <= _LONGEST:
                        found[n] |= _issued(data, begin, digits)
                    digits = 0
                group = 0
            at += 1


@compiled
def _possible(data: NDArray[np.uint8], start: int, stop: int) -> bool:
    """Whether digits stand so close that a number could: of any two characters in one, one is."""
    for at in range(start + _SHORTEST - 2, stop - 1, _SHORTEST - 1):
        if 48 <= data[at] <= 57 or 48 <= data[at + 1] <= 57:
            return True
    return False


@compiled
def _issued(data: NDArray[np.uint8], begin: int, digits: int) -> bool:
    """Whether the digits from `begin` on are a number of a known issuer, with its check digit."""
    head, total, at, seen = 0, 0, begin, 0
    while seen < digits:
        digit = int(data[at]) - 48
        at += 1
        if digit < 0 or digit > 9:
            continue
        if seen < 4:
            head = 10 * head + digit
        if (digits - seen) % 2 == 0:
            digit = 2 * digit - (9 if digit > 4 else 0)
        total += digit
        seen += 1
    return total % 10 == 0 and _known(head, digits)


@compiled
def _known(head: int, digits: int) -> bool:
    """Whether an issuer's numbers begin with these four digits and have so many."""
    two, three = head // 100, head // 10
    if head // 1000 == 4:  # Visa
        return digits == 13 or digits == 16 or digits == 19
    if 51 <= two <= 55 or 2221 <= head <= 2720:  # Mastercard
        return digits == 16
    if two == 34 or two == 37:  # American Express
        return digits == 15
    if two == 36 or two == 38 or two == 39 or 300 <= three <= 305 or head == 3095:  # Diners Club
        return digits >= 14
    if 3528 <= head <= 3589:  # JCB
        return digits >= 16
    if head == 6011 or 644 <= three <= 649 or two == 65:  # Discover
        return digits >= 16
    if two == 62 or two == 81:  # UnionPay
        return digits >= 16
    if 2200 <= head <= 2204:  # Mir
        return digits >= 16
    return (  # Maestro
        head == 5018 or head == 5020 or head == 5038 or head == 5893 or head == 6304
        or head == 6759 or 6761 <= head <= 6763
    )  # fmt: skip
