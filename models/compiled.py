"""Numba behind one typed door."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

__all__ = ["compiled"]

P = ParamSpec("P")
T = TypeVar("T")


def compiled(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function on first call and keep the machine code beside its module.

    Strict IEEE arithmetic, one thread: a kernel gives the same bits on every run. The kept code is
    renewed when the function's own file changes, and only then: call no kernel of another module.

    Where numba finds no directory to write to (it tries ``NUMBA_CACHE_DIR``, the module's own and
    the user's cache), nothing is kept, each process compiles anew, and a warning says so.
    """
    try:
        return cast("Callable[P, T]", njit(cache=True)(function))
    except RuntimeError as error:
        # From one place, so that Python shows it once for all kernels.
        warnings.warn(
            f"compiled code is not kept, so every start takes seconds longer ({error}); "
            "set NUMBA_CACHE_DIR to a directory this process can write to",
            RuntimeWarning,
            stacklevel=1,
        )
        return cast("Callable[P, T]", njit(function))
