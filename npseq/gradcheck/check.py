"""The function gradcheck refuses wrong arguments, then runs one of the four methods on every tensor."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from npseq.arguments import array_or_lists, integer, number, one_of
from npseq.arguments import function as callable_function
from npseq.backend import Array, drawing, generator, to_host
from npseq.gradcheck import central, complex_step, directional, taylor
from npseq.gradcheck.callables.problem import problem_of
from npseq.gradcheck.function import Scalar, ScalarFunction
from npseq.gradcheck.likeness import likeness
from npseq.gradcheck.noise import measured_rounding
from npseq.gradcheck.places import UNNAMED, Labels, time_labels
from npseq.gradcheck.report import Report
from npseq.gradcheck.rows import TensorReport
from npseq.gradcheck.verdict import Tensor, Tolerance

Gradient = Mapping[str, Array] | Callable[[dict[str, Array]], Mapping[str, Array]]
METHODS: dict[str, tuple[Callable[..., TensorReport], float]] = {  # {name: (function of one tensor, default of rtol)}
    "central": (central.check_central, central.RTOL),
    "complex": (complex_step.check_complex, complex_step.RTOL),
    "directional": (directional.check_directional, directional.RTOL),
    "taylor": (taylor.check_taylor, directional.RTOL),
}
RANDOM = 1e-3  # two calls of f that differ by more than this of its size are random, by less rounded


def gradcheck(
    f: Any,
    at: Any,
    gradient: Any = None,
    method: str = "central",
    rtol: float | None = None,
    rng: int | np.random.Generator | None = None,
    time_axis: Mapping[str, int] | None = None,
) -> Report:
    """Checks a gradient of a scalar function of arrays and returns a Report; neither has to be npseq's.

    If f has a kink within reach of rounding, an entry passes with any value between the slopes of the two sides, and
    report.kinks names it. A tensor with a zero gradient passes if f does not change with it beyond f's rounding.

    Args:
        f: {name: array} -> scalar, real and deterministic. It gets float64 copies of `at` in a new dict (complex128
            with method "complex") and must not write to them. Or f(x, y), f(tree), where `at` says so; or a function of
            PyTorch's tensors or JAX's arrays, an nn.Module, an autograd.Function, a Keras layer, whose outputs are
            summed with random weights where they are no scalar.
        at: {name: real floating array of any shape}, NumPy or CuPy; never written to. A tuple is the arguments f(*at);
            anything else, an array, or lists, mappings and dataclasses of them, one argument f(at). A module's or a
            layer's are its inputs; its parameters are checked beside them.
        gradient: {name: array of the same shape}, or a function that makes one from float64 copies of `at`; of the form
            of `at` in any case. None is a framework's own, with the backward passes that somebody has written for it.
        method: "central" compares every entry with a central difference, extrapolated if one step does not settle it.
            "complex" compares every entry with a complex step of 1e-20 of its value: right to rounding, for an
            analytic f. "directional" compares slopes along random directions, for tensors too large for the others, and
            states its chance of missing an error. "taylor" does so too, and fits the slopes of the first and second
            remainders, which are 1 and 2.
        rtol: the largest error that passes, relative to the largest gradient entry of the same tensor; there is no
            absolute tolerance. None means 1e-12 for "complex" and 1e-6 otherwise, and at least 1e-4 if the gradient is
            float32. The measured rounding error of f is added to it, up to 1e-4 of the scale if rtol is None, else up
            to rtol; an f that computes in float32 or float16, or cuts digits off, is recognised. If the rounding is
            larger, the tensor is "inconclusive" and does not pass.
        rng: seed or Generator of the random directions; None takes the same ones every time.
        time_axis: {name: axis}, {"x": 0} say: each slice along the axis is judged relative to its own largest entry,
            for a gradient that vanishes over time, and what is wrong where it is small. Take a loss at a late step, and
            "complex", which keeps its digits down to 1e-280; "central" is "inconclusive" where rounding hides a step.

    Raises:
        TypeError: if an argument or an array has the wrong type or dtype.
        ValueError: if names or shapes do not match, or if f does not return a finite real scalar, returns another value
            when called again, or writes to its arguments.
        NotAnalyticError: if "complex" cannot be used; it is a ValueError.

    Example:
        >>> ns.gradcheck(lambda at: (at["x"] ** 2).sum(), {"x": np.ones(3)}, {"x": np.full(3, 2.0)}).passed
        True
    """
    with drawing(0 if rng is None else rng) as draw:
        return checked(*problem_of(f, at, gradient, draw), method, rtol, draw, time_axis=time_axis)


def checked(
    f: Callable[[dict[str, Array]], Scalar],
    at: Mapping[str, Array],
    gradient: Gradient,
    method: str,
    rtol: float | None = None,
    rng: int | np.random.Generator | None = None,
    rounding: Callable[[], Mapping[str, Array]] | None = None,
    time_axis: Mapping[str, int] | None = None,
    labels: Mapping[str, Labels] | None = None,
) -> Report:
    """gradcheck, where a function may bound what rounding has cost each entry of the gradient, for "complex".

    labels: {name: what the axes of a tensor are called}.
    """
    one_of("method", method, tuple(METHODS))
    if rtol is not None and not 0 < number("rtol", rtol) < 1:
        raise ValueError(f"rtol must be a relative tolerance between 0 and 1, got {rtol!r}")
    callable_function("f", f)
    generator_ = generator(0 if rng is None else rng)
    function = ScalarFunction(f, _point(at))
    check, default = METHODS[method]
    axes = _axes(time_axis, function, method)
    gradients = _gradients(gradient, function)
    named = {name: time_labels(axis) for name, axis in axes.items()} if labels is None else labels
    tensors = [
        _tensor(name, x, gradients[name], rtol, default)._replace(axis=axes.get(name), labels=named.get(name, UNNAMED))
        for name, x in function.arguments().items()
    ]
    rows = []
    with np.errstate(all="ignore"):  # a step out of f's domain shows in its value, a warning adds nothing
        function.origin = _origin(function)
        repeats = _difference_of_calls(function, generator_)
        function.noise, function.unit = measured_rounding(function, generator_, repeats)
        if method == "complex":
            copy = complex_step.complex_copy(function)
            check = partial(check, copy=copy, rounding=None if rounding is None else cache(rounding))
        for tensor in tensors:
            before = function.evaluations
            row = check(tensor, function, generator_)
            rows.append(replace(row, evaluations=function.evaluations - before))
    _require_untouched(function)
    note = likeness(rows, {tensor.name: tensor.analytic for tensor in tensors}, function.arguments())
    return Report(method, tuple(rows), function.evaluations, note, f, function.arguments())


def _point(at: Any) -> dict[str, Array]:
    """Returns at as arrays, which must be real floating and finite."""
    if not isinstance(at, Mapping) or not at:
        raise ValueError(f"at must map one name or more to arrays, got {at!r:.80}")
    for name in at:
        if not isinstance(name, str):
            raise TypeError(f"at must map names, which are strings, to arrays, got the name {name!r}")
    point = {name: array_or_lists(f"at[{name!r}]", value) for name, value in at.items()}
    for name, array in point.items():
        if array.dtype.kind != "f" or array.dtype.itemsize > 8:
            raise TypeError(
                f"at[{name!r}] must be a real floating array of at most 64 bits, got {array.dtype}; "
                "convert it, or bind what has no gradient (ids, lengths) inside f"
            )
        if not np.isfinite(to_host(array)).all():
            raise ValueError(f"at[{name!r}] must be finite, got NaN or infinite values; choose another point")
    return point


def _gradients(gradient: Gradient, function: ScalarFunction) -> dict[str, Array]:
    """Returns the gradient's arrays, from the mapping or by calling it on copies that it must not change."""
    if not callable(gradient):
        found: Mapping[str, Array] = gradient
    else:
        given = function.arguments()
        found = gradient(dict(given))
        changed = [name for name, value in function.arguments().items() if not bool((given[name] == value).all())]
        if changed:
            raise ValueError(f"gradient must not write on its arguments, it changed {_listed(changed)}; copy first")
    if not isinstance(found, Mapping):
        raise TypeError(f"gradient must be or return a mapping of names to arrays, got {type(found).__name__}")
    missing = [name for name in function.values if found.get(name) is None]
    extra = [name for name in found if name not in function.values]
    if missing or extra:
        raise ValueError(
            f"gradient must have the names of at, {_listed(function.values)}; missing: {_listed(missing)}, "
            f"not in at: {_listed(extra)}"
        )
    return {name: array_or_lists(f"gradient[{name!r}]", value) for name, value in found.items()}


