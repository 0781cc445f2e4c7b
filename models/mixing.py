"""How the learners of a topic's partitions learn as one: what a pipeline declares of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from models.protocol import Mixer

__all__ = ["How", "Mixing", "mixed", "mixes"]

How = Literal["saturating", "mean", "sum"]
"""How what several learners have learned is put together."""


@dataclass(frozen=True, slots=True)
class Mixing:
    """Learners of several partitions tell each other what they learned, and take it over.

    Each publishes what changed in its model, a *delta*, on one topic that all of them read in one
    order. With a single partition nothing changes, to the bit.

    Attributes:
        divergence: how far a weight may be from what the others know of it, > 0, in learning
            rates: about the length of a weight's first step. Beyond that it is told. Smaller is
            nearer to a single learner, and more bytes.
        look_every: labels that one learner learns between two looks at it, > 0.
        how: ``"saturating"``, by the evidence behind each change: sums what others could not have
            learned and averages what all have (docs/mixing.md). ``"mean"`` and ``"sum"`` are what
            others do: for comparison.

    Raises:
        ValueError: a number that cannot be, or no such way to mix.

    >>> Mixing(divergence=0.5).describe()
    {'divergence': 0.5, 'look_every': 256, 'how': 'saturating'}
    """

    divergence: float = 0.1
    look_every: int = 256
    how: How = "saturating"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.divergence) and self.divergence > 0):
            raise ValueError(
                f"Mixing(divergence={self.divergence!r}): how far a weight may move before "
                "that is told is a finite number > 0; write Mixing(divergence=0.1)"
            )
        if not (type(self.look_every) is int and self.look_every > 0):
            raise ValueError(
                f"Mixing(look_every={self.look_every!r}): a whole number of labels > 0; write "
                "Mixing(look_every=256)"
            )
        if self.how not in get_args(How):
            raise ValueError(
                f"Mixing(how={self.how!r}): there is no such way to mix; write "
                'Mixing(how="saturating"), or "mean" or "sum" to compare with'
            )

    def describe(self) -> Mapping[str, Any]:
        """All of it, in a stable order: part of a pipeline's fingerprint."""
        return asdict(self)


def mixes(model: Any) -> bool:
    """Whether learners of this model can mix."""
    return bool(getattr(model, "mixes", False))


def mixed(model: Any, seed: int, partition: int, mixing: Mixing) -> Mixer[Any]:
    """A fresh learner of this model for a partition, that mixes with those of the others.

    Raises:
        ValueError: learners of this model cannot mix; the text says which can.
    """
    if not mixes(model):
        name = type(model).__name__
        raise ValueError(
            f"mixing {name}: its learners cannot take over what others have learned; write "
            f"Logistic or Linear, whose weights can be mixed, or leave {name} without mixing: "
            "each partition learns by itself"
        )
    learner: Mixer[Any] = model.new_mixed(seed, partition, mixing)
    return learner
