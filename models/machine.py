"""What the bits of a floating-point result depend on besides the program: where it ran."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version

__all__ = ["machine"]


@cache
def machine() -> dict[str, str]:
    """Processor, C library and the packages that compute, each by its name and version.

    Kernels are compiled for the processor at hand, which may join a multiplication and an addition
    in one rounding; exp and log come from the C library. Where two of these are equal, so are all
    results, to the bit.
    """
    from numba.core.codegen import ll  # llvmlite's binding, in the version that numba came with

    return {
        "machine": platform.machine(),
        "cpu": ll.get_host_cpu_name(),
        "libm": " ".join(platform.libc_ver()).strip() or platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "llvmlite")},
    }
