"""Reason codes: short names of features, unchanged for as long as the feature's own name is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from models.feature import Feature, FeatureError

__all__ = ["code", "codes", "columns"]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U, so that a code can be read out and typed again."""

_LENGTH = 5


def code(name: str) -> str:
    """The code of a feature, or of one figure of it: five characters made of the name alone.

    >>> code("amount-by-customer_id.ratio.30d")
    'QCJJ4'
    """
    hashed = int.from_bytes(blake2b(name.encode(), digest_size=8).digest())
    return "".join(_ALPHABET[hashed >> 5 * place & 31] for place in range(_LENGTH))


def codes(features: Iterable[Feature]) -> Mapping[str, str]:
    """The code of each column of these features, by its name.

    Raises:
        FeatureError: two of them have one code, of which the chance is a 2⁻²⁵ for each two.
    """
    found: dict[str, str] = {}
    owner: dict[str, str] = {}
    for name, feature in columns(features):
        found[name] = code(name)
        other = owner.setdefault(found[name], name)
        if other != name:
            plain = f"{feature.name}-2"
            raise FeatureError(
                f"{other!r} and {name!r} have one reason code, {found[name]}",
                "a code is made of the name alone, so that it never changes; these two collide",
                f"name={plain!r} for {feature.written()}",
            )
    return found


def columns(features: Iterable[Feature]) -> list[tuple[str, Feature]]:
    """What features add to a row, in its order: the name of each column, and whose it is."""
    return [(name, feature) for feature in features for name in feature.names]
