"""Models of the same rows: what has to agree so that they can be compared, swapped or averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from models.protocol import Kind, Model, Target
from models.wrapped import as_model

__all__ = ["Shared", "publishing"]


class Shared:
    """What a model made of others has of them; implements half of `models.protocol.Model`.

    Args:
        models: by the name of the parameter each was given as; River estimators are adapted to
            the kind of the first.

    Raises:
        TypeError: one of them is no model.
        ValueError: they cannot read the same rows or answer the same question.
    """

    bits: int
    seed: int
    slots: bool

    def __init__(self, models: Mapping[str, Any]) -> None:
        caller = type(self).__name__
        kind: Kind | None = None
        self.models: dict[str, Model] = {}
        for name, given in models.items():
            self.models[name] = _model(f"{caller}({name}=", given, kind)
            kind = kind or self.models[name].kind
        first, *others = self.models
        for name in others:
            self._check_alike(first, name)
        self._first = self.models[first]
        if self.form == "hashed":
            for name, default in (("bits", 0), ("seed", 0), ("slots", False)):
                setattr(self, name, getattr(self._first, name, default))

    @property
    def kind(self) -> Kind:
        """What they predict."""
        return self._first.kind

    @property
    def form(self) -> Literal["hashed", "named"]:
        """How they read an event."""
        return self._first.form

    def accepts(self, target: Target) -> str | None:
        """Why one of them cannot learn this label; None: all can."""
        refusals = (model.accepts(target) for model in self.models.values())
        return next((why for why in refusals if why is not None), None)

    def probe(self, x: Mapping[str, Any], target: Target) -> None:
        """Try each estimator on an event, see `models.adapter.RiverModel.probe`."""
        for model in self.models.values():
            if probe := getattr(model, "probe", None):
                probe(x, target)

    def _check_alike(self, first: str, other: str) -> None:
        one, two = self.models[first], self.models[other]
        for what in ("kind", "form", "bits", "seed", "slots"):
            its, own = getattr(one, what, None), getattr(two, what, None)
            if its != own:
                raise ValueError(
                    f"{type(self).__name__}: {other} has {what}={own!r} and {first} has "
                    f"{what}={its!r}. All of them score and learn the same rows: give {other} a "
                    f"model with {what}={its!r}"
                )


def publishing(learner: Any) -> Any:
    """The learner whose scores are published: itself, or the one inside that has its place."""
    while (inner := getattr(learner, "published", None)) is not None:
        learner = inner
    return learner


def _model(call: str, given: Any, kind: Kind | None) -> Model:
    if isinstance(given, type):
        raise TypeError(
            f"{call}{given.__name__}): that is the class; every partition starts from a copy of an "
            f"instance: write {call}{given.__name__}())"
        )
    from models.estimators import ModelError  # River: not for those who only ask who publishes

    try:
        return as_model(given, kind)
    except ModelError as error:
        raise TypeError(f"{call}{given!r}): {error}") from error
