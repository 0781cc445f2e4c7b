"""Numba behind one typed door."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from hashlib import sha256
from inspect import getsource
from types import ModuleType
from typing import Any, ParamSpec, TypeVar, cast

from numba import njit

__all__ = ["compiled", "fused"]

P = ParamSpec("P")
T = TypeVar("T")


def compiled(function: Callable[P, T], **options: bool) -> Callable[P, T]:
    """Compile a function on first call and keep the machine code beside its module.

    Strict IEEE arithmetic, one thread: a kernel gives the same bits on every run. The kept code is
    renewed when the function's own file changes, and only then: to call a kernel of another module
    use `fused`.

    Where numba finds no directory to write to (it tries ``NUMBA_CACHE_DIR``, the module's own and
    the user's cache), nothing is kept, each process compiles anew, and a warning says so.
    """
    try:
        return cast("Callable[P, T]", njit(cache=True, **options)(function))
    except RuntimeError as error:
        # From one place, so that Python shows it once for all kernels.
        warnings.warn(
            f"compiled code is not kept, so every start takes seconds longer ({error}); "
            "set NUMBA_CACHE_DIR to a directory this process can write to",
            RuntimeWarning,
            stacklevel=1,
        )
        return cast("Callable[P, T]", njit(**options)(function))


def fused(*modules: ModuleType, inline: bool = True) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`compiled` for a kernel of many small functions, which become one piece of machine code.

    Each is put in line where it is called, so that it costs no call, and counts no references to
    arrays, which would cost more than the rest; so it can't make an array. They may call functions
    of `modules` and read constants there: the kept code is renewed when those files change too.

    What is large and seldom called is better left where it is (`inline=False`): in line, it is
    compiled once for each call.
    """
    sources = tuple(sha256(getsource(module).encode()).hexdigest() for module in modules)

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        kernel: Any = compiled(function, _nrt=False, forceinline=inline)
        kept = getattr(kernel._cache, "_cache_file", None)  # None where nothing is kept
        if kept is not None:
            kept._source_stamp = (kept._source_stamp, *sources)
        return cast("Callable[P, T]", kernel)

    return decorate
