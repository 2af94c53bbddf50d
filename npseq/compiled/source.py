"""A trace as Python for Numba: a function a kernel, over flat blocks, and the loop over time that calls them."""

from collections.abc import Callable, Iterator

from npseq.gpu.program import Kernel, MatrixProduct, Program, Reduction, Ref, Untraceable

Place = Callable[[Ref], str]  # where a block lies, as text

PYTHON = {  # the operations of npseq.gpu.operations, of numbers; both sides of a choice are computed, without a branch
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "positive": "{0}",
    "square": "{0} * {0}",
    "reciprocal": "one / {0}",
    "absolute": "abs({0})",
    "maximum": "{0} if ({0} > {1}) | ({0} != {0}) else {1}",
    "minimum": "{0} if ({0} < {1}) | ({0} != {0}) else {1}",
    "where": "{1} if {0} else {2}",
    "number": "one if {0} else zero",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "logical_and": "{0} & {1}",
    "logical_or": "{0} | {1}",
    "logical_not": "not {0}",
    **{name: f"{name}({{0}})" for name in ("exp", "tanh", "expm1", "log", "log1p", "sqrt", "cos", "sin", "erfc")},
}


def _name(ref: Ref) -> str:
    return ref.array if ref.gate is None else f"{ref.array}_{ref.gate}"


def _function(name: str, kernel: Kernel) -> list[str]:
    """The function of a kernel, whose arguments are its blocks."""
    lines = ["@njit(**APART)", f"def {name}({', '.join(map(_name, refs(kernel)))}):"]
    lines.append(f"    for j in range({_name(kernel.stores[0][0])}.size):")
    for k, (op, args) in enumerate(kernel.assignments):
        if op == "load":
            value = f"{_name(args[0])}[j]"
        elif op == "constant":
            value = f"T({args[0]!r})"
        else:
            value = PYTHON[op].format(*(f"x{arg}" for arg in args))
        lines.append(f"        x{k} = {value}")
    return [*lines, *(f"        {_name(ref)}[j] = x{k}" for ref, k in kernel.stores)]


def refs(kernel: Kernel) -> list[Ref]:
    loads = [assignment.args[0] for assignment in kernel.assignments if assignment.op == "load"]
    return list(dict.fromkeys([*loads, *(ref for ref, _ in kernel.stores)]))


def kernels(program: Program, label: str) -> Iterator[str]:
    """The lines of the functions of a program's kernels."""
    for k, step in enumerate(program.steps):
        if isinstance(step, Reduction):
            raise Untraceable("compiled loops have no sum over a block")
        if isinstance(step, Kernel):
            yield from [*_function(f"{label}_{k}", step), ""]


def calls(program: Program, label: str, place: Place, product: Callable[[MatrixProduct], list[str]]) -> Iterator[str]:
    """The lines of one step."""
    for k, step in enumerate(program.steps):
        if isinstance(step, MatrixProduct):
            yield from product(step)
        elif isinstance(step, Kernel):
            yield f"{label}_{k}({', '.join(map(place, refs(step)))})"
