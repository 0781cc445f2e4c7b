"""Everything that learns or measures; imports no Kafka.

What a declaration needs is found here by name, and imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.adapter import adapt
    from models.adaptive import Adaptive
    from models.averaged import Averaged
    from models.bysource import BySource
    from models.contest import Contest
    from models.features import (
        Clock,
        Counts,
        Cross,
        Hashed,
        LabelRate,
        Number,
        Spikes,
        Text,
        Tokens,
        Window,
    )
    from models.linear import Linear, Logistic
    from models.mixing import Mixing
    from models.optimizers import FTRL, SGD, AdaGrad
    from models.pairwise import Pairwise
    from models.presets import fraud
    from models.rebalancing import Undersampled, Weighted
else:
    # Hidden from type checkers, which would take any name to exist.
    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = found
        return found


__all__ = [
    "FTRL",
    "SGD",
    "AdaGrad",
    "Adaptive",
    "Averaged",
    "BySource",
    "Clock",
    "Contest",
    "Counts",
    "Cross",
    "Hashed",
    "LabelRate",
    "Linear",
    "Logistic",
    "Mixing",
    "Number",
    "Pairwise",
    "Spikes",
    "Text",
    "Tokens",
    "Undersampled",
    "Weighted",
    "Window",
    "adapt",
    "fraud",
]

_MODULES = {
    **dict.fromkeys(
        (
            "Clock",
            "Counts",
            "Cross",
            "Hashed",
            "LabelRate",
            "Number",
            "Spikes",
            "Text",
            "Tokens",
            "Window",
        ),
        "features",
    ),
    **dict.fromkeys(("FTRL", "SGD", "AdaGrad"), "optimizers"),
    **dict.fromkeys(("Linear", "Logistic"), "linear"),
    "Mixing": "mixing",
    "Pairwise": "pairwise",
    "Adaptive": "adaptive",
    "Contest": "contest",
    "adapt": "adapter",
    "fraud": "presets",
    "Averaged": "averaged",
    "BySource": "bysource",
    **dict.fromkeys(("Undersampled", "Weighted"), "rebalancing"),
}
