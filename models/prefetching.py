"""Asking for memory before it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["prefetch"]


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(_context: Any, array: Any, place: Any) -> tuple[Any, Callable[..., Any]]:
    """``prefetch(array, place)`` in a kernel: have the item in the cache soon, and go on meanwhile.

    Reading an item of a large array at random takes as long as hundreds of instructions. Nothing is
    checked, and a place outside the array does no harm.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, given[0]).data
        address = builder.bitcast(builder.gep(data, [given[1]]), cgutils.voidptr_t)
        to_be_changed, kept_close, data_cache = (
            context.get_constant(types.int32, flag) for flag in (1, 3, 1)
        )
        arguments = [address, to_be_changed, kept_close, data_cache]
        kind = cgutils.ir.FunctionType(cgutils.ir.VoidType(), [it.type for it in arguments])
        function = builder.module.declare_intrinsic("llvm.prefetch", (address.type,), kind)
        builder.call(function, arguments)
        return context.get_dummy_value()

    return types.void(array, place), generate
