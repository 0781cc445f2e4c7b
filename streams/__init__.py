"""How records move: topics, codecs, agents, transactions, checkpoints, metrics, command line.

What a declaration needs is found here by name, and imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.conditions import Field, Score
    from streams.decisions import AlertBudget, Bands, Rule
    from streams.declare import Labels, Threshold, Topic
    from streams.errors import DeclarationError
    from streams.loading import load
    from streams.measure import Measure
    from streams.pipeline import Pipeline
    from streams.schema import Event, Secret
else:
    # Hidden from type checkers, which would take any name to exist.
    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = found
        return found


__all__ = [
    "AlertBudget",
    "Bands",
    "DeclarationError",
    "Event",
    "Field",
    "Labels",
    "Measure",
    "Pipeline",
    "Rule",
    "Score",
    "Secret",
    "Threshold",
    "Topic",
    "load",
]

_MODULES = {
    **dict.fromkeys(("Labels", "Threshold", "Topic"), "declare"),
    **dict.fromkeys(("AlertBudget", "Bands", "Rule"), "decisions"),
    **dict.fromkeys(("Field", "Score"), "conditions"),
    "DeclarationError": "errors",
    "Event": "schema",
    "Measure": "measure",
    "Pipeline": "pipeline",
    "Secret": "schema",
    "load": "loading",
}