def _tensor(name: str, at: Array, gradient: Array, rtol: float | None, default: float) -> Tensor:
    """Returns a tensor to check; its gradient must have its shape and be real."""
    shape = tuple(at.shape)
    if tuple(gradient.shape) != shape:
        raise ValueError(f"gradient[{name!r}] must have the shape of at[{name!r}], {shape}, got {gradient.shape}")
    if gradient.dtype.kind != "f" or gradient.dtype.itemsize not in (4, 8):
        raise TypeError(f"gradient[{name!r}] must be float32 or float64, got {gradient.dtype}; convert it")
    analytic = to_host(gradient).astype(np.float64).reshape(-1)
    return Tensor(name, shape, analytic, Tolerance.of(rtol, default, gradient.dtype))


def _axes(time_axis: Any, function: ScalarFunction, method: str) -> dict[str, int]:
    """Returns the axis of time of each tensor that has one."""
    if time_axis is None:
        return {}
    if not isinstance(time_axis, Mapping):
        raise TypeError(f"time_axis must map names of at to the axis of time, got {time_axis!r:.80}; say {{'x': 0}}")
    if method in ("directional", "taylor"):
        raise ValueError(f"time_axis needs a method that compares entries, 'complex' or 'central', got {method!r}")
    shapes = {name: value.shape for name, value in function.arguments().items()}
    extra = [name for name in time_axis if name not in shapes]
    if extra:
        raise ValueError(f"time_axis must have names of at, {_listed(shapes)}, got {_listed(extra)}")
    axes = {}
    for name, axis in time_axis.items():
        if len(shapes[name]) == 0:
            raise ValueError(f"time_axis must be an axis of at[{name!r}], which has none; leave it out")
        axes[name] = integer(f"time_axis[{name!r}]", axis, 0, len(shapes[name]))
    return axes


