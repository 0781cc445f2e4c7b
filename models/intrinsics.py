"""What kernels can ask of the machine that numba has no word for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["copy", "prefetch"]


@intrinsic  # type: ignore[untyped-decorator]
def copy(
    _context: Any, source: Any, start: Any, length: Any, target: Any, at: Any
) -> tuple[Any, Callable[..., Any]]:
    """``copy(source, start, length, target, at)`` in a kernel: `length` bytes, by memcpy.

    A loop over bytes takes ten times as long, and assigning a slice as well. Nothing is checked:
    both arrays hold single bytes, they do not overlap, no argument is negative, and the room is
    there.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        arrays = (
            context.make_array(signature.args[place])(context, builder, given[place])
            for place in (0, 3)
        )
        origin, goal = (array.data for array in arrays)
        cgutils.raw_memcpy(
            builder, builder.gep(goal, [given[4]]), builder.gep(origin, [given[1]]), given[2], 1
        )
        return context.get_dummy_value()

    return types.void(source, start, length, target, at), generate


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(_context: Any, array: Any, place: Any) -> tuple[Any, Callable[..., Any]]:
    """``prefetch(array, place)`` in a kernel: have the item in the cache soon, and go on meanwhile.

    Reading an item of a large array at random takes as long as hundreds of instructions. Nothing is
    checked, and a place outside the array does no harm.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind = signature.args[0]
        items = context.make_array(kind)(context, builder, given[0])
        item = cgutils.get_item_pointer(context, builder, kind, items, [given[1]])
        address = builder.bitcast(item, cgutils.voidptr_t)
        to_be_changed, kept_close, data_cache = (
            context.get_constant(types.int32, flag) for flag in (1, 3, 1)
        )
        arguments = [address, to_be_changed, kept_close, data_cache]
        takes = cgutils.ir.FunctionType(cgutils.ir.VoidType(), [it.type for it in arguments])
        function = builder.module.declare_intrinsic("llvm.prefetch", (address.type,), takes)
        builder.call(function, arguments)
        return context.get_dummy_value()

    return types.void(array, place), generate
