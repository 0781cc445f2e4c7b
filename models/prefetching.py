"""Asking for memory before it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
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
        address = builder.bitcast(builder.gep(data, [given[1]]), ir.IntType(8).as_pointer())
        flag = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", (address.type,), kind)
        to_read_or_write, keep_close, data_cache = flag(1), flag(3), flag(1)
        builder.call(function, [address, to_read_or_write, keep_close, data_cache])
        return context.get_dummy_value()

    return types.void(array, place), generate
