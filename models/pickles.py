"""River estimators as bytes, and back without letting the bytes run code of their choosing.

A pickle is a program. River's estimators have no other form, so theirs is run by an interpreter
that knows River's estimators, a few plain containers, and what the user's own declaration is made
of; anything else in it is refused before it is touched. A signature over the image is the
checkpoint's business.
"""

from __future__ import annotations

import io
import pickle
import types
from typing import Any

import river

from models.estimators import ModelError
from models.protocol import State

__all__ = ["dump", "load"]

_PLAIN = {
    "builtins": "bool bytearray bytes complex dict float frozenset int iter list object range set "
    "slice str tuple",
    "collections": "Counter OrderedDict defaultdict deque",
    "copy": "deepcopy",
    "copyreg": "_reconstructor",
    "datetime": "date datetime time timedelta timezone",
    "functools": "partial",
    "numpy": "array dtype ndarray ones",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy._core.numeric": "_frombuffer",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64",
    "numpy.random._pickle": "__bit_generator_ctor __generator_ctor __randomstate_ctor",
    "numpy.random.bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
    "random": "Random",
    "statistics": "NormalDist",
}

# River's own packages that read files or fetch from the network.
_REACHING_OUT = {"checks", "compat", "datasets", "evaluate", "stream"}

_METHODS = (types.MethodType, types.BuiltinMethodType, types.MethodDescriptorType)


def dump(estimator: Any) -> State:
    """The estimator as it stands, with River's version and its class."""
    return {
        "river": river.__version__,
        "class": _class_of(estimator),
        "pickle": pickle.dumps(estimator, protocol=5),
    }


def load(state: State, declared: Any) -> Any:
    """The estimator that `dump` was given.

    Args:
        declared: the estimator as the user declares it; what it is made of may be in the state.

    Raises:
        ModelError: made by another River, by another class, or naming what it should not.
    """
    if state["river"] != river.__version__:
        raise ModelError(
            f"this state was made by River {state['river']}, and here is River "
            f"{river.__version__}: an estimator does not carry over. Run 'pip install "
            f"river=={state['river']}', or start without the state and learn from the log"
        )
    if state["class"] != _class_of(declared):
        raise ModelError(
            f"this state holds a {state['class']}, and the pipeline declares a "
            f"{_class_of(declared)}: declare that again, or start without the state"
        )
    return _Reader(state["pickle"], _names_in(declared)).load()


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes, declared: set[tuple[str, str]]) -> None:
        super().__init__(io.BytesIO(data))
        self._declared = declared

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("builtins", "getattr"):
            return _method
        if name in _PLAIN.get(module, "").split() or (module, name) in self._declared:
            return super().find_class(module, name)
        if _is_river(module):
            found = super().find_class(module, name)
            # The name must be the thing's own, not a way through an import to something else.
            own = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
            if own == (module, name):
                return found
        raise ModelError(
            f"this state names {module}.{name}, which no River estimator is made of: it is damaged "
            "or forged. Do not load it; start from an older checkpoint, or without one"
        )


class _Names(pickle.Pickler):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), protocol=5)
        self.seen: set[tuple[str, str]] = set()

    def reducer_override(self, part: Any) -> Any:
        if isinstance(part, (type, types.FunctionType)):
            self.seen.add((part.__module__, part.__qualname__))
        return NotImplemented


def _names_in(estimator: Any) -> set[tuple[str, str]]:
    """Classes and functions the estimator is made of."""
    names = _Names()
    names.dump(estimator)
    return names.seen


def _method(owner: Any, name: str) -> Any:
    """What a pickle may use of `getattr`: a method of an estimator, of a text or of a generator."""
    kind = owner if isinstance(owner, type) else type(owner)
    if not name.startswith("__") and (_is_river(kind.__module__) or kind.__module__ in _OWNERS):
        found = getattr(owner, name)
        if isinstance(found, (*_METHODS, types.FunctionType)):
            return found
    raise ModelError(
        f"this state reads {name} of a {kind.__qualname__}, which no River estimator does: it is "
        "damaged or forged. Do not load it; start from an older checkpoint, or without one"
    )


_OWNERS = {"builtins", "random"}


def _is_river(module: str) -> bool:
    package, *inner = module.split(".")
    return package == "river" and _REACHING_OUT.isdisjoint(inner)


def _class_of(estimator: Any) -> str:
    return f"{type(estimator).__module__}.{type(estimator).__qualname__}"
