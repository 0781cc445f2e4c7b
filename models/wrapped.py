"""What models that are made of another model have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.protocol import Kind, Learner, Model, State, Target

__all__ = ["Wrapped", "WrappedLearner", "as_model"]


def as_model(given: Any, kind: Kind | None = None) -> Model:
    """The model: as it is, or a River estimator adapted, to that kind.

    Raises:
        ModelError: it is neither.
    """
    if hasattr(given, "form") and hasattr(given, "accepts"):
        model: Model = given
        return model
    from models.adapter import adapt

    return adapt(given, kind)


class Wrapped:
    """Declares a model around another one: it reads, accepts and predicts what that one does."""

    def __init__(self, model: Any) -> None:
        self.model = as_model(model)
        self.kind: Kind = self.model.kind
        self.form = self.model.form
        self.weighs: bool = getattr(self.model, "weighs", False)
        for name in ("bits", "seed", "slots", "sources", "whole"):
            if hasattr(self.model, name):
                setattr(self, name, getattr(self.model, name))

    def accepts(self, target: Target) -> str | None:
        """Why this label cannot be learned; None: it can."""
        return self.model.accepts(target)

    def probe(self, x: Mapping[str, Any], target: Target) -> None:
        """Try a River estimator on one event; see `models.adapter.RiverModel.probe`."""
        self.model.probe(x, target)  # type: ignore[attr-defined]  # what reads dicts has it


class WrappedLearner:
    """A learner around another one, whose state is its own."""

    def __init__(self, inner: Learner[Any]) -> None:
        self.kind: Kind = inner.kind
        self._inner = inner

    def state(self) -> State:
        """The state of the learner inside."""
        return self._inner.state()

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""
        self._inner.restore(state)

    def summary(self) -> Mapping[str, float]:
        """The figures of the learner inside."""
        return self._inner.summary()