def _origin(function: ScalarFunction) -> float:
    """Returns f at the point, which must be a finite real scalar, and leave its arguments alone."""
    value: float = function()
    _require_untouched(function)
    if not np.isfinite(value):
        raise ValueError(f"f must be finite at the point, got {value}; choose another point")
    return value


def _difference_of_calls(function: ScalarFunction, rng: np.random.Generator) -> float:
    """Returns by how much f differs when called again, which must be little beside what f and its arguments are.

    A sum in another order is rounded in another way, also where f is zero: that is not random, but part of the noise.
    """
    first, second = function.origin, function()
    difference: float = abs(first - second)
    if difference <= RANDOM * max(abs(first), abs(second)):
        return difference
    direction = {name: function.sizes(name) * rng.standard_normal(x.size) for name, x in function.values.items()}
    size = max(abs(function.moved(direction, 1.0) - first), *map(function.typical, function.values))
    if not difference <= RANDOM * size:
        raise ValueError(
            f"f must be deterministic, two calls at the same point gave {first!r} and {second!r}; fix its rng"
        )
    return difference


def _require_untouched(function: ScalarFunction) -> None:
    """Raises if f changed an argument in place: the rest of the check would be at another point."""
    changed = function.written_on()
    if changed:
        raise ValueError(f"f must not write on its arguments, it changed {_listed(changed)} in place; copy inside f")


def _listed(names: object) -> str:
    return ", ".join(map(repr, names))[:400] or "none"  # type: ignore[call-overload]
