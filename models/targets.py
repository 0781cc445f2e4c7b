"""Which labels a model can learn."""

from __future__ import annotations

from models.protocol import Kind, Target
from models.scaling import LARGEST

__all__ = ["refusal"]


def refusal(kind: Kind, target: Target) -> str | None:
    """Why a model of this kind cannot learn `target`; None where it can.

    Binary and anomaly labels are True/False or 1/0, classes are text or whole numbers of 64 bits,
    and a regression's target is a number within ±1e100.
    """
    # The label itself is not repeated: this text stands in headers, and it may be anybody's name.
    what = f"the label is a {type(target).__name__}"
    if kind == "multiclass":
        if isinstance(target, str) or (isinstance(target, int) and -(2**63) <= target < 2**63):
            return None
        return f"{what}; a class is text or a whole number of 64 bits: send it as a str"
    if kind == "regression":
        if isinstance(target, (str, bool)):
            return f"{what}; a regression learns numbers: send it as a number, or use a classifier"
        if abs(target) <= LARGEST:
            return None
        return f"the label is not a finite number within ±{LARGEST:g}"
    if not isinstance(target, str) and target in (0, 1):
        return None
    return (
        f"{what}; a {kind} model knows True/False or 1/0: send one of these, "
        "or use a multiclass model"
    )
