import math

import numpy as np
import pytest

from models.targets import refusal


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("binary", True),
        ("binary", 0),
        ("binary", 1.0),
        ("binary", np.bool_(True)),
        ("anomaly", 1),
        ("multiclass", "sports"),
        ("multiclass", 3),
        ("regression", -2.5),
        ("regression", 7),
    ],
)
def test_a_label_that_can_be_learned_has_no_refusal(kind, target) -> None:
    assert refusal(kind, target) is None


@pytest.mark.parametrize(
    ("kind", "target", "says"),
    [
        ("binary", "yes", "the label is a str; a binary model knows True/False or 1/0"),
        ("binary", 2, "or use a multiclass model"),
        ("binary", math.nan, "the label is a float"),
        ("anomaly", "1", "an"),
        ("multiclass", 1.5, "a class is text or a whole number of 64 bits: send it as a str"),
        ("multiclass", 2**63, "a class is text or a whole number of 64 bits"),
        ("regression", "3", "send it as a number, or use a classifier"),
        ("regression", True, "the label is a bool"),
        ("regression", math.inf, "the label is not a finite number"),
        ("regression", 10**400, "is not a finite number within ±1e+100"),
    ],
)
def test_a_refusal_says_what_came_and_what_to_send(kind, target, says) -> None:
    assert says in (refusal(kind, target) or "")
