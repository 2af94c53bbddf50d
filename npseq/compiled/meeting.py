"""Threads of a loop over time wait for each other, by one number that they count up."""

from typing import Any

import llvmlite.binding
import numba
from llvmlite import ir
from numba.extending import intrinsic

from npseq.compiled.products import PLAIN

YIELD = "sched_yield" if llvmlite.binding.address_of_symbol("sched_yield") else None  # where an operating system has it
_intrinsic: Any = intrinsic  # it takes the first argument, the compiler's, away
PATIENCE = 2000  # looks, about a microsecond, after which a thread lets others of this core run


@numba.njit(**PLAIN)
def meet(arrived, met, count):
    """Waits until all `count` threads have come here; met: how many had come before. Returns how many have."""
    if count > 1:
        _come(arrived)
        met, looks = met + count, 0
        while _have_come(arrived) < met:
            looks += 1
            if looks > PATIENCE:
                _let_others_run()
    return met


@_intrinsic
def _come(_: Any, arrived: Any) -> Any:
    def code(context: Any, build: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, build, args[0]).data
        build.atomic_rmw("add", data, ir.IntType(64)(1), "seq_cst")
        return context.get_dummy_value()

    return numba.void(arrived), code


@_intrinsic
def _have_come(_: Any, arrived: Any) -> Any:
    def code(context: Any, build: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, build, args[0]).data
        return build.load_atomic(data, "seq_cst", 8)

    return numba.int64(arrived), code


@_intrinsic
def _let_others_run(_: Any) -> Any:
    def code(context: Any, build: Any, signature: Any, args: Any) -> Any:
        if YIELD is not None:
            kind = ir.FunctionType(ir.IntType(32), [])
            build.call(numba.core.cgutils.get_or_insert_function(build.module, kind, YIELD), [])
        return context.get_dummy_value()

    return numba.void(), code
