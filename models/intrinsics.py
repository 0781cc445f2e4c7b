"""What kernels can ask of the machine that numba has no word for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["address_of", "copy", "prefetch"]


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

    Reading an item of a large array at random takes as long as hundreds of instructions. The place
    is that in the flattened array, which is contiguous, whatever its shape. Nothing is checked, and
    a place outside the array does no harm.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        address = address_of(context, builder, signature.args[0], *given)
        to_be_changed, kept_close, data_cache = (
            context.get_constant(types.int32, flag) for flag in (1, 3, 1)
        )
        arguments = [address, to_be_changed, kept_close, data_cache]
        takes = cgutils.ir.FunctionType(cgutils.ir.VoidType(), [it.type for it in arguments])
        function = builder.module.declare_intrinsic("llvm.prefetch", (address.type,), takes)
        builder.call(function, arguments)
        return context.get_dummy_value()

    return types.void(array, place), generate


def address_of(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    """Where the item at a place of the flattened array is.

    Numba's own word for it takes a single index for one of the first dimension.
    """
    items = context.make_array(kind)(context, builder, array)
    return builder.bitcast(builder.gep(items.data, [place]), cgutils.voidptr_t)
